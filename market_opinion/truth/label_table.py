"""Readings of a labeller in silver.labels: the way in for files and for the page of labels."""

import re
from collections.abc import Sequence
from datetime import datetime

import polars as pl

from market_opinion.core.contracts import DRAW, ITEM_KEY, SILVER_ITEMS, SILVER_LABELS
from market_opinion.core.errors import InvalidRequest
from market_opinion.domain.definition import Domain
from market_opinion.domain.labels import LabelledItem
from market_opinion.storage.lake.tables import Lake
from market_opinion.truth.label_files import as_readings, latest_readings

RUN = {"run-id": "labels"}
_PSEUDONYM = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def check_labeller(labeller: str) -> str:
    """Return the pseudonym; raise InvalidRequest for a name, an address, or the word for draws."""
    if not _PSEUDONYM.fullmatch(labeller) or labeller == DRAW:
        message = (
            f"{labeller!r} cannot stand for a labeller: choose a pseudonym of lower-case letters,"
            f" digits, _ and -, other than {DRAW!r}"
        )
        raise InvalidRequest(message)
    return labeller


def add_readings(
    lake: Lake,
    domain: Domain,
    read: Sequence[LabelledItem],
    drawn: pl.DataFrame,
    *,
    labeller: str,
    now: datetime,
) -> int:
    """Add what a labeller has read to silver.labels, and return how many readings are new.

    `drawn` are rows of draws. A reading that says what the labeller's last one says adds nothing.
    Raises InvalidRequest for an item that was not drawn.
    """
    rows = as_readings(read, drawn, labeller=labeller, now=now)
    where = {"domain": domain.name, "labeller": labeller}
    before = lake.read(SILVER_LABELS, where)
    content = [*ITEM_KEY, "mentions", "opinions"]
    new = rows.join(latest_readings(before), on=content, how="anti")
    replace(lake, domain, pl.concat([before, new]), labeller)
    return new.height


def replace(lake: Lake, domain: Domain, rows: pl.DataFrame, labeller: str) -> None:
    """Replace a labeller's rows, or the draws, in one commit."""
    where = {"domain": domain.name, "labeller": labeller}
    lake.overwrite(SILVER_LABELS, rows, where, None, run=RUN)


def texts_of(lake: Lake, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of silver.items of rows of silver.labels, and of what these answer.

    Items without words, after a purge, are left out.
    """
    items = lake.read(SILVER_ITEMS, {"item_id": rows["item_id"].to_list()})
    parents = lake.read(SILVER_ITEMS, {"item_id": items["parent_id"].drop_nulls().to_list()})
    return pl.concat([items, parents]).unique(ITEM_KEY).filter(pl.col("text") != "")
