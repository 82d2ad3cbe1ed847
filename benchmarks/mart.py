"""The mart in DuckDB: a full build, an unchanged rerun, one day, and growth with history.

    .venv/bin/python -m benchmarks.mart [--mentions 1000000]

Silver is invented: 10,000 mentions a day of a domain's products, a third of them judged on two
aspects. The measures time the load alone, with silver's rows in memory.
"""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cyclopts
import numpy as np
import polars as pl

from benchmarks.measure import finish, peak_mb, report
from market_opinion.core.contracts import SILVER_ITEMS, SILVER_MENTIONS, SILVER_OPINIONS, Table
from market_opinion.core.settings import load_settings
from market_opinion.domain.definition import Domain, load_domain
from market_opinion.serving import mart
from market_opinion.serving.mart.duckdb import DuckDBMart
from market_opinion.storage.state import WindowEntry, WindowState

_A_DAY = 10_000
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_COUNTS = {
    "bronze_row_count": 500,
    "comment_count": 450,
    "usable_item_count": 400,
    "usable_comment_count": 380,
}


def _conform(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    missing = {
        name: pl.lit(None, dtype)
        for name, dtype in table.schema.items()
        if name not in frame.columns
    }
    return frame.with_columns(**missing).select(
        pl.col(name).cast(dtype) for name, dtype in table.schema.items()
    )


def _day(domain: Domain, number: int) -> mart.Silver:
    """Return one day of comments in 500 threads, each on one product."""
    chance = np.random.default_rng(number)
    start = _FIRST + timedelta(days=number)
    products = np.array([product.product_id for product in domain.products])
    seconds = np.sort(chance.integers(0, 86_400, _A_DAY))
    base = pl.DataFrame(
        {
            "item_id": [f"c{number}_{n}" for n in range(_A_DAY)],
            "thread_id": [f"s{number}_{n % 500}" for n in range(_A_DAY)],
            "created_at": pl.Series(seconds * 1_000_000, dtype=pl.Duration("us")) + start,
            "product_id": chance.choice(products, _A_DAY),
        }
    ).with_columns(
        platform=pl.lit("reddit"),
        community=pl.lit("phones"),
        kind=pl.lit("comment"),
        window_start=pl.col("created_at").dt.truncate("1h"),
        domain=pl.lit(domain.name),
        domain_version=pl.lit("v"),
    )
    people = chance.integers(0, 50_000, _A_DAY)
    comments = base.with_columns(
        author_key=pl.Series([f"{n:064x}" for n in people]),
        votes=pl.lit(3),
        is_usable=pl.lit(value=True),
    )
    threads = comments.head(500).with_columns(
        item_id="thread_id", kind=pl.lit("submission"), context_title=pl.lit("A title")
    )
    judgements = pl.concat(
        [
            base.head(_A_DAY // 3).with_columns(aspect=pl.lit(aspect))
            for aspect in list(domain.aspects)[:2]
        ]
    )
    polarity = pl.Series(np.round(chance.uniform(-1, 1, judgements.height), 4))
    opinions = judgements.with_columns(
        score_set=pl.lit("live"),
        scorer=pl.lit("lexicon"),
        model=pl.lit("m"),
        polarity=polarity,
        label=pl.lit("neutral"),
        evidence=pl.lit("these are the words it rests on"),
        evidence_start=pl.lit(0),
        evidence_end=pl.lit(31),
    )
    return mart.Silver(
        items=_conform(pl.concat([comments, threads], how="diagonal"), SILVER_ITEMS).select(
            mart.columns.ITEM_COLUMNS
        ),
        mentions=_conform(
            base.with_columns(
                aliases=pl.lit("a"),
                mention_count=pl.lit(1),
                reason=pl.lit("named"),
                confidence=pl.lit(0.95),
            ),
            SILVER_MENTIONS,
        ),
        opinions=_conform(opinions, SILVER_OPINIONS),
    )


def _load(domain: Domain, days: range, snapshot: int) -> mart.Load:
    hours = [_FIRST + timedelta(days=day, hours=hour) for day in days for hour in range(24)]
    return mart.Load(
        domain=domain.name,
        score_set="live",
        as_of=_FIRST + timedelta(days=400),
        dates=[(_FIRST + timedelta(days=day)).date() for day in days],
        products=mart.product_rows(domain),
        aspects=mart.aspect_rows(domain),
        windows=mart.window_rows(
            [
                WindowEntry("reddit", "phones", hour, WindowState.CERTIFIED, "exhausted", _COUNTS)
                for hour in hours
            ]
        ),
        snapshot_ids=dict.fromkeys(("items", "mentions", "opinions"), snapshot),
    )


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _build(store: DuckDBMart, domain: Domain, days: int) -> tuple[float, float]:
    """Return the seconds of a full build, and the median seconds of one day after it."""
    parts = [_day(domain, number) for number in range(days)]
    whole = mart.Silver(
        **{
            name: pl.concat([vars(part)[name] for part in parts])
            for name in ("items", "mentions", "opinions")
        }
    )
    build = _seconds(lambda: store.load(_load(domain, range(days), 1), lambda: whole))
    single_days = [
        _seconds(lambda n=n: store.load(_load(domain, range(n, n + 1), 2 + n), lambda: parts[n]))
        for n in range(3)
    ]
    return build, sorted(single_days)[1]


def main(*, mentions: int = 1_000_000, domain: str = "smartphones") -> None:
    """Measure the loads.

    Args:
        mentions: Mentions of the large history; the small one has a tenth.
        domain: Domain of the products.
    """
    known, days = load_domain(domain, load_settings().domains_path), mentions // _A_DAY
    with tempfile.TemporaryDirectory() as folder:
        small, large = (
            DuckDBMart(Path(folder) / "small.duckdb"),
            DuckDBMart(Path(folder) / "large.duckdb"),
        )
        _, few_day = _build(small, known, max(days // 10, 3))
        build, day = _build(large, known, days)
        again = _load(known, range(days), 99)
        parts = [_day(known, number) for number in range(days)]
        whole = mart.Silver(
            **{
                name: pl.concat([vars(part)[name] for part in parts])
                for name in ("items", "mentions", "opinions")
            }
        )
        large.load(again, lambda: whole)
        rerun = _seconds(lambda: large.load(again, lambda: whole))
        rows = large.query("SELECT COUNT(*) AS n FROM mart.fact_brand_mentions")["n"].item()
        views = _seconds(lambda: large.query("SELECT * FROM mart.share_of_voice"))
    report("mart.mentions", rows, "rows", at_least=days * _A_DAY)
    report("mart.full_build", build, "s", at_most=12)
    report("mart.unchanged_rerun", rerun, "s", at_most=3)
    report("mart.one_day", day, "s", at_most=1.5)
    report("mart.one_day_of_ten_times_the_history", day / few_day, "ratio", at_most=1.2)
    report("mart.share_of_voice", views, "s")
    report("mart.peak", peak_mb(), "MB")
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
