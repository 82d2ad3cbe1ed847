"""The mart that MART_URI names."""

from market_opinion.core.settings import Settings
from market_opinion.serving.mart import Mart, NoMart


def open_mart(settings: Settings) -> Mart:
    """Return the mart of the settings; nothing is asked of it before it is needed."""
    match settings.mart.engine:
        case "duckdb":
            from market_opinion.serving.mart.duckdb import DuckDBMart

            return DuckDBMart(settings.mart.path)
        case "snowflake":
            # Takes seconds to import, and few need it.
            from market_opinion.serving.mart.snowflake_login import open_warehouse

            return open_warehouse(settings)
        case "none":
            return NoMart()
