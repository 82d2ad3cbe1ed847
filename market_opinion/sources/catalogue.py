"""Every source by its name: our own, and those of packages that bring more.

Packages name theirs under the entry point `market_opinion.sources`. Whatever the rest of the
platform has to know of a single source, it asks here: formats, addresses, settings, secrets.
"""

import functools
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from pydantic.fields import FieldInfo

from market_opinion.core.errors import InvalidRequest, SettingsInvalid
from market_opinion.core.setting_groups import SettingsGroup
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

    Raises InvalidRequest that names the sources there are, and SettingsInvalid where this one
    cannot be imported.
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
    """Return the source by whose rules hours of a platform are complete, however its items came."""
    return _source_name(platform) or "file"


def profile_of(platform: str) -> type[SourceProfile] | None:
    """Return the class of the platform's source; None for a platform of mapped files."""
    name = _source_name(platform)
    return source_type(name) if name else None


def line_formats(platform: str) -> LineFormats | None:
    """Return the formats of a platform's lines by kind of item; None where no source brings any."""
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
    """Return the descriptions of all secrets of sources by the names of their variables."""
    descriptions = {
        name: text for group in settings_groups() for name, text in group.secrets().items()
    }
    return dict(sorted(descriptions.items()))


@functools.cache
def _entry_points() -> dict[str, EntryPoint]:
    """Return the places of all sources, each of which is imported when it is used.

    Some clients take long to import.
    """
    own = {name: EntryPoint(name, f"{GROUP}.{place}", GROUP) for name, place in _OWN.items()}
    return {point.name: point for point in entry_points(group=GROUP)} | own


@functools.cache
def _source_name(platform: str) -> str | None:
    """Return the source that has the name of its platform, else the first that reads it."""
    if platform in _entry_points():
        return platform
    return next((name for name in names() if source_type(name).platform == platform), None)


def forget() -> None:
    """Look for entry points anew, as after a package was installed."""
    _entry_points.cache_clear()
    _source_name.cache_clear()
