"""What the platform remembers between runs: watermarks, the ledger of windows and the records of runs, in one of its stores."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from market_opinion.core.window import Window, floor_hour
from market_opinion.storage.state.ratios import ratios


class WindowState(StrEnum):
    """Whether an hour of a community is complete, and if not, what can be done.

    An incomplete one is read again, a gap is closed with its hour, an unrecoverable one needs another source.
    """

    CERTIFIED = "CERTIFIED"
    INCOMPLETE = "INCOMPLETE"
    GAP = "GAP"
    UNRECOVERABLE = "UNRECOVERABLE"

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to do for an hourly run."""
        return self in {WindowState.CERTIFIED, WindowState.UNRECOVERABLE}


@dataclass(frozen=True)
class WindowEntry:
    """What is known of one hour of one community: its state, why fetching stopped, and its counts."""

    platform: str
    community: str
    window_start: datetime
    state: WindowState
    stop_reason: str
    counts: dict[str, int]
    detail: str = ""


@dataclass(frozen=True)
class RunRecord:
    """One window as one run carried it: what came, what became of it and how long the run took."""

    entry: WindowEntry
    window_end: datetime
    run_id: str
    mode: str
    domain: str
    ingested_at: datetime


class StateStore(Protocol):
    """Watermarks move only forward; ledger and run records replace what was known of the same key."""

    def load_last_run_timestamp(self, platform: str, community: str) -> datetime | None:
        """End of the last certified hour; none before the first run. Raises WatermarkUnreadable rather than skip hours."""
        ...

    def save_last_run_timestamp(self, platform: str, community: str, hour_end: datetime) -> bool:
        """Move the watermark to the end of a certified hour; false, and nothing changes, where it is there or further."""
        ...

    def put_windows(self, entries: Iterable[WindowEntry]) -> None:
        """Write what is known of these hours."""
        ...

    def windows(
        self, platform: str | None = None, window: Window | None = None
    ) -> list[WindowEntry]:
        """The ledger, of one platform or all, within a span or ever, in order of platform, community and time."""
        ...

    def put_runs(self, records: Iterable[RunRecord]) -> None:
        """Write two items a record: the latest of the window, `RUN#`, and this attempt at it, `ATTEMPT#`."""
        ...

    def runs(self, platform: str, community: str, *, prefix: str = "RUN#") -> list[dict[str, Any]]:
        """Run items of a community whose sort key begins so, in order of it, with `pk` and `sk` among their attributes."""
        ...

    def put_notes(self, topic: str, notes: Mapping[str, Any]) -> None:
        """Keep one JSON value a name; those of other names stay."""
        ...

    def notes(self, topic: str) -> dict[str, Any]:
        """All values of a topic, in order of name."""
        ...

    def drop_notes(self, topic: str, names: Iterable[str]) -> None:
        """Forget these; those that are not there are no error."""
        ...

    def reserve_request(
        self, bucket: str, *, now: float, interval_seconds: float, ahead_seconds: float
    ) -> float:
        """Take one request that may be so far ahead of one every `interval_seconds`: 0, or the seconds until it may be tried again."""
        ...


def run_key(environment: str, platform: str, community: str) -> str:
    """Partition key of everything that is known of a community."""
    word = "SUBREDDIT" if platform == "reddit" else platform.upper()
    return f"ENV#{environment}#{word}#{community}"


def run_items(record: RunRecord) -> dict[str, dict[str, Any]]:
    """The items of a record by sort key: the latest run of its window, and this attempt at it."""
    start, attributes = int(record.entry.window_start.timestamp()), _attributes(record)
    return {f"RUN#{start}": attributes, f"ATTEMPT#{start}#{record.run_id}": attributes}


def hour_text(moment: datetime) -> str:
    """ISO 8601 in UTC to the second, which sorts."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def parse_hour_end(text: object) -> datetime | None:
    """The stored end of an hour; none for anything that is none."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None and floor_hour(moment) == moment else None


def _attributes(record: RunRecord) -> dict[str, Any]:
    entry = asdict(record.entry)
    counts = {_camel(name): count for name, count in entry["counts"].items()}
    found = {name: value for name, value in ratios(entry["counts"]).items() if value is not None}
    return {
        **{_camel(name): round(value, 6) for name, value in found.items()},
        "SubmissionsCount": counts.pop("SubmissionCount", 0),
        "CommentsCount": counts.pop("CommentCount", 0),
        "Mode": record.mode,
        "Domain": record.domain,
        "WindowStartTs": int(record.entry.window_start.timestamp()),
        "WindowEndTs": int(record.window_end.timestamp()),
        "IngestedAtTs": int(record.ingested_at.timestamp()),
        "WindowState": record.entry.state.value,
        "StopReason": record.entry.stop_reason,
        "RunId": record.run_id,
        **counts,
    }


def _camel(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))
