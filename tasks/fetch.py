"""Fetch: the items of a window from the source into the landing zone, once."""

from collections import defaultdict
from dataclasses import dataclass

from prefect import get_run_logger

from market_opinion.core.contracts import TABLES
from market_opinion.core.errors import SourceUnavailable
from market_opinion.core.window import Slice, Window
from market_opinion.ops import stage_ledger
from market_opinion.ops.readers import open_files, open_live
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from market_opinion.stages.hours import cut, open_hours, slices_of
from tasks import retry_on, task


@dataclass(frozen=True)
class FetchedHours:
    """The hours that lie in the landing zone, in slices that fit in memory one at a time."""

    slices: list[Slice]
    notes: tuple[str, ...] = ()


@task(
    task_run_name="fetch {reading.source} {window}",
    retries=3,
    retry_delay_seconds=[2, 10, 60],
    retry_jitter_factor=0.5,
    retry_condition_fn=retry_on(SourceUnavailable),
)
def fetch_windows(
    run: Run, reading: Reading, communities: tuple[str, ...], window: Window | None
) -> FetchedHours:
    """Land every item of the window, or of all time.

    Hours that the same origin certified before are not read again. A rerun is safe: a window counts
    as landed only by its manifest, which is written last.
    """
    if reading.is_live and window is not None:
        return _read_live(run, reading, Slice(reading.platform, communities, window))
    files = open_files(run, reading, get_run_logger()).read(communities, window)
    return FetchedHours(_cut(run, files.span), files.notes)


@task
def find_landed(run: Run, reading: Reading) -> list[Slice]:
    """Return the reading's hours in slices that fit in memory, by what was landed of them."""
    return _cut(run, reading.hours)


@task
def drop_tables(run: Run, names: list[str]) -> None:
    """Drop damaged tables of the lake, which the stages make anew."""
    lake = run.adapters.lake()
    for table in TABLES:
        if table.name in names:
            lake.drop(table)


@task
def forget_stages(run: Run, slices: list[Slice]) -> None:
    """Forget that the stages of the slices were made, so that each runs again."""
    for span in slices:
        stage_ledger.forget(run, span)


def _read_live(run: Run, reading: Reading, span: Slice) -> FetchedHours:
    """Read the open hours of each community; older hours with late items come first."""
    adapters = run.adapters
    landing, reader = adapters.landing(), open_live(run, reading, adapters, get_run_logger())
    late: dict[Window, list[str]] = defaultdict(list)
    for community in span.communities:
        captures = landing.captures(span.platform, [community], span.window)
        lag, kinds = run.settings.close_lag, reading.kinds
        hours = open_hours(span.window, captures, lag=lag, kinds=kinds)
        with adapters.meter.reading(span.platform, community):
            late_hours = reader.read(community, hours)
        for hour in late_hours:
            if hour.start not in span.window:
                late[hour].append(community)
    return FetchedHours([*slices_of(span.platform, late), *_cut(run, span)])


def _cut(run: Run, span: Slice) -> list[Slice]:
    captures = run.adapters.landing().captures(span.platform, span.communities, span.window)
    return cut(span, captures, max_items=run.settings.span_max_items)
