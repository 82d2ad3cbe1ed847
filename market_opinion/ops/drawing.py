"""The report's page and the digests, drawn from the mart and the lake into the home folder."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path

import polars as pl

from market_opinion.core.contracts import (
    GOLD_BURSTS,
    GOLD_CHANGES,
    ITEM_KEY,
    SILVER_ITEMS,
    SILVER_OPINIONS,
)
from market_opinion.core.window import Window
from market_opinion.domain.definition import Domain, domain_names, load_domain
from market_opinion.ops.adapters import Adapters
from market_opinion.serving import digest, report
from market_opinion.serving.mart import Mart
from market_opinion.stages.opinions import ACTIVE_SET
from market_opinion.storage.lake.tables import Lake
from market_opinion.truth.accuracy import accuracy_path, read_accuracies
from market_opinion.truth.changes import Weeks

_QUOTE_COLUMNS = [*ITEM_KEY, "author_key", "votes", "permalink"]


def draw_report(adapters: Adapters, domain: str, now: datetime) -> Path | None:
    """Draw the domain's report, and the digests of all domains; return the report's path.

    Files are replaced. Before the first load there is no report.
    """
    mart, lake, settings = adapters.mart(), adapters.lake(), adapters.settings
    definition = load_domain(domain, settings.domains_path)
    changes = _last_week(lake.read(GOLD_CHANGES, {"domain": domain}))
    _draw_digests(adapters)
    if not mart.is_loaded:
        return None
    with ThreadPoolExecutor(1) as pool:
        script = pool.submit(_kept_script, settings.home / "cache")
        html = report.render(
            mart.read,
            definition,
            now=now,
            rejections=lake.read(report.REJECTIONS),
            answers=lake.read(report.ANSWERS, {"domain": domain}, columns=report.ANSWER_COLUMNS),
            accuracies=read_accuracies(accuracy_path(domain, settings.domains_path)),
            changes=changes,
            languages=_languages(lake, mart),
            script=script.result,
        )
    _replace(settings.report_path, html)
    return settings.report_path


def _kept_script(folder: Path) -> str:
    """Return the report's script, which is put together once a home and version."""
    kept = folder / f"charts-{version('vl-convert-python')}.js"
    if not kept.exists():
        folder.mkdir(exist_ok=True)
        own = kept.with_suffix(f".{os.getpid()}")
        own.write_text(report.chart_script(), encoding="utf-8")
        own.replace(kept)
    return kept.read_text(encoding="utf-8")


def _languages(lake: Lake, mart: Mart) -> pl.DataFrame:
    """Return how many usable comments of the last days are in each language."""
    last = mart.query("SELECT MAX(full_date) AS full_date FROM mart.coverage")["full_date"].item()
    if last is None:
        return report.NO_LANGUAGES
    end = datetime.combine(last, time(), UTC) + timedelta(days=1)
    window = Window(end - timedelta(days=report.LANGUAGE_DAYS), end)
    columns = ["language", "kind", "is_usable"]
    comments = lake.read(SILVER_ITEMS, window=window, columns=columns).filter(
        "is_usable", kind="comment"
    )
    return comments.group_by("language").agg(comment_count=pl.len().cast(pl.Int64))


def _draw_digests(adapters: Adapters) -> None:
    """Draw the digest of every domain of which a week was compared.

    Whichever domain a run is of, a text that it erased or purged may be quoted in each of them.
    """
    lake, settings = adapters.lake(), adapters.settings
    compared = lake.read(GOLD_CHANGES)
    for name in domain_names(settings.domains_path):
        changes = _last_week(compared.filter(domain=name))
        if changes.height:
            definition = load_domain(name, settings.domains_path)
            for suffix, page in _digest(lake, definition, changes).items():
                _replace(settings.digest_path(name, suffix), page)


def _digest(lake: Lake, domain: Domain, changes: pl.DataFrame) -> dict[str, str]:
    """Return the digest of the week of these changes by its format."""
    weeks = Weeks(changes["week_start"][0])
    where = {"domain": domain.name}
    bursts = lake.read(GOLD_BURSTS, where, weeks.week)
    opinions = lake.read(SILVER_OPINIONS, {**where, "score_set": ACTIVE_SET}, weeks.week)
    brands = {product.product_id: product.brand for product in domain.products}
    brand = pl.col("product_id").replace_strict(brands, default="unknown", return_dtype=pl.String)
    items = lake.read(SILVER_ITEMS, window=weeks.week, columns=_QUOTE_COLUMNS)
    said = opinions.with_columns(brand=brand)
    quoted = [digest.quotes(row, said, items) for row in digest.told(changes)]
    return digest.render(changes, bursts, quoted, domain, weeks.start)


def _last_week(changes: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the last week that was compared."""
    return changes.filter(pl.col("week_start") == pl.col("week_start").max())


def _replace(path: Path, text: str) -> None:
    """Replace a file by the text, whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
