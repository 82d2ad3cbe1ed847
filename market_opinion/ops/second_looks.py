"""Second looks at hours: which are due, and what a look found: votes, edits, and deletions."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, Literal

import polars as pl

from market_opinion.core.contracts import BRONZE_ITEMS
from market_opinion.core.errors import CommunityClosed
from market_opinion.core.log import Log
from market_opinion.core.notices import is_gone
from market_opinion.core.window import HOUR, Slice, Window, floor_hour
from market_opinion.ops import open_erasures
from market_opinion.ops.counts import LookCounts, RepairCounts
from market_opinion.ops.open_erasures import OpenErasure
from market_opinion.ops.readers import open_second_look
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from market_opinion.sources.quota import Priority
from market_opinion.sources.reddit.profile import PLATFORM, fullname
from market_opinion.sources.second_look import KnownItem, SecondLook, compare
from market_opinion.sources.windowed import land_apart
from market_opinion.stages import quality
from market_opinion.stages.hours import slices_of
from market_opinion.storage.landing.origin import Visit
from market_opinion.storage.landing.redaction import Erasure
from market_opinion.storage.state import StateStore, WindowEntry

Purpose = Literal["refresh", "sweep"]
CHECKS = "checks"
_ABSENT = "absent"
_COLUMNS = [
    "community",
    "kind",
    "item_id",
    "thread_id",
    "author",
    "title",
    "body",
    "votes",
    "reply_count",
]
# A thread of which less was received than this share is expanded, where enough is missing to be
# worth the requests.
_CAPTURED_MIN, _MISSING_MIN, _EXPANDED_MAX = 0.8, 5, 10
_EXPANDED_FROM = timedelta(hours=6)
# Two looks closer than this count as one: an item that is missing now may be back in a moment.
_BETWEEN_ABSENCES = timedelta(minutes=30)


@dataclass(frozen=True)
class SecondLookResult:
    """One hour after a second look: the slices that got new lines, and what has to be erased.

    `withdrawals` holds the to-do of one erasure, or none where nothing has to go.
    """

    changed: list[Slice]
    withdrawals: list[OpenErasure]
    counts: LookCounts


@dataclass(frozen=True)
class Schedule:
    """The rising ages in hours at which a refresh looks, and the interval of a sweep."""

    ages: list[int]
    sweep_hours: int

    def due(
        self,
        purpose: Purpose,
        entries: Iterable[WindowEntry],
        checks: Mapping[str, Mapping[str, Any]],
        *,
        now: datetime,
        limit: int,
    ) -> list[tuple[Window, tuple[str, ...]]]:
        """Return the hours to look at again with their communities, at most `limit` hours.

        A refresh takes hours that have come to one of the ages since the last look. A sweep takes
        the hours past all ages whose last look is longest ago.
        """
        due: dict[datetime, list[str]] = defaultdict(list)
        order: dict[datetime, str] = {}
        for entry in entries:
            start = entry.window_start
            check = checks.get(check_name(entry.platform, entry.community, start), {})
            if purpose == "refresh" and self._is_refresh_due(start, check, now):
                due[start].append(entry.community)
                order[start] = start.isoformat()
            elif purpose == "sweep" and self._is_sweep_due(start, check, now):
                due[start].append(entry.community)
                order[start] = min(check.get("looked_at", ""), order.get(start, "9"))
        starts = sorted(due, key=lambda start: (order[start], start))[:limit]
        return [(Window.hour(start), tuple(due[start])) for start in starts]

    def note(self, hour: Window, now: datetime) -> dict[str, Any]:
        """Return the note of a look at an hour: its time, and the age that the hour had reached."""
        ages = [age for age in self.ages if hour.end + timedelta(hours=age) <= now]
        return {"looked_at": now.isoformat(), "age_hours": max(ages, default=0)}

    def _is_refresh_due(self, start: datetime, check: Mapping[str, Any], now: datetime) -> bool:
        reached = [age for age in self.ages if start + HOUR * (age + 1) <= now]
        return bool(reached) and check.get("age_hours", 0) < reached[-1]

    def _is_sweep_due(self, start: datetime, check: Mapping[str, Any], now: datetime) -> bool:
        if start >= now - timedelta(hours=self.ages[-1] + 1):
            return False
        # Half the promised time, so that one run that fails breaks no promise.
        patience = timedelta(hours=self.sweep_hours / 2)
        return (
            "looked_at" not in check or datetime.fromisoformat(check["looked_at"]) < now - patience
        )


def check_name(platform: str, community: str, start: datetime) -> str:
    """Return the name under which the state store notes looks at an hour."""
    return f"{platform}/{community}/{start:%Y-%m-%dT%H}"


def known_hours(state: StateStore, reading: Reading) -> list[WindowEntry]:
    """Return the ledger's hours of the reading's communities that hold items."""
    return [
        entry
        for entry in state.windows(reading.platform)
        if entry.community in reading.communities and entry.counts.get("bronze_row_count")
    ]


def sweep_lag_hours(
    entries: Iterable[WindowEntry], checks: Mapping[str, Mapping[str, Any]], now: datetime
) -> float:
    """Return the hours since the hour that was looked at longest ago; 0 without any."""
    moments = []
    for entry in entries:
        name = check_name(entry.platform, entry.community, entry.window_start)
        moments.append(
            datetime.fromisoformat(checks[name]["looked_at"])
            if name in checks
            else entry.window_start
        )
    return max(((now - moment) / HOUR for moment in moments), default=0.0)


class HourLook:
    """A second look at one hour of a platform; what changed is landed as it is found."""

    def __init__(self, run: Run, reading: Reading, span: Slice, purpose: Purpose) -> None:
        """Look with the priority of the purpose."""
        priority = Priority.REFRESH if purpose == "refresh" else Priority.SWEEP
        self._run = run
        self._reading = reading
        self._span = span
        self._adapters = run.adapters
        self._source: SecondLook = open_second_look(run, reading, self._adapters, priority)
        self._state = self._adapters.state()
        self._absent_before = self._state.notes(_ABSENT)
        self._touched: dict[Window, set[str]] = defaultdict(set)
        self._erasure = Erasure()
        self._withdrawals: list[OpenErasure] = []
        self._absent_count = 0

    def look(self, log: Log) -> SecondLookResult:
        """Ask for every item of the hour again, and return what changed and what has to go.

        What has to go is a to-do before anything else of its community is written.
        """
        span = self._span
        rows = self._run.adapters.lake().read(
            BRONZE_ITEMS, span.where, span.window, columns=_COLUMNS
        )
        alive = rows.filter(~is_gone(pl.col("body").fill_null("")))
        for (community,), items in alive.group_by("community", maintain_order=True):
            try:
                with self._adapters.meter.reading(span.platform, str(community)):
                    self._look_at(str(community), items)
            except CommunityClosed as error:
                log.warning("%s: what is kept of it is left as it is", error)
        return SecondLookResult(
            slices_of(span.platform, self._touched),
            self._withdrawals,
            LookCounts(alive.height, self._absent_count, len(self._erasure.item_ids)),
        )

    def _look_at(self, community: str, items: pl.DataFrame) -> None:
        rows = {
            KnownItem(row["kind"], row["item_id"], row["thread_id"]): row
            for row in items.iter_rows(named=True)
        }
        source, now = self._source, self._run.now
        sighting = source.look_again(community, self._span.window, list(rows))
        changes = compare(sighting, rows, source.line_formats)
        lines = [*changes.items, *sighting.successors]
        for line in lines:
            self._touched[Window.hour(line.hour)].add(community)
        absent_again = self._absent_again(changes.absent)
        self._withdraw({*sighting.gone, *absent_again}, changes.authorless)
        self._remember(rows, changes.absent, absent_again)
        self._absent_count += len(changes.absent)
        if lines:
            visit = Visit(
                self._span.platform, "refresh", source.retrieved_at, source.format_reference
            )
            land_apart(self._run.adapters.landing(), visit, community, lines, now=now)

    def _withdraw(self, gone: Iterable[KnownItem], authorless: Iterable[KnownItem]) -> None:
        """Write the to-do of these items, with those of the communities before.

        It names the hours of changed lines too, which whoever finishes it carries on.
        """
        found = Erasure(
            frozenset(item.item_id for item in gone),
            frozenset(item.item_id for item in gone if item.kind == "submission"),
            frozenset(item.item_id for item in authorless),
        )
        self._erasure |= found
        slices = slices_of(self._span.platform, self._touched)
        if self._withdrawals:
            (begun,) = self._withdrawals
            self._withdrawals = [replace(begun, erasure=self._erasure, slices=slices)]
            open_erasures.write(*self._withdrawals)
        elif found:
            near = self._span.window
            self._withdrawals = [
                open_erasures.begin(self._run, self._reading, found, near=near, slices=slices)
            ]

    def _absent_again(self, absent: Iterable[KnownItem]) -> set[KnownItem]:
        """Return the absent items that were absent before too, half an hour ago or more."""
        return {
            item
            for item in absent
            if (since := self._absent_before.get(self._name(item)))
            and datetime.fromisoformat(since) <= self._run.now - _BETWEEN_ABSENCES
        }

    def _remember(
        self,
        items: Iterable[KnownItem],
        absent: Collection[KnownItem],
        absent_again: Collection[KnownItem],
    ) -> None:
        """Remember the items that are absent for the first time.

        An item is remembered until it is seen, or absent again.
        """
        names, before = {item: self._name(item) for item in items}, self._absent_before
        fresh = [names[item] for item in absent if names[item] not in before]
        self._state.put_notes(_ABSENT, dict.fromkeys(fresh, self._run.now.isoformat()))
        over = [
            name
            for item, name in names.items()
            if name in before and (item not in absent or item in absent_again)
        ]
        self._state.drop_notes(_ABSENT, over)

    def _name(self, item: KnownItem) -> str:
        return f"{self._span.platform}/{item.kind}/{item.item_id}"


def expand_threads(run: Run, span: Slice) -> tuple[list[Slice], RepairCounts]:
    """Expand the hour's Reddit threads that lack many comments, and return the changed hours.

    The platform's count holds removed comments too, so it is an upper bound: only a thread far
    below it is worth requests. Younger hours are left alone, since the comments of the last hour or
    two are not closed yet.
    """
    if span.platform != PLATFORM or run.now - span.window.end < _EXPANDED_FROM:
        return [], RepairCounts()
    from market_opinion.sources.reddit import visits  # PRAW takes a while to import

    columns = ["community", "kind", "item_id", "thread_id", "reply_count", "window_start"]
    reach = Window(span.window.start, max(span.window.end, floor_hour(run.now) + HOUR))
    rows = run.adapters.lake().read(BRONZE_ITEMS, span.where, reach, columns=columns)
    threads = quality.count_threads(rows, span.window.start)
    worth = deficient_threads(threads)
    touched: dict[Window, set[str]] = defaultdict(set)
    adapters = run.adapters
    open_reddit = cache(partial(adapters.reddit, Priority.REFRESH))
    for community, thread_id in worth:
        ids = set(rows.filter(thread_id=thread_id, kind="comment")["item_id"])
        names = {fullname("comment", item_id) for item_id in ids}
        with adapters.meter.reading(span.platform, community):
            visit = visits.expand(
                open_reddit(), adapters.landing(), community, thread_id, known=names, now=run.now
            )
        for hour in visit.hours:
            touched[hour].add(community)
    return slices_of(span.platform, touched), RepairCounts(
        announced_comment_count=int(threads["reply_count"].sum()),
        captured_comment_count=int(threads["captured_count"].sum()),
        expanded_thread_count=len(worth),
    )


def deficient_threads(threads: pl.DataFrame) -> list[tuple[str, str]]:
    """Return community and id of the threads that are worth expanding, the emptiest first."""
    captured, announced = pl.col("captured_count"), pl.col("reply_count")
    worst = (
        threads.filter(captured < announced * _CAPTURED_MIN, announced - captured >= _MISSING_MIN)
        .sort("captured_count")
        .head(_EXPANDED_MAX)
    )
    return list(worst.select("community", "thread_id").iter_rows())
