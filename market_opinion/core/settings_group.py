"""Groups of settings, each for one part, read from the environment and `.env` as `Settings` is."""

from typing import TypeVar, get_args

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from market_opinion.core.errors import SettingsInvalid


class SettingsGroup(BaseSettings):
    """Settings of one part, a variable each: the prefix and the name of the field, in capitals.

    A field that holds a secret is a `SecretStr`. For example::

        class NotesSettings(SettingsGroup):
            model_config = SettingsConfigDict(env_prefix="NOTES_")

            url: str = Field("https://notes.example", description="Address of the notes.")
            token: SecretStr | None = Field(None, description="Token that reads them.")
    """

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)


Group = TypeVar("Group", bound=SettingsGroup)


def read_group(group: type[Group]) -> Group:
    """Return the group as it is set now; raises SettingsInvalid that names a wrong variable."""
    try:
        return group()
    except ValidationError as error:
        fields = {name: variable for variable, (name, _) in _fields(group).items()}
        reasons = "; ".join(
            f"{fields.get(str(e['loc'][0]), str(e['loc'][0]).upper())}: {e['msg']}"
            for e in error.errors()
        )
        message = f"environment not usable: {reasons}"
        raise SettingsInvalid(message) from None


def variables(group: type[SettingsGroup]) -> dict[str, FieldInfo]:
    """Return the fields of the group by the names of their variables."""
    return {variable: info for variable, (_, info) in _fields(group).items()}


def secrets(group: type[SettingsGroup]) -> dict[str, str]:
    """Return the descriptions of the variables that hold a secret, by their names."""
    return {
        variable: info.description or ""
        for variable, info in variables(group).items()
        if SecretStr in {info.annotation, *get_args(info.annotation)}
    }


def missing_secrets(group: SettingsGroup) -> list[str]:
    """Return the names of the variables that should hold a secret and are not set."""
    wanted = secrets(type(group))
    return [
        variable
        for variable, (name, _) in _fields(type(group)).items()
        if variable in wanted and getattr(group, name) is None
    ]


def _fields(group: type[SettingsGroup]) -> dict[str, tuple[str, FieldInfo]]:
    prefix = group.model_config.get("env_prefix", "")
    return {
        (info.alias or f"{prefix}{name}").upper(): (name, info)
        for name, info in group.model_fields.items()
    }
