"""Settings of given values alone, for a run over a home that is no part of this installation."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, SecretStr
from pydantic_settings import PydanticBaseSettingsSource

from market_opinion.core.setting_groups import SettingsGroup
from market_opinion.core.settings import GROUPS, Settings

Group = TypeVar("Group", bound=SettingsGroup)
Values = dict[str, dict[str, Any]]
# Settings that decide which rows come out, by their group; none is a secret, an address or a path.
_SHARED = "shared"
DECIDING = {
    _SHARED: ("scorer", "span_max_items", "reddit_close_lag_minutes"),
    "scoring": ("mention_min", "opinion_min"),
    "llm": ("model", "routed_share", "items_per_request"),
    "mart": ("publish_min_authors", "publish_links"),
}


class SettingsApart(Settings):
    """Settings that neither the environment nor a `.env` file has a say in.

    `values` are those of the groups, by the name of the group and of its field.
    """

    values: Values = Field(default_factory=dict)

    def group(self, kind: type[Group]) -> Group:
        """Return a group of the values, with the defaults of all others."""
        names = {each: name for name, each in GROUPS.items()}
        return _alone(kind, self.home, self.values.get(names.get(kind, ""), {}))


def deciding_values(settings: Settings) -> Values:
    """Return the settings that decide which rows come out; there is no secret among them."""
    groups = {name: settings if name == _SHARED else getattr(settings, name) for name in DECIDING}
    return {
        name: {field: getattr(groups[name], field) for field in fields}
        for name, fields in DECIDING.items()
    }


def settings_apart(home: Path, values: Values, here: Settings) -> Settings:
    """Return settings of `deciding_values` over a home of its own.

    Its stores are the embedded ones in that home, whatever else the values name. Domains, weights
    and pepper are those of `here`. No model is asked: the answers in the ledger alone count.
    """
    values = {
        name: {field: given for field, given in values.get(name, {}).items() if field in fields}
        for name, fields in DECIDING.items()
    }
    offline = {"mode": "ledger", "api_key": "none is needed"}
    weights = {"local_model": here.scoring.local_model}
    groups = {
        **values,
        "scoring": {**values["scoring"], **weights},
        "llm": {**values["llm"], **offline},
        # A name that no configuration of PyIceberg gives to a catalogue of this machine.
        "lake": {"catalog": "market_opinion_apart"},
    }
    shared = {
        **values[_SHARED],
        "domains_path": here.domains_path,
        "author_pepper": SecretStr(here.pepper()),
    }
    return _alone(SettingsApart, home, {**shared, "values": groups})


def _alone(kind: type[Group], home: Path, values: dict[str, Any]) -> Group:
    """Return a group of these values, by the names of its fields."""
    aliases = {name: info.alias or name for name, info in kind.model_fields.items()}

    class Alone(kind):  # type: ignore[valid-type,misc]  # the class is known when it is called
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type,
            init_settings: PydanticBaseSettingsSource,
            **_: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del settings_cls
            return (init_settings,)

    named = {aliases[name]: value for name, value in {**values, "home_path": home}.items()}
    return Alone(**named)
