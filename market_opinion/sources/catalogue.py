"""Every source by its name: our own, and the sources of other installed packages.

The rest of the platform asks here for the formats, addresses, settings and secrets of a source, and
imports no source itself. Another package adds one by an entry point in its `pyproject.toml`::

    [project.entry-points."market_opinion.sources"]
    notes = "notes_source:Notes"
"""

import functools
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from pydantic.fields import FieldInfo

from market_opinion.core.errors import InvalidRequest, SettingsInvalid
from market_opinion.core.setting_groups import SettingsGroup
from market_opinion.core.settings import Settings
from market_opinion.sources import SourceProfile
from market_opinion.storage.format_reference import LineFormats

GROUP = "market_opinion.sources"
_OWN = {
    "archive": "archive:Archive",
    "facebook": "meta:Facebook",
    "file": "mapped:MappedFiles",
    "hackernews": "hackernews:HackerNews",
    "instagram": "meta:Instagram",
    "linkedin": "linkedin:LinkedIn",
    "reddit": "reddit.profile:RedditProfile",
    "reviews": "reviews:Reviews",
    "sample": "sample:Sample",
    "steam": "steam:Steam",
    "x": "x:X",
}


def names() -> list[str]:
    """Return the names of all sources in alphabetical order."""
    return sorted(_entry_points())


def source_type(name: str) -> type[SourceProfile]:
    """Return the class of a source.

    Raises InvalidRequest with the names of all sources for an unknown name, and SettingsInvalid
    if the source cannot be imported.
    """
    if name not in _entry_points():
        message = f"no source {name!r}; there are: {', '.join(names())}"
        raise InvalidRequest(message)
    try:
        return cast("type[SourceProfile]", _entry_points()[name].load())
    except (ImportError, AttributeError) as error:
        message = (
            f"source {name} cannot be imported ({error}): install its package again, or remove it"
        )
        raise SettingsInvalid(message) from error


def source_of(platform: str) -> str:
    """Return the source whose rules decide that an hour of the platform is complete.

    They decide for items that came by other ways too, for example by the stream.
    """
    return _source_name(platform) or "file"


def profile_of(platform: str) -> type[SourceProfile] | None:
    """Return the class of the platform's source; None for a platform that has only mapped files."""
    name = _source_name(platform)
    return source_type(name) if name else None


def line_formats(platform: str) -> LineFormats | None:
    """Return the formats of a platform's lines by kind of item; None if no source defines them."""
    profile = profile_of(platform)
    return (profile.line_formats or None) if profile else None


def settings_groups() -> list[type[SettingsGroup]]:
    """Return the settings of all sources, in the order of their names."""
    groups = (source_type(name).settings_group for name in names())
    return [group for group in groups if group is not None]


def setting_variables() -> dict[str, FieldInfo]:
    """Return the fields of all settings of sources by the names of their variables."""
    return {name: info for group in settings_groups() for name, info in group.own_fields().items()}


def secret_variables() -> dict[str, str]:
    """Return the secrets that an account keeps for sources: descriptions by variable."""
    descriptions = {
        variable: text for name in names() for variable, text in source_type(name).secrets().items()
    }
    return dict(sorted(descriptions.items()))


def cloud_secrets(settings: Settings) -> list[str]:
    """Return the variables of sources that name a secret of AWS and are set."""
    return [
        variable
        for group in settings_groups()
        for variable, field in group.field_names().items()
        if variable.endswith("_SECRET_ARN") and getattr(settings.group(group), field)
    ]


@functools.cache
def _entry_points() -> dict[str, EntryPoint]:
    """Return the entry points of all sources by name, without importing any.

    Each source is imported when it is first used, since some clients take long to import.
    """
    own_points = {name: EntryPoint(name, f"{GROUP}.{at}", GROUP) for name, at in _OWN.items()}
    return {point.name: point for point in entry_points(group=GROUP)} | own_points


@functools.cache
def _source_name(platform: str) -> str | None:
    """Return the source named like the platform, else the first by name that reads the platform."""
    if platform in _entry_points():
        return platform
    return next((name for name in names() if source_type(name).platform == platform), None)


def forget() -> None:
    """Discard the cached entry points, so that a package installed since is seen."""
    _entry_points.cache_clear()
    _source_name.cache_clear()
