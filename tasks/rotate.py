"""Rotate: every author's key brought under a new pepper, in the lake and in the mart."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
from prefect import get_run_logger

from market_opinion.core.contracts import SILVER_ITEMS, SILVER_MENTIONS
from market_opinion.core.errors import CommitConflict
from market_opinion.core.window import Slice, Window
from market_opinion.ops import peppers
from market_opinion.ops.counts import RotationCounts
from market_opinion.ops.run import Run
from market_opinion.stages.authors import pepper_id
from tasks import retry_on, task


@task
def begin_rotation(run: Run) -> str:
    """Add a pepper, unless a rotation has begun; return the id of the pepper that rows get."""
    peppers.add_pepper(run.adapters.state(), run.settings)
    return pepper_id(run.settings.pepper())


@task
def find_days_to_rekey(run: Run) -> list[Slice]:
    """Return platforms and days with rows under a former pepper; none unless a rotation is open."""
    if not peppers.is_rotating(run.adapters.state(), run.settings):
        return []
    get_run_logger().warning("a rotation of the pepper is under way")
    return [Slice(platform, (), day) for platform, day in peppers.days_to_rekey(run)]


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(CommitConflict))
def rekey_authors(run: Run, part: Slice) -> RotationCounts:
    """Bring the rows of a platform and day under the pepper. A rerun is safe."""
    return RotationCounts(peppers.rekey_day(run, part.platform, part.window))


@task
def find_marts_to_rekey(run: Run) -> list[tuple[Run, Slice]]:
    """Return each domain's days in the mart; none unless a rotation is open."""
    if not peppers.is_rotating(run.adapters.state(), run.settings):
        return []
    columns = ["domain", "platform", "created_at"]
    days = run.adapters.lake().read(SILVER_MENTIONS, columns=columns)
    days = days.select("domain", "platform", day=pl.col("created_at").dt.truncate("1d"))
    day = timedelta(days=1)
    return [
        (replace(run, domain=domain), Slice(platform, (), Window(start, start + day)))
        for domain, platform, start in days.unique(["domain", "day"])
        .sort("domain", "day")
        .iter_rows()
    ]


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(CommitConflict))
def end_rotation(run: Run) -> None:
    """Delete what only histories hold under the former pepper, and note that rows have followed.

    Raises CommitConflict where a run that began before wrote rows meanwhile: run it again.
    """
    if not peppers.is_rotating(run.adapters.state(), run.settings):
        return
    if days := list(peppers.days_to_rekey(run)):
        message = f"{len(days)} days were written under the former pepper meanwhile: run it again"
        raise CommitConflict(message)
    run.adapters.lake().forget_history(SILVER_ITEMS)
    run.adapters.mart().compact()
    peppers.end_rotation(run)
