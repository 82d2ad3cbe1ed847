"""Rescore: stored texts judged again into a score set of their own, compared with what is live, and made live."""

from datetime import datetime

import polars as pl
from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact

from market_opinion.core.contracts import SILVER_OPINIONS
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import load_settings
from market_opinion.core.window import Slice, contiguous, spans
from market_opinion.domain.definition import load_domain
from market_opinion.ops.adapters import open_adapters
from market_opinion.serving import mart
from market_opinion.stages import opinions
from market_opinion.truth import agreement
from tasks.request import Job

PREVIOUS = "previous"
_SETS = "score_sets"


@task
def find_scored_slices(job: Job) -> list[Slice]:
    """Every slice of the domain's communities that holds items, on any platform, within the job's window or ever."""
    domain = load_domain(job.domain, load_settings().domains_path)
    found = []
    for platform in domain.sources:
        entries = [
            entry
            for entry in open_adapters().state().windows(platform, job.window)
            if entry.counts.get("bronze_row_count")
            and entry.community in domain.communities(platform)
        ]
        per_hour: dict[object, int] = {}
        for entry in entries:
            per_hour[entry.window_start] = (
                per_hour.get(entry.window_start, 0) + entry.counts["bronze_row_count"]
            )
        communities = tuple(sorted({entry.community for entry in entries}))
        for window in contiguous(entry.window_start for entry in entries):
            counts = [(hour, per_hour.get(hour.start, 0)) for hour in window.hours()]
            found += [
                Slice(platform, communities, part)
                for part in spans(counts, max_items=load_settings().span_max_items)
            ]
    if not found:
        message = f"nothing of the communities of {job.domain} is kept in this range: back-fill it first, or widen it"
        raise InvalidRequest(message)
    return found


@task
def compare_sets(job: Job, score_set: str) -> tuple[str, ...]:
    """What another set says beside the live one: agreement, and the shift of every brand and aspect, as a table on the run's page."""
    lake, domain = open_adapters().lake(), load_domain(job.domain, load_settings().domains_path)
    live, other = (
        lake.read(SILVER_OPINIONS, {"domain": job.domain, "score_set": name}, job.window)
        for name in (opinions.ACTIVE_SET, score_set)
    )
    found = agreement.compare(live, other, mart.product_rows(domain))
    rows = [
        {
            "of": kind,
            "name": str(row[kind]),
            **{
                name: row[name]
                for name in (
                    "left_count",
                    "right_count",
                    "left_polarity",
                    "right_polarity",
                    "shift",
                )
            },
        }
        for kind, frame in (("brand", found.by_brand), ("aspect", found.by_aspect))
        for row in frame.iter_rows(named=True)
    ]
    create_table_artifact(
        table=rows, key="score-sets", description=f"live (left) beside {score_set} (right)"
    )
    agreed = (
        "nothing in common"
        if found.label_agreement is None
        else f"labels agree on {found.label_agreement:.1%}, kappa {found.kappa:.2f}"
    )
    counts = f"{found.both_count:,} opinions of both, {found.left_only_count:,} only live, {found.right_only_count:,} only {score_set}"
    notes = [f"live and {score_set}: {counts}; {agreed}"]
    for kind, frame in (("brand", found.by_brand), ("aspect", found.by_aspect)):
        moved = (
            frame.drop_nulls("shift")
            .with_columns(size=pl.col("shift").abs())
            .sort("size", descending=True)
            .head(5)
        )
        shifts = ", ".join(
            f"{row[kind]} {row['shift']:+.2f}" for row in moved.iter_rows(named=True)
        )
        notes.append(f"largest shifts of mean polarity by {kind}: {shifts or 'none'}")
    return tuple(notes)


@task
def record_set(job: Job, score_set: str, slices: list[Slice]) -> None:
    """Remember which hours the set was judged in, those without an opinion too."""
    told = [
        (span.platform, span.window.start.isoformat(), span.window.end.isoformat())
        for span in slices
    ]
    open_adapters().state().put_notes(_SETS, {f"{job.domain}/{score_set}": told})


@task
def promote_set(job: Job, score_set: str) -> dict[str, int]:
    """Make a set live in one commit where it was judged; what was live before is kept as `previous`, and promoting that takes it back."""
    lake, sets = open_adapters().lake(), open_adapters().state().notes(_SETS)
    judged = sets.get(f"{job.domain}/{score_set}")
    if judged is None:
        known = sorted(name.partition("/")[2] for name in sets if name.startswith(f"{job.domain}/"))
        message = f"score set {score_set} of {job.domain} was never judged to its end; there are: {', '.join(known) or 'none'}"
        raise InvalidRequest(message)
    every = lake.read(
        SILVER_OPINIONS, {"domain": job.domain, "score_set": [opinions.ACTIVE_SET, score_set]}
    )
    is_judged = pl.lit(value=False)
    for platform, start, end in judged:
        during = pl.col("window_start").is_between(
            datetime.fromisoformat(start), datetime.fromisoformat(end), closed="left"
        )
        is_judged |= (pl.col("platform") == platform) & during
    chosen = every.filter(is_judged, score_set=score_set)
    live = every.filter(score_set=opinions.ACTIVE_SET)
    rows = [
        live.filter(~is_judged),
        chosen.with_columns(score_set=pl.lit(opinions.ACTIVE_SET)),
        live.with_columns(score_set=pl.lit(PREVIOUS)),
    ]
    where = {"domain": job.domain, "score_set": [opinions.ACTIVE_SET, PREVIOUS]}
    lake.overwrite(
        SILVER_OPINIONS,
        pl.concat(rows),
        where,
        None,
        run={"run-id": job.run_id, "promoted": score_set},
    )
    open_adapters().state().put_notes(_SETS, {f"{job.domain}/{PREVIOUS}": judged})
    get_run_logger().info("%s is live for %s: %d opinions", score_set, job.domain, chosen.height)
    return {"promoted_opinion_count": chosen.height}
