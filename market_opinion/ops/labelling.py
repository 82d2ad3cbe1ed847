"""Labels of a domain in the lake: drawn, read from files, written to files, and made figures of."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import polars as pl

from market_opinion.core.contracts import (
    DRAW,
    GOLD_ESTIMATES,
    ITEM_KEY,
    SILVER_ITEMS,
    SILVER_LABELS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.core.errors import InvalidRequest
from market_opinion.domain.definition import Domain
from market_opinion.ops.adapters import Adapters
from market_opinion.stages.opinions import ACTIVE_SET
from market_opinion.stages.silver import is_purged
from market_opinion.truth import draws, label_files, label_table, measures
from market_opinion.truth.gold_set import read_gold, read_strata, strata_path
from market_opinion.truth.strata import with_strata


class _Kept(NamedTuple):
    """Usable items with `stratum`, and the domain's mentions, live opinions and labels."""

    items: pl.DataFrame
    mentions: pl.DataFrame
    opinions: pl.DataFrame
    labels: pl.DataFrame


def draw_labels(
    adapters: Adapters, domain: Domain, count: int, *, seed: int, now: datetime
) -> pl.DataFrame:
    """Draw items to label, and return `stratum`, `item_count`, `new_count` and `drawn_count`.

    What was drawn before stays drawn, by the probability that it has in all. Raises InvalidRequest
    where no item is kept.
    """
    kept = _kept(adapters, domain)
    before = kept.labels.filter(labeller=DRAW)
    readable = kept.items.filter(~is_purged()).with_columns(domain=pl.lit(domain.name))
    errors = measures.errors(kept.items, kept.opinions, kept.labels)
    rows = draws.draw(readable, before, errors, count=count, seed=seed, now=now)
    # A draw of an item that is no longer readable stays as it is.
    rest = before.join(rows, on=ITEM_KEY, how="anti")
    drawn = pl.concat([rows, rest])
    label_table.replace(adapters.lake(), domain, drawn, DRAW)
    is_new = pl.col("drawn_at") == now
    counts = drawn.group_by("stratum").agg(new_count=is_new.sum(), drawn_count=pl.len())
    sizes = readable.group_by("stratum").agg(item_count=pl.len())
    return sizes.join(counts, on="stratum", how="left").fill_null(0).sort("stratum")


def import_labels(
    adapters: Adapters, domain: Domain, path: Path, *, labeller: str, now: datetime
) -> int:
    """Add the items of a file that somebody has read, and return their number.

    Raises InvalidRequest for an item that was not drawn.
    """
    read = label_files.read_readings(path, domain)
    lake = adapters.lake()
    drawn = lake.read(SILVER_LABELS, {"domain": domain.name, "labeller": DRAW})
    return label_table.add_readings(lake, domain, read, drawn, labeller=labeller, now=now)


def import_gold(
    adapters: Adapters, domain: Domain, path: Path, *, labeller: str, now: datetime
) -> tuple[int, int]:
    """Add items that were drawn and read elsewhere; return how many were added, and left out.

    Their probability is the number read of a stratum over its size in `labelled/strata.toml`. Left
    out are items that are not kept here.
    """
    read = read_gold(path, domain)
    sizes = read_strata(strata_path(domain, adapters.settings.domains_path))
    known = [item for item in read if (item.community, item.stratum) in sizes]
    lake = adapters.lake()
    kept = lake.read(SILVER_ITEMS, {"item_id": [item.item_id for item in read]})
    usable = kept.filter("is_usable")
    drawn = label_files.as_draws(known, usable, sizes, domain, now=now)
    if drawn.is_empty():
        message = (
            f"none of the {len(read)} items in {path} is kept here with a size of its stratum:"
            " back-fill their communities first"
        )
        raise InvalidRequest(message)
    before = lake.read(SILVER_LABELS, {"domain": domain.name, "labeller": DRAW})
    others = before.join(drawn, on=ITEM_KEY, how="anti")
    label_table.replace(lake, domain, pl.concat([others, drawn]), DRAW)
    places = set(drawn.select("community", "item_id").iter_rows())
    here = [item for item in known if (item.community, item.item_id) in places]
    count = label_table.add_readings(lake, domain, here, drawn, labeller=labeller, now=now)
    return count, len(read) - len(here)


def export_labels(adapters: Adapters, domain: Domain, path: Path, *, unread: bool) -> int:
    """Write the last reading of each item, or the drawn items that nobody has read, as JSON lines.

    Returns their number. Items without words, after a purge, are left out.
    """
    lake = adapters.lake()
    labels = lake.read(SILVER_LABELS, {"domain": domain.name})
    rows = label_files.unread(labels) if unread else label_files.latest_readings(labels)
    lines = label_files.to_lines(rows, label_table.texts_of(lake, rows))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return len(lines)


def make_estimates(adapters: Adapters, domain: Domain) -> pl.DataFrame:
    """Replace the domain's rows of gold.estimates, and return them.

    The next load of the mart brings them there. Raises InvalidRequest where no item is kept.
    """
    kept = _kept(adapters, domain)
    brands = {product.product_id: product.brand for product in domain.products}
    found = measures.measure(*kept, brands).with_columns(domain=pl.lit(domain.name))
    rows = found.select(*GOLD_ESTIMATES.schema)
    where = {"domain": domain.name}
    adapters.lake().overwrite(GOLD_ESTIMATES, rows, where, None, run=label_table.RUN)
    return rows


def _kept(adapters: Adapters, domain: Domain) -> _Kept:
    lake, where = adapters.lake(), {"domain": domain.name}
    items = lake.read(SILVER_ITEMS)
    mentions = lake.read(SILVER_MENTIONS, where)
    opinions = lake.read(SILVER_OPINIONS, {**where, "score_set": ACTIVE_SET})
    usable = with_strata(items, mentions, opinions, domain)
    if usable.is_empty():
        message = f"no item is kept here that could be labelled for {domain.name}: back-fill first"
        raise InvalidRequest(message)
    return _Kept(usable, mentions, opinions, lake.read(SILVER_LABELS, where))
