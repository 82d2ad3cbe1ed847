"""Commands of labels and of the figures that they correct, as `market-opinion labels draw`."""

from datetime import UTC, datetime
from pathlib import Path

import cyclopts
import polars as pl
from rich.console import Console
from rich.table import Table

from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import load_settings
from market_opinion.domain.definition import Domain, load_domain

_WIDTH = 160
labels = cyclopts.App(name="labels", help="Items that people read, so that figures are unbiased.")


@labels.command
def draw(count: int, *, domain: str = "smartphones", seed: int = 1) -> None:
    """Draw items to label at random, more where figures are least sure.

    A later draw goes on with the earlier one. Label them in the file that `labels export` writes.

    Args:
        count: How many more items are drawn.
        domain: Name of the domain that they are labelled for.
        seed: Seed of chance; the same one goes on with a draw.
    """
    from market_opinion.ops import labelling  # takes seconds to import
    from market_opinion.ops.adapters import open_adapters

    drawn = labelling.draw_labels(open_adapters(), _domain(domain), count, seed=seed, now=_now())
    table = Table("stratum", "items", "drawn now", "drawn in all", box=None)
    for stratum, *counts in drawn.iter_rows():
        table.add_row(stratum, *(f"{each:,}" for each in counts))
    Console(width=_WIDTH).print(table)


@labels.command(name="import")
def import_(
    path: Path | None = None,
    *,
    labeller: str,
    domain: str = "smartphones",
    gold: Path | None = None,
) -> None:
    """Add what somebody has read: a file of `labels export`, or a gold set drawn elsewhere.

    Args:
        path: File of JSON lines, whose items have got `mentions` and `opinions`.
        labeller: Pseudonym of the reader, which names nobody.
        domain: Name of the domain that they are labelled for.
        gold: Folder or file of items that were drawn elsewhere, with the sizes of their strata in
            the domain's labelled/strata.toml.
    """
    from market_opinion.ops import labelling  # takes seconds to import
    from market_opinion.ops.adapters import open_adapters
    from market_opinion.truth.label_table import check_labeller

    check_labeller(labeller)
    if (path is None) == (gold is None):
        message = "give either a file of `labels export` or --gold FOLDER"
        raise InvalidRequest(message)
    stores, reader = open_adapters(), _domain(domain)
    if path is not None:
        count = labelling.import_labels(stores, reader, path, labeller=labeller, now=_now())
        _say(f"{count:,} items labelled")
    if gold is not None:
        count, missing = labelling.import_gold(stores, reader, gold, labeller=labeller, now=_now())
        _say(f"{count:,} items labelled, {missing:,} left out that are not kept here")


@labels.command
def export(path: Path, *, domain: str = "smartphones", unread: bool = False) -> None:
    """Write labelled items as JSON lines, in the form of a gold set.

    Args:
        path: File to write; it holds texts, so keep it as you keep the lake.
        domain: Name of the domain that they are labelled for.
        unread: Write the drawn items that nobody has read instead; add `mentions` and `opinions` to
            each line, empty lists where there are none, and import the file.
    """
    from market_opinion.ops import labelling  # takes seconds to import
    from market_opinion.ops.adapters import open_adapters

    count = labelling.export_labels(open_adapters(), _domain(domain), path, unread=unread)
    _say(f"{count:,} items: {path}")


def estimates(*, domain: str = "smartphones", part: str = "brand") -> None:
    """Make all figures of a domain anew, with intervals and, where there are, by labels.

    They go into gold.estimates, and with the next load into the mart.

    Args:
        domain: Name of the domain.
        part: Which figures are shown: brand, product, aspect, product_aspect, platform, community
            or week.
    """
    from market_opinion.ops import labelling  # takes seconds to import
    from market_opinion.ops.adapters import open_adapters

    rows = labelling.make_estimates(open_adapters(), _domain(domain)).filter(part=part)
    names = [
        name
        for name in ("brand", "product_id", "aspect", "community", "week_start")
        if rows[name].null_count() < rows.height
    ]
    headings = ("measure", *names, "method", "figure", "low", "high", "comments", "threads", "size")
    table = Table(*headings, box=None)
    for row in rows.iter_rows(named=True):
        table.add_row(
            row["measure"], *(str(row[name]) for name in names), row["method"], *_figure(row)
        )
    Console(width=_WIDTH).print(table)
    _say(_words(rows))


def _figure(row: dict[str, object]) -> tuple[str, ...]:
    """Return value, ends of the interval and sizes of an estimate in words."""
    sizes = (
        f"{row['comment_count']:,}",
        f"{row['thread_count']:,}",
        f"{row['effective_size']:,.0f}",
    )
    if row["is_too_few"]:
        return "too few", "", "", *sizes
    return *(f"{row[name]:.3f}" for name in ("value", "low", "high")), *sizes


def _words(rows: pl.DataFrame) -> str:
    labelled = rows.filter(method="labels")
    said = "sampling: the scorer's figure, and how far other threads could have moved it"
    if labelled.is_empty():
        return f"{said}; how often the scorer errs is not in it (`labels draw`)"
    count = labelled["label_count"][0]
    return f"{said}. labels: corrected by {count:,} items that people read"


def _say(text: str) -> None:
    Console(width=_WIDTH).print(text, highlight=False, markup=False, soft_wrap=True)


def _domain(name: str) -> Domain:
    return load_domain(name, load_settings().domains_path)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
