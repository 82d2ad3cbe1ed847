"""Arrivals in the inbox: each file is landed once, and its outcome is recorded."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial

import msgspec
import polars as pl

from market_opinion.core.contracts import OPS_REJECTIONS
from market_opinion.core.errors import (
    DomainInvalid,
    InvalidRequest,
    SourceUnavailable,
    SourceUnreadable,
)
from market_opinion.core.log import Log
from market_opinion.core.window import Slice, Window, merged
from market_opinion.domain.definition import domain_names, load_domain
from market_opinion.ops.readers import open_files
from market_opinion.ops.reading import Reading, plan_backfill
from market_opinion.ops.run import Run
from market_opinion.sources.file_reader import FileResult
from market_opinion.sources.inbox_files import Arrival, Inbox, InboxRoute, Outcome, route_of
from market_opinion.stages.hours import cut

_FILES_A_LOOK, _FILES_SHOWN_MAX = 500, 20
_GAP_MAX, _GAP_MAX_LINES = timedelta(days=1), 5_000
_WELL = {"processed", "duplicate"}


@dataclass(frozen=True)
class Look:
    """The files to read now, in alphabetical order, and the numbers of those that are left.

    `waiting_count` files wait for the next look, `unsettled_count` are still being written.
    """

    ready: list[Arrival]
    waiting_count: int
    unsettled_count: int


@dataclass(frozen=True)
class Received:
    """A file and its outcome so far; where its lines were landed, also by which run and reading."""

    arrival: Arrival
    outcome: Outcome
    run: Run
    reading: Reading | None = None
    result: FileResult | None = None


@dataclass(frozen=True)
class Carriage:
    """Hours of the inbox that are carried on together, in slices that fit in memory."""

    run: Run
    reading: Reading
    slices: list[Slice]


def look(run: Run, unread: Iterable[str], now: datetime) -> Look:
    """Return the files without an outcome, as many as one load may bring; `unread` are left out."""
    inbox, path = run.adapters.inbox(), run.settings.domains_path
    load = cache(lambda name: load_domain(name, path))
    routes = partial(route_of, domain=run.domain, load=load, known=domain_names(path))
    arrivals = inbox.arrivals(routes)
    settled = [arrival for arrival in arrivals if inbox.is_settled(arrival, now)]
    skipped = set(unread)
    ready = [arrival for arrival in settled if arrival.path not in skipped]
    return Look(
        ready[:_FILES_A_LOOK],
        max(len(ready) - _FILES_A_LOOK, 0),
        len(arrivals) - len(settled),
    )


def receive(run: Run, arrival: Arrival, log: Log) -> Received:
    """Land the file's lines, and return its outcome so far.

    A file that came before, or cannot be read, has an outcome that says so. Such a file stops no
    other. A rerun is safe: a file without a record is read again, and landed hours are not landed
    twice.
    """
    inbox = run.adapters.inbox()
    try:
        return _receive(run, arrival, inbox, log)
    except (SourceUnavailable, OSError) as error:
        detail = f"it could not be read now: {error}"
        return Received(arrival, Outcome(arrival.path, "", "waiting", detail, run.now), run)


def _receive(run: Run, arrival: Arrival, inbox: Inbox, log: Log) -> Received:
    sha256 = inbox.sha256(arrival)
    outcome = Outcome(arrival.path, sha256, "landed", "", run.now)
    if arrival.route is None:
        return Received(arrival, _refused(outcome, arrival.problem), run)
    if earlier := _earlier_outcome(run, arrival, inbox, outcome):
        return Received(arrival, earlier, run)
    inbox.forget(arrival, sha256)
    own = replace(run, domain=arrival.route.domain, mode="backfill", notes=())
    try:
        reading, _ = plan_backfill(
            own, arrival.route.source, arrival.uri, None, None, None, arrival.route.mapping
        )
        result = open_files(own, reading, log).read(reading.communities, None, is_one_of_many=True)
    except DomainInvalid:
        raise  # nothing is wrong with the file
    except (InvalidRequest, SourceUnreadable) as error:
        return Received(arrival, _refused(outcome, str(error)), run)
    inbox.put(arrival, outcome)
    return Received(arrival, outcome, own, reading, result)


def _earlier_outcome(run: Run, arrival: Arrival, inbox: Inbox, outcome: Outcome) -> Outcome | None:
    """Return the outcome of a file whose content is carried on already; None for one to be read."""
    twin = inbox.read_before(arrival, outcome.sha256)
    if twin is None:
        return None
    if twin.path == arrival.path:
        return None if twin.state == "landed" else msgspec.structs.replace(twin, decided_at=run.now)
    # Lines that an earlier run landed and did not carry on are taken up with this file: the file
    # they came in may be gone.
    if twin.state == "landed" and twin.decided_at != run.now:
        return None
    detail = f"the same content as {twin.path}, read {twin.decided_at:%Y-%m-%d %H:%M}"
    return msgspec.structs.replace(outcome, state="duplicate", detail=detail)


def _refused(outcome: Outcome, detail: str) -> Outcome:
    return msgspec.structs.replace(outcome, state="refused", detail=detail)


def waiting_paths(received: Iterable[Received]) -> list[str]:
    """Return the files that could not be read just now."""
    return [each.arrival.path for each in received if each.outcome.state == "waiting"]


def carriages(received: Iterable[Received]) -> list[Carriage]:
    """Return the hours of all landed files, those of one route together.

    Their slices fit in memory.
    """
    by_route: dict[InboxRoute, list[Received]] = defaultdict(list)
    for each in received:
        if each.result and each.arrival.route:
            by_route[each.arrival.route].append(each)
    return [_carriage(files) for files in by_route.values()]


def _carriage(files: list[Received]) -> Carriage:
    run, first = files[0].run, files[0].reading
    if first is None:
        message = "a carriage needs files that were landed"
        raise ValueError(message)
    spans = [each.result.span for each in files if each.result]
    communities = tuple(sorted({name for span in spans for name in span.communities}))
    reading = replace(first, communities=communities)
    landing, slices = run.adapters.landing(), list[Slice]()
    for window in _bridge(run, reading, merged(span.window for span in spans)):
        whole = Slice(reading.platform, communities, window)
        captures = landing.captures(reading.platform, communities, window)
        slices += cut(whole, captures, max_items=run.settings.span_max_items)
    return Carriage(run, reading, slices)


def _bridge(run: Run, reading: Reading, windows: list[Window]) -> list[Window]:
    """Return the windows, near ones joined where little lies between.

    One more slice costs more than to carry these lines again.
    """
    landing, joined = run.adapters.landing(), list[Window]()
    for window in windows:
        if joined and window.start - joined[-1].end <= _GAP_MAX:
            between = landing.captures(
                reading.platform, reading.communities, Window(joined[-1].end, window.start)
            )
            if sum(capture.manifest.lines() for capture in between) <= _GAP_MAX_LINES:
                joined[-1] = Window(joined[-1].start, window.end)
                continue
        joined.append(window)
    return joined


def is_well(outcome: Outcome) -> bool:
    """Return whether nobody has to look at the file."""
    return outcome.state in _WELL


def final_outcome(received: Received) -> Outcome:
    """Return the outcome of a file after all stages.

    The outcome of a file without lines stays as it was.
    """
    result, outcome, run = received.result, received.outcome, received.run
    if result is None:
        return outcome
    count = _refused_line_count(run, result)
    details = [refused.detail for refused in result.refused]
    if count:
        details.append(f"{count:,} lines were refused, see ops.rejections")
    return Outcome(
        outcome.path,
        outcome.sha256,
        "partly" if details else "processed",
        "; ".join(details),
        run.now,
        {"landed_line_count": result.line_count, "refused_line_count": count},
    )


def _refused_line_count(run: Run, result: FileResult) -> int:
    span = result.span
    where = {"stage": "bronze", **span.where}
    rejections = run.adapters.lake().read(
        OPS_REJECTIONS, where, span.window, columns=["landing_uri"]
    )
    if rejections.is_empty():
        return 0
    captures = run.adapters.landing().captures(span.platform, span.communities, span.window)
    uris = [
        f"{capture.folder}/{file.name}"
        for capture in captures
        if capture.manifest.origin == result.origin
        for file in capture.manifest.files
    ]
    return rejections.filter(pl.col("landing_uri").is_in(uris)).height


def summary_lines(outcomes: list[Outcome]) -> list[str]:
    """Return one line a file.

    Of many files it is their number by state, and those that somebody has to look at.
    """
    if len(outcomes) <= _FILES_SHOWN_MAX:
        return [str(outcome) for outcome in outcomes]
    counts = Counter(outcome.state for outcome in outcomes)
    states = ", ".join(f"{count:,} {state}" for state, count in counts.most_common())
    troubled = [str(outcome) for outcome in outcomes if not is_well(outcome)]
    return [
        f"{len(outcomes):,} files: {states}; each of them by `python -m market_opinion inbox`",
        *troubled[:_FILES_SHOWN_MAX],
    ]
