"""Fingerprints of what each stage has made: equal for equal rows, on any machine.

Rows are taken in the order of their keys, so the order of writing has no part in it. What differs
between two runs of the same is left out: ids of snapshots and the audit of loads. Keys of authors
are numbered in order, since they depend on a secret; who is the same person still counts.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import polars as pl

from market_opinion.core.contracts import (
    BRONZE_ITEMS,
    GOLD_TABLES,
    OPS_REJECTIONS,
    SILVER_ITEMS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
    SILVER_THREADS,
    Table,
)
from market_opinion.core.window import Slice
from market_opinion.ops.run import Run
from market_opinion.serving.mart import Mart
from market_opinion.stages.opinions import ACTIVE_SET
from market_opinion.storage.lake.tables import Lake
from market_opinion.storage.landing.zone import Landing

STAGES = ("landing", "bronze", "silver", "mentions", "opinions", "gold", "mart", "report")
_AUTHOR, _PEPPER = "author_key", "pepper_id"
# What a load of one domain leaves in the mart. Placeholders of threads and scorers may be there for
# the sake of other domains.
_MART = {
    "dim_product": "SELECT * FROM mart.dim_product WHERE domain = $domain",
    "dim_aspect": "SELECT * FROM mart.dim_aspect WHERE domain = $domain",
    "dim_submission": (
        "SELECT * FROM mart.dim_submission WHERE is_captured AND $domain IS NOT NULL"
    ),
    "dim_scorer": (
        "SELECT s.* FROM mart.dim_scorer AS s WHERE s.scorer_key IN"
        " (SELECT scorer_key FROM mart.fact_brand_mentions WHERE domain = $domain)"
    ),
    "fact_brand_mentions": "SELECT * FROM mart.fact_brand_mentions WHERE domain = $domain",
    "fact_aspect_opinion": "SELECT * FROM mart.fact_aspect_opinion WHERE domain = $domain",
    "fact_window": "SELECT * FROM mart.fact_window WHERE $domain IS NOT NULL",
    "label_estimates": "SELECT * FROM mart.label_estimates WHERE domain = $domain",
}


class Fingerprint(msgspec.Struct, frozen=True):
    """Number of rows, lines or files of one table, and the SHA-256 of their content."""

    count: int
    sha256: str


Fingerprints = dict[str, dict[str, Fingerprint]]
Where = Mapping[str, str | list[str]]


def of_home(run: Run, slices: list[Slice], report: Path) -> Fingerprints:
    """Return the fingerprint of each table of each stage, for the run's domain.

    `slices` are the hours that were carried to the mart, in order, in parts that fit in memory.
    """
    lake, domain = run.adapters.lake(), {"domain": run.domain}
    live = {**domain, "score_set": ACTIVE_SET}

    def rows(table: Table, where: Where = {}) -> dict[str, Fingerprint]:  # noqa: B006, read only
        return {table.name: _of_table(lake, table, where, slices)}

    return {
        "landing": {"files": _of_files(run.adapters.landing())},
        "bronze": rows(BRONZE_ITEMS) | _rejections(lake, ("bronze", "fields"), {}, slices),
        "silver": rows(SILVER_THREADS) | rows(SILVER_ITEMS),
        "mentions": rows(SILVER_MENTIONS, domain),
        "opinions": rows(SILVER_OPINIONS, live) | _rejections(lake, ("opinions",), domain, slices),
        "gold": {table.name: _of_gold(lake, table, domain) for table in GOLD_TABLES},
        "mart": dict(_of_mart(run.adapters.mart(), run.domain)),
        "report": _of_report(report),
    }


def of_frames(frames: Iterable[pl.DataFrame], key: Iterable[str]) -> Fingerprint:
    """Return the fingerprint of frames as if they were one; each is sorted by the key.

    Without a key it is sorted by all columns.
    """
    total, count, authors = hashlib.sha256(), 0, dict[str, str]()
    order = list(key)
    for frame in frames:
        count += frame.height
        total.update(_numbered(frame.sort(order or frame.columns), authors).write_ndjson().encode())
    return Fingerprint(count, total.hexdigest())


def _numbered(frame: pl.DataFrame, authors: dict[str, str]) -> pl.DataFrame:
    """Return the frame with authors numbered in order; `authors` is added to."""
    if _AUTHOR not in frame.columns:
        return frame
    for author in frame[_AUTHOR].drop_nulls().unique(maintain_order=True):
        authors.setdefault(author, str(len(authors)))
    column = pl.col(_AUTHOR).replace_strict(authors, default=None, return_dtype=pl.String)
    return frame.with_columns(column).drop(_PEPPER, strict=False)


def _of_table(lake: Lake, table: Table, where: Where, slices: list[Slice]) -> Fingerprint:
    # By hour first, so that the cut into slices has no part in the order.
    key = dict.fromkeys(("window_start", *(table.key or table.schema)))
    frames = (lake.read(table, {**where, **span.where}, span.window) for span in slices)
    return of_frames(frames, key)


def _rejections(
    lake: Lake, stages: tuple[str, ...], where: Where, slices: list[Slice]
) -> dict[str, Fingerprint]:
    of_stages = {**where, "stage": list(stages)}
    return {OPS_REJECTIONS.name: _of_table(lake, OPS_REJECTIONS, of_stages, slices)}


def _of_gold(lake: Lake, table: Table, where: Where) -> Fingerprint:
    return of_frames([lake.read(table, where)], table.key)


def _of_files(landing: Landing) -> Fingerprint:
    """Return the fingerprint of all landed files and manifests, with their names."""
    total, paths = hashlib.sha256(), sorted(landing.files_below(""))
    for path in paths:
        content = hashlib.sha256(landing.read_file(path)).hexdigest()
        total.update(f"{path} {content}\n".encode())
    return Fingerprint(len(paths), total.hexdigest())


def _of_mart(mart: Mart, domain: str) -> Iterator[tuple[str, Fingerprint]]:
    if not mart.is_loaded:
        return
    for name, frame in mart.read(_MART, {"domain": domain}):
        yield f"mart.{name}", of_frames([frame], ())


def _of_report(path: Path) -> dict[str, Fingerprint]:
    """Return the fingerprint of the page; nothing where none was drawn."""
    if not path.exists():
        return {}
    page = path.read_bytes()
    return {path.name: Fingerprint(page.count(b"\n"), hashlib.sha256(page).hexdigest())}


@dataclass(frozen=True)
class Comparison:
    """The tables of each stage that differ between two versions, by stage, in words."""

    differences: dict[str, list[str]]

    @property
    def first(self) -> str | None:
        """The first stage whose output differs; None where all are equal."""
        return next((stage for stage, found in self.differences.items() if found), None)

    def lines(self) -> tuple[str, ...]:
        """Return a line a stage, and one that names the first that differs."""
        lines = [
            f"{stage}: {'; '.join(found) if found else 'equal'}"
            for stage, found in self.differences.items()
        ]
        last = f"the first stage that differs is {self.first}" if self.first else "all is equal"
        return (*lines, last)


def compare(left: Fingerprints, right: Fingerprints) -> Comparison:
    """Return which tables of which stages differ."""
    return Comparison(
        {stage: list(_differences(left.get(stage, {}), right.get(stage, {}))) for stage in STAGES}
    )


def _differences(left: dict[str, Fingerprint], right: dict[str, Fingerprint]) -> Iterator[str]:
    for name in dict.fromkeys((*left, *right)):
        one, other = left.get(name), right.get(name)
        if one == other:
            continue
        counts = [f"{each.count:,}" if each else "none" for each in (one, other)]
        if counts[0] == counts[1]:
            yield f"{name} differs in content, of {counts[0]} on both sides"
        else:
            yield f"{name} differs, {counts[0]} recorded and {counts[1]} now"
