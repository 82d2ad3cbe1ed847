"""What the platform remembers between runs: watermarks, the ledger of windows and the records of runs, in SQLite."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from market_opinion.errors import SettingsInvalid, WatermarkUnreadable
from market_opinion.quality import ratios
from market_opinion.window import Window, floor_hour

_TABLES = """
CREATE TABLE IF NOT EXISTS watermarks (
    platform TEXT NOT NULL, community TEXT NOT NULL, hour_end TEXT NOT NULL, PRIMARY KEY (platform, community));
CREATE TABLE IF NOT EXISTS windows (
    platform TEXT NOT NULL, community TEXT NOT NULL, window_start TEXT NOT NULL, state TEXT NOT NULL, stop_reason TEXT NOT NULL,
    counts TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '', PRIMARY KEY (platform, community, window_start));
CREATE TABLE IF NOT EXISTS runs (pk TEXT NOT NULL, sk TEXT NOT NULL, attributes TEXT NOT NULL, PRIMARY KEY (pk, sk));
CREATE TABLE IF NOT EXISTS notes (topic TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (topic, name));
CREATE TABLE IF NOT EXISTS quotas (bucket TEXT PRIMARY KEY, free_at REAL NOT NULL);
"""


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


class StateStore:
    """Watermarks move only forward; ledger and run records replace what was known of the same key."""

    def __init__(self, path: Path, *, environment: str) -> None:
        """Open or make the file; raises SettingsInvalid where it cannot be."""
        self._path = path
        self._environment = environment
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._connect() as connection:
                connection.executescript(_TABLES)
        except (OSError, sqlite3.DatabaseError) as error:
            message = f"state file {path} cannot be used ({error}): check STATE_URI or MARKET_OPINION_HOME"
            raise SettingsInvalid(message) from error

    def load_last_run_timestamp(self, platform: str, community: str) -> datetime | None:
        """End of the last certified hour; none before the first run. Raises WatermarkUnreadable rather than skip hours."""
        with self._connect() as connection:
            row = connection.execute(
                "SELECT hour_end FROM watermarks WHERE platform = ? AND community = ?", (platform, community)
            ).fetchone()
        if row is None:
            return None
        try:
            moment = datetime.fromisoformat(row[0])
        except (TypeError, ValueError):
            moment = None
        if moment is None or moment.tzinfo is None or floor_hour(moment) != moment:
            message = (
                f"watermark of {platform}/{community} is {row[0]!r}, not the end of an hour: correct it in {self._path}, table watermarks"
            )
            raise WatermarkUnreadable(message)
        return moment

    def save_last_run_timestamp(self, platform: str, community: str, hour_end: datetime) -> bool:
        """Move the watermark to the end of a certified hour; false, and nothing changes, where it is there or further."""
        with self._connect() as connection:
            cursor = connection.execute(
                "INSERT INTO watermarks VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET hour_end = excluded.hour_end"
                " WHERE excluded.hour_end > hour_end",
                (platform, community, _text(hour_end)),
            )
            return cursor.rowcount > 0

    def put_windows(self, entries: Iterable[WindowEntry]) -> None:
        """Write what is known of these hours in one transaction."""
        rows = [
            (e.platform, e.community, _text(e.window_start), e.state.value, e.stop_reason, json.dumps(e.counts, sort_keys=True), e.detail)
            for e in entries
        ]
        with self._connect() as connection:
            connection.executemany("INSERT OR REPLACE INTO windows VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def windows(self, platform: str | None = None, window: Window | None = None) -> list[WindowEntry]:
        """The ledger, of one platform or all, within a span or ever, in order of community and time."""
        span = (_text(window.start), _text(window.end)) if window else ("", "9")
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT platform, community, window_start, state, stop_reason, counts, detail FROM windows"
                " WHERE platform = coalesce(?, platform) AND window_start >= ? AND window_start < ?"
                " ORDER BY platform, community, window_start",
                (platform, *span),
            ).fetchall()
        return [
            WindowEntry(p, c, datetime.fromisoformat(start), WindowState(state), reason, json.loads(counts), detail)
            for p, c, start, state, reason, counts, detail in rows
        ]

    def put_runs(self, records: Iterable[RunRecord]) -> None:
        """Write two items a record: the latest of the window, `RUN#`, and this attempt at it, `ATTEMPT#`."""
        rows = []
        for record in records:
            start = int(record.entry.window_start.timestamp())
            body = json.dumps(self._attributes(record), sort_keys=True)
            key = self._run_key(record.entry.platform, record.entry.community)
            rows += [(key, f"RUN#{start}", body), (key, f"ATTEMPT#{start}#{record.run_id}", body)]
        with self._connect() as connection:
            connection.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", rows)

    def runs(self, platform: str, community: str, *, prefix: str = "RUN#") -> list[dict[str, Any]]:
        """Run items of a community whose sort key begins so, in order of it, with `pk` and `sk` among their attributes."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT pk, sk, attributes FROM runs WHERE pk = ? AND sk >= ? AND sk < ? ORDER BY sk",
                (self._run_key(platform, community), prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)),
            ).fetchall()
        return [{"pk": pk, "sk": sk, **json.loads(attributes)} for pk, sk, attributes in rows]

    def put_notes(self, topic: str, notes: Mapping[str, Any]) -> None:
        """Keep one JSON value a name; those of other names stay."""
        with self._connect() as connection:
            rows = [(topic, name, json.dumps(body, sort_keys=True)) for name, body in notes.items()]
            connection.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", rows)

    def notes(self, topic: str) -> dict[str, Any]:
        """All values of a topic, in order of name."""
        with self._connect() as connection:
            rows = connection.execute("SELECT name, body FROM notes WHERE topic = ? ORDER BY name", (topic,)).fetchall()
        return {name: json.loads(body) for name, body in rows}

    def drop_notes(self, topic: str, names: Iterable[str]) -> None:
        """Forget these; those that are not there are no error."""
        with self._connect() as connection:
            connection.executemany("DELETE FROM notes WHERE topic = ? AND name = ?", [(topic, name) for name in names])

    def reserve_request(self, bucket: str, *, now: float, interval_seconds: float, ahead_seconds: float) -> float:
        """Take one request that may be so far ahead of one every `interval_seconds`: 0, or the seconds until it may be tried again.

        `free_at` is when the bucket would be full again, in seconds since 1970, so that one statement decides.
        """
        with self._connect() as connection:
            taken = connection.execute(
                "INSERT INTO quotas VALUES (:bucket, :now + :interval) ON CONFLICT DO UPDATE"
                " SET free_at = max(free_at, :now) + :interval WHERE free_at - :now <= :ahead + 1e-6",
                {"bucket": bucket, "now": now, "interval": interval_seconds, "ahead": ahead_seconds},
            ).rowcount
            if taken:
                return 0.0
            free_at: float = connection.execute("SELECT free_at FROM quotas WHERE bucket = ?", (bucket,)).fetchone()[0]
        return max(free_at - now - ahead_seconds, 0.001)

    def _run_key(self, platform: str, community: str) -> str:
        word = "SUBREDDIT" if platform == "reddit" else platform.upper()
        return f"ENV#{self._environment}#{word}#{community}"

    @staticmethod
    def _attributes(record: RunRecord) -> Mapping[str, Any]:
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

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        """A connection whose work is committed as a whole, or not at all."""
        connection = sqlite3.connect(self._path, timeout=60)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            with connection:
                yield connection
        finally:
            connection.close()


def _camel(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))


def _text(moment: datetime) -> str:
    """ISO 8601 in UTC to the second, which sorts."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")
