"""Every source by its name: those of this project, and those that packages bring under the entry point `market_opinion.sources`."""

import functools
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from market_opinion.core.errors import InvalidRequest
from market_opinion.sources import Listed

GROUP = "market_opinion.sources"
_OWN = {
    "archive": "archive:Archive",
    "facebook": "meta:Facebook",
    "file": "mapped:MappedFiles",
    "hackernews": "hackernews:HackerNews",
    "instagram": "meta:Instagram",
    "linkedin": "linkedin:LinkedIn",
    "reddit": "reddit.ingestion:RedditIngestionService",
    "reviews": "reviews:Reviews",
    "sample": "sample:Sample",
    "steam": "steam:Steam",
    "x": "x:X",
}

# Platforms that are read from files alone.
_OF_FILES = {"amazon": "reviews"}


@functools.cache
def _known() -> dict[str, EntryPoint]:
    """Loaded when they are used: some bring a client that takes long to import."""
    own = {name: EntryPoint(name, f"{GROUP}.{place}", GROUP) for name, place in _OWN.items()}
    return {point.name: point for point in entry_points(group=GROUP)} | own


def names() -> list[str]:
    """In alphabetical order."""
    return sorted(_known())


def source_type(name: str) -> type[Listed]:
    """The source of this name; raises InvalidRequest naming those that exist."""
    if name not in _known():
        message = f"no source {name!r}; there are: {', '.join(names())}"
        raise InvalidRequest(message)
    return cast("type[Listed]", _known()[name].load())


def source_of(platform: str) -> str:
    """The source by whose rules hours of a platform are complete, whichever way its items came."""
    return platform if platform in _known() else _OF_FILES.get(platform, "file")
