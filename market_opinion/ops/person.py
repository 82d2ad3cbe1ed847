"""Everything that is kept of one person, to answer a request for access."""

from collections.abc import Iterator

import polars as pl

from market_opinion.core.contracts import (
    BRONZE_ITEMS,
    SILVER_ITEMS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.core.errors import InvalidRequest
from market_opinion.ops.adapters import Adapters
from market_opinion.ops.peppers import known_pepper
from market_opinion.stages.authors import author_keys
from market_opinion.stages.erasure import user_name


def kept_of(adapters: Adapters, platform: str, author: str) -> Iterator[dict[str, object]]:
    """Yield every row that is kept of an author, with the name of its table as `table`.

    Items are found by the name that was received, and purged ones by the key of the author. Raises
    InvalidRequest where nothing is kept.
    """
    lake, user = adapters.lake(), user_name(author)
    bronze = lake.read(BRONZE_ITEMS, {"platform": platform})
    received = bronze.filter(pl.col("author").str.to_lowercase() == user)
    keys = author_keys(platform, user, pepper=known_pepper(adapters.state(), adapters.settings))
    cleaned = lake.read(SILVER_ITEMS, {"platform": platform, "author_key": keys})
    ids = sorted({*received["item_id"], *cleaned["item_id"]})
    if not ids:
        message = (
            f"nothing is kept of this author on {platform}: check the name as the platform shows it"
        )
        raise InvalidRequest(message)
    where = {"platform": platform, "item_id": ids}
    tables = {
        BRONZE_ITEMS: received,
        SILVER_ITEMS: cleaned,
        SILVER_MENTIONS: lake.read(SILVER_MENTIONS, where),
        SILVER_OPINIONS: lake.read(SILVER_OPINIONS, where),
    }
    for table, rows in tables.items():
        for row in rows.sort("created_at", "item_id").iter_rows(named=True):
            yield {"table": table.name, **row}
