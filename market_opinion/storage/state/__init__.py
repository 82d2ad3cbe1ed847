"""The state between runs: watermarks, the ledger of windows and the records of runs."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from market_opinion.core.window import Window, floor_hour
from market_opinion.storage.state.claims import Claims
from market_opinion.storage.state.ratios import ratios

# Usage of the platforms' quotas is kept for so long.
USAGE_KEPT = timedelta(days=90)


class WindowState(StrEnum):
    """State of an hour of a community.

    A certified hour is complete. An incomplete hour is read again. A gap is read again when its
    hour closes. An unrecoverable hour needs another source.
    """

    CERTIFIED = "CERTIFIED"
    INCOMPLETE = "INCOMPLETE"
    GAP = "GAP"
    UNRECOVERABLE = "UNRECOVERABLE"

    @property
    def is_settled(self) -> bool:
        """Whether an hourly run has nothing left to do for the hour."""
        return self in {WindowState.CERTIFIED, WindowState.UNRECOVERABLE}


@dataclass(frozen=True)
class WindowEntry:
    """Entry of the ledger: state, stop reason and counts of one hour of one community."""

    platform: str
    community: str
    window_start: datetime
    state: WindowState
    stop_reason: str
    counts: dict[str, int]
    detail: str = ""


@dataclass(frozen=True)
class RunRecord:
    """Record of one window in one run: its entry, and the run with its mode and domain.

    `pepper_id` names the pepper of the rows that were written.
    """

    entry: WindowEntry
    window_end: datetime
    run_id: str
    mode: str
    domain: str
    ingested_at: datetime
    pepper_id: str = ""


@dataclass(frozen=True)
class RequestUsage:
    """Requests to a platform for one community in one hour of the clock.

    `left_count` is what the platform said last of its own quota; None if it says nothing of it.
    """

    platform: str
    community: str
    hour: datetime
    request_count: int
    refused_count: int = 0
    left_count: int | None = None


class StateStore(Protocol):
    """Store of the state.

    Watermarks move only forward; ledger and run records replace earlier ones of the same key.
    """

    @property
    def claims(self) -> Claims:
        """Leases and budgets of runs that work at the same time."""
        ...

    def load_last_run_timestamp(self, platform: str, community: str) -> datetime | None:
        """Return the end of the last certified hour; None before the first run.

        Raises WatermarkUnreadable for a damaged watermark, since a guess could skip hours.
        """
        ...

    def save_last_run_timestamp(self, platform: str, community: str, hour_end: datetime) -> bool:
        """Move the watermark forward to the end of a certified hour; return whether it moved."""
        ...

    def reset_last_run_timestamp(self, platform: str, community: str, hour_end: datetime) -> None:
        """Set the watermark, forward or back, whatever stands there."""
        ...

    def put_windows(self, entries: Iterable[WindowEntry]) -> None:
        """Write the entries of these hours."""
        ...

    def windows(
        self, platform: str | None = None, window: Window | None = None
    ) -> list[WindowEntry]:
        """Return the ledger's entries in order of platform, community and time.

        Without a platform, they are those of all platforms; without a window, of all times.
        """
        ...

    def put_runs(self, records: Iterable[RunRecord]) -> None:
        """Write two items for each record.

        `RUN#` is the latest run of the window, `ATTEMPT#` this attempt at it.
        """
        ...

    def runs(self, platform: str, community: str, *, prefix: str = "RUN#") -> list[dict[str, Any]]:
        """Return a community's run items whose sort key has the prefix, in order of the key.

        Their attributes include `pk` and `sk`.
        """
        ...

    def put_notes(self, topic: str, notes: Mapping[str, Any]) -> None:
        """Write one JSON value for each name; the values of other names stay."""
        ...

    def notes(self, topic: str) -> dict[str, Any]:
        """Return all values of a topic, in order of name."""
        ...

    def drop_notes(self, topic: str, names: Iterable[str]) -> None:
        """Remove these notes; a missing name is no error."""
        ...

    def add_requests(self, usage: RequestUsage) -> None:
        """Add the counts to those of the hour and community; `left_count` replaces, if it is known.

        Usage older than ninety days may be dropped.
        """
        ...

    def requests(self, since: datetime) -> list[RequestUsage]:
        """Return the usage from an hour on, in order of hour, platform and community."""
        ...

    def reserve_request(
        self, bucket: str, *, now: float, interval_seconds: float, ahead_seconds: float
    ) -> float:
        """Take one request from the bucket; return 0, or the seconds to wait before the next try.

        The bucket allows one request every `interval_seconds`; this one may come up to
        `ahead_seconds` early.
        """
        ...


def run_key(environment: str, platform: str, community: str) -> str:
    """Return the partition key of everything about a community."""
    word = "SUBREDDIT" if platform == "reddit" else platform.upper()
    return f"ENV#{environment}#{word}#{community}"


def run_items(record: RunRecord) -> dict[str, dict[str, Any]]:
    """Return the items of a record by sort key: the latest run of its window, and this attempt."""
    start, attributes = int(record.entry.window_start.timestamp()), _attributes(record)
    return {f"RUN#{start}": attributes, f"ATTEMPT#{start}#{record.run_id}": attributes}


def hour_text(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC to the second, a text that sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def parse_hour_end(text: object) -> datetime | None:
    """Return the end of an hour from its text; None for a text that is no full hour."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None and floor_hour(moment) == moment else None


def _attributes(record: RunRecord) -> dict[str, Any]:
    entry = asdict(record.entry)
    counts = {_camel(name): count for name, count in entry["counts"].items()}
    known_ratios = {
        name: value for name, value in ratios(entry["counts"]).items() if value is not None
    }
    return {
        **{_camel(name): round(value, 6) for name, value in known_ratios.items()},
        "SubmissionsCount": counts.pop("SubmissionCount", 0),
        "CommentsCount": counts.pop("CommentCount", 0),
        "Mode": record.mode,
        "Domain": record.domain,
        "WindowStartTs": int(record.entry.window_start.timestamp()),
        "WindowEndTs": int(record.window_end.timestamp()),
        "IngestedAtTs": int(record.ingested_at.timestamp()),
        "SecondsToMart": int((record.ingested_at - record.window_end).total_seconds()),
        "WindowState": record.entry.state.value,
        "StopReason": record.entry.stop_reason,
        "RunId": record.run_id,
        "PepperId": record.pepper_id,
        **counts,
    }


def _camel(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))
