"""The adapters a run works with, opened from the settings where they are used."""

from market_opinion.lake import Lake, open_lake
from market_opinion.landing import Landing
from market_opinion.mart.duckdb import DuckDBMart
from market_opinion.settings import load_settings
from market_opinion.sources import Source
from market_opinion.sources.archive import Archive
from market_opinion.sources.sample import Sample
from market_opinion.state import StateStore


def landing() -> Landing:
    """The landing zone."""
    settings = load_settings()
    return Landing(settings.landing, compression=settings.landing_compression, max_bytes=settings.landing_max_bytes)


def lake() -> Lake:
    """The lake."""
    settings = load_settings()
    return open_lake(settings.lake_catalog, settings.lake_path)


def state() -> StateStore:
    """The state store."""
    settings = load_settings()
    return StateStore(settings.state_path, environment=settings.environment)


def mart() -> DuckDBMart:
    """The mart."""
    return DuckDBMart(load_settings().mart_path)


def open_source(name: str, archive: str | None, domain: str) -> Source:
    """The source of this name; raises SourceUnreadable where nothing is there to read."""
    if name == "archive" and archive:
        return Archive(archive)
    return Sample(load_settings().domains_path / domain)
