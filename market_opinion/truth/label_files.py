"""Labels of the lake in the form of files: one item a line, as the gold set has them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from market_opinion.core.contracts import DRAW, ITEM_KEY, SILVER_LABELS
from market_opinion.core.errors import InvalidRequest
from market_opinion.domain.definition import Domain
from market_opinion.domain.labels import (
    LabelledItem,
    LabelledMention,
    LabelledOpinion,
    read_labelled_items,
)

_KEYED = ("platform", "community", "kind", "item_id", "thread_id", "created_at", "window_start")
_PLACE = ["community", "kind", "item_id"]
_PARENT_CHARACTERS = 600


def latest_readings(labels: pl.DataFrame) -> pl.DataFrame:
    """Return the last reading of each item, with the probability by which it was drawn in all.

    An item that nobody has read is left out. Rows are those of silver.labels.
    """
    key = ["domain", *ITEM_KEY]
    return (
        labels.with_columns(pl.col("inclusion_probability").max().over(key))
        .filter(pl.col("labelled_at").is_not_null())
        .sort("labelled_at", "labeller")
        .unique(key, keep="last", maintain_order=True)
    )


def unread(labels: pl.DataFrame) -> pl.DataFrame:
    """Return the drawn rows of items that nobody has read."""
    key = ["domain", *ITEM_KEY]
    readings = labels.filter(pl.col("labelled_at").is_not_null())
    return labels.filter(labeller=DRAW).join(readings, on=key, how="anti")


def mentions_of(row: dict[str, Any]) -> tuple[LabelledMention, ...]:
    """Return the mentions of a row of silver.labels; none for a draw."""
    return msgspec.json.decode(row["mentions"] or "[]", type=tuple[LabelledMention, ...])


def opinions_of(row: dict[str, Any]) -> tuple[LabelledOpinion, ...]:
    """Return the opinions of a row of silver.labels; none for a draw."""
    return msgspec.json.decode(row["opinions"] or "[]", type=tuple[LabelledOpinion, ...])


def without_words(labels: pl.DataFrame) -> pl.DataFrame:
    """Return rows of silver.labels whose opinions quote nothing."""
    bare = [
        None
        if row["opinions"] is None
        else _encoded([msgspec.structs.replace(each, evidence="") for each in opinions_of(row)])
        for row in labels.iter_rows(named=True)
    ]
    return labels.with_columns(opinions=pl.Series(bare, dtype=pl.String))


def read_readings(path: Path, domain: Domain) -> list[LabelledItem]:
    """Return the items of a file that somebody has read: those with a field `mentions`.

    `export` leaves the field out where nobody has. Raises InvalidRequest, which names line and
    rule.
    """
    lines = [line for line in path.read_bytes().splitlines() if line.strip()]
    read = [b'"mentions"' in line and "mentions" in msgspec.json.decode(line) for line in lines]
    items = read_labelled_items(path, domain)
    return [item for item, is_read in zip(items, read, strict=True) if is_read]


def as_readings(
    read: Sequence[LabelledItem], drawn: pl.DataFrame, *, labeller: str, now: datetime
) -> pl.DataFrame:
    """Return a reader's labels of drawn items as rows of silver.labels.

    `drawn` are rows of draws. Raises InvalidRequest, which names the items that were not drawn,
    since the probability of such an item is not known.
    """
    labels = _frame(read).drop("stratum")
    found = labels.join(drawn.drop("mentions", "opinions"), on=_PLACE, how="left")
    strange = found.filter(pl.col("platform").is_null())["item_id"].to_list()
    if strange:
        message = (
            f"{', '.join(strange[:10])}: {len(strange)} items were not drawn, so their probability"
            " is not known: label items of `market-opinion labels draw` and `labels export`"
        )
        raise InvalidRequest(message)
    rows = found.with_columns(labeller=pl.lit(labeller), labelled_at=pl.lit(now))
    return _in_order(rows)


def as_draws(
    read: Sequence[LabelledItem],
    kept: pl.DataFrame,
    sizes: Mapping[tuple[str, str], int],
    domain: Domain,
    *,
    now: datetime,
) -> pl.DataFrame:
    """Return draws of silver.labels for the items that were drawn elsewhere and are kept here.

    `kept` are items of the lake, `sizes` the sizes of all strata, by community and stratum.
    """
    strata = [(item.community, item.stratum) for item in read]
    rates = pl.DataFrame(
        [(*each, min(1.0, count / sizes[each])) for each, count in Counter(strata).items()],
        schema={"community": pl.String, "stratum": pl.String, "inclusion_probability": pl.Float64},
        orient="row",
    )
    rows = (
        _frame(read)
        .join(rates, on=["community", "stratum"])
        .join(kept.select(_KEYED), on=_PLACE)
        .with_columns(
            domain=pl.lit(domain.name),
            labeller=pl.lit(DRAW),
            labelled_at=pl.lit(None),
            drawn_at=pl.lit(now),
            mentions=pl.lit(None),
            opinions=pl.lit(None),
        )
    )
    return _in_order(rows)


def to_lines(labels: pl.DataFrame, items: pl.DataFrame) -> list[bytes]:
    """Return rows of silver.labels as lines of a file, with text, title and what is answered.

    `items` are rows of silver.items that hold them and what they answer. A draw has no `mentions`
    and no `opinions`, which its reader adds.
    """
    texts = items.select(*ITEM_KEY, "text", "context_title", "parent_id")
    parents = items.select(
        "platform", parent_id="item_id", parent=pl.col("text").str.slice(0, _PARENT_CHARACTERS)
    ).unique(["platform", "parent_id"])
    rows = labels.join(texts, on=ITEM_KEY).join(parents, on=["platform", "parent_id"], how="left")
    return [_line(row) for row in rows.sort("stratum", "item_id").iter_rows(named=True)]


def _line(row: dict[str, Any]) -> bytes:
    line = {name: row[name] for name in ("item_id", "community", "kind", "stratum")}
    line |= {
        "thread": row["context_title"] or "",
        "parent": row["parent"] or "",
        "text": row["text"],
    }
    if row["mentions"] is not None:
        line |= {"mentions": mentions_of(row), "opinions": opinions_of(row)}
    return msgspec.json.encode(line)


def _frame(read: Sequence[LabelledItem]) -> pl.DataFrame:
    """Return place, stratum and labels of each item; the stratum is that of its file."""
    rows = [
        (
            item.community,
            item.kind,
            item.item_id,
            item.stratum,
            _encoded(item.mentions),
            _encoded(item.opinions),
        )
        for item in read
    ]
    names = (*_PLACE, "stratum", "mentions", "opinions")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def _encoded(values: Sequence[msgspec.Struct]) -> str:
    return msgspec.json.encode(values).decode()


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows in the contract's columns and types, in the order of its key."""
    return rows.select(pl.col(name).cast(kind) for name, kind in SILVER_LABELS.schema.items()).sort(
        SILVER_LABELS.key
    )
