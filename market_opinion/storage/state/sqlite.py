"""State in one SQLite file, for processes of one machine."""

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tenacity import Retrying, retry_if_exception_message, stop_after_delay, wait_random

from market_opinion.core.errors import HomeDamaged, SettingsInvalid, WatermarkUnreadable
from market_opinion.core.window import Window
from market_opinion.storage.state import (
    USAGE_KEPT,
    RequestUsage,
    RunRecord,
    WindowEntry,
    WindowState,
    hour_text,
    parse_hour_end,
    run_items,
    run_key,
    sqlite_claims,
)

_TABLES = """
CREATE TABLE IF NOT EXISTS watermarks (
    platform TEXT NOT NULL, community TEXT NOT NULL, hour_end TEXT NOT NULL,
    PRIMARY KEY (platform, community));
CREATE TABLE IF NOT EXISTS windows (
    platform TEXT NOT NULL, community TEXT NOT NULL, window_start TEXT NOT NULL,
    state TEXT NOT NULL, stop_reason TEXT NOT NULL, counts TEXT NOT NULL, detail TEXT NOT NULL
    DEFAULT '', PRIMARY KEY (platform, community, window_start));
CREATE TABLE IF NOT EXISTS runs (
    pk TEXT NOT NULL, sk TEXT NOT NULL, attributes TEXT NOT NULL, PRIMARY KEY (pk, sk));
CREATE TABLE IF NOT EXISTS notes (
    topic TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (topic, name));
CREATE TABLE IF NOT EXISTS quotas (bucket TEXT PRIMARY KEY, free_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS requests (
    hour TEXT NOT NULL, platform TEXT NOT NULL, community TEXT NOT NULL,
    request_count INTEGER NOT NULL, refused_count INTEGER NOT NULL, left_count INTEGER,
    PRIMARY KEY (hour, platform, community));
"""
_DAMAGED = re.compile("not a database|malformed")
_WAIT_SECONDS = 60


class SQLiteState:
    """A StateStore in a file."""

    def __init__(self, path: Path, *, environment: str) -> None:
        """Open or create the file; raises SettingsInvalid where that fails."""
        self._path = path
        self._environment = environment
        self.claims = sqlite_claims.SQLiteClaims(self._connect)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Of two that make a new file write-ahead at once, SQLite lets one fail, not wait.
            Retrying(
                retry=retry_if_exception_message("database is locked"),
                stop=stop_after_delay(_WAIT_SECONDS),
                wait=wait_random(max=0.1),
                reraise=True,
            )(self._write_ahead)
            with self._connect() as connection:
                connection.executescript(_TABLES + sqlite_claims.TABLES)
        except (OSError, sqlite3.OperationalError) as error:
            message = (
                f"state file {path} cannot be used ({error}):"
                " check STATE_URI or MARKET_OPINION_HOME"
            )
            raise SettingsInvalid(message) from error

    def load_last_run_timestamp(self, platform: str, community: str) -> datetime | None:
        """Return the end of the last certified hour; None before the first run.

        Raises WatermarkUnreadable for a damaged watermark, since a guess could skip hours.
        """
        with self._connect() as connection:
            row = connection.execute(
                "SELECT hour_end FROM watermarks WHERE platform = ? AND community = ?",
                (platform, community),
            ).fetchone()
        if row is None:
            return None
        if (moment := parse_hour_end(row[0])) is None:
            message = (
                f"watermark of {platform}/{community} is {row[0]!r}, not the end of an hour:"
                f" correct it in {self._path}, table watermarks"
            )
            raise WatermarkUnreadable(message)
        return moment

    def save_last_run_timestamp(self, platform: str, community: str, hour_end: datetime) -> bool:
        """Move the watermark forward to the end of a certified hour; return whether it moved."""
        with self._connect() as connection:
            cursor = connection.execute(
                "INSERT INTO watermarks VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET hour_end = excluded.hour_end"
                " WHERE excluded.hour_end > hour_end",
                (platform, community, hour_text(hour_end)),
            )
            return cursor.rowcount > 0

    def reset_last_run_timestamp(self, platform: str, community: str, hour_end: datetime) -> None:
        """Set the watermark, forward or back, whatever stands there."""
        with self._connect() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO watermarks VALUES (?, ?, ?)",
                (platform, community, hour_text(hour_end)),
            )

    def put_windows(self, entries: Iterable[WindowEntry]) -> None:
        """Write the entries of these hours in one transaction."""
        rows = [
            (
                e.platform,
                e.community,
                hour_text(e.window_start),
                e.state.value,
                e.stop_reason,
                json.dumps(e.counts, sort_keys=True),
                e.detail,
            )
            for e in entries
        ]
        with self._connect() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO windows VALUES (?, ?, ?, ?, ?, ?, ?)", rows
            )

    def windows(
        self, platform: str | None = None, window: Window | None = None
    ) -> list[WindowEntry]:
        """Return the ledger's entries in order of platform, community and time.

        Without a platform, they are those of all platforms; without a window, of all times.
        """
        span = (hour_text(window.start), hour_text(window.end)) if window else ("", "9")
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT platform, community, window_start, state, stop_reason, counts, detail"
                " FROM windows"
                " WHERE platform = coalesce(?, platform) AND window_start >= ? AND window_start < ?"
                " ORDER BY platform, community, window_start",
                (platform, *span),
            ).fetchall()
        return [
            WindowEntry(
                p,
                c,
                datetime.fromisoformat(start),
                WindowState(state),
                reason,
                json.loads(counts),
                detail,
            )
            for p, c, start, state, reason, counts, detail in rows
        ]

    def put_runs(self, records: Iterable[RunRecord]) -> None:
        """Write two items for each record.

        `RUN#` is the latest run of the window, `ATTEMPT#` this attempt at it.
        """
        rows = []
        for record in records:
            key = run_key(self._environment, record.entry.platform, record.entry.community)
            rows += [
                (key, sort_key, json.dumps(attributes, sort_keys=True))
                for sort_key, attributes in run_items(record).items()
            ]
        with self._connect() as connection:
            connection.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", rows)

    def runs(self, platform: str, community: str, *, prefix: str = "RUN#") -> list[dict[str, Any]]:
        """Return a community's run items whose sort key has the prefix, in order of the key.

        Their attributes include `pk` and `sk`.
        """
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT pk, sk, attributes FROM runs"
                " WHERE pk = ? AND sk >= ? AND sk < ? ORDER BY sk",
                (
                    run_key(self._environment, platform, community),
                    prefix,
                    prefix[:-1] + chr(ord(prefix[-1]) + 1),
                ),
            ).fetchall()
        return [{"pk": pk, "sk": sk, **json.loads(attributes)} for pk, sk, attributes in rows]

    def put_notes(self, topic: str, notes: Mapping[str, Any]) -> None:
        """Write one JSON value for each name; the values of other names stay."""
        with self._connect() as connection:
            rows = [(topic, name, json.dumps(body, sort_keys=True)) for name, body in notes.items()]
            connection.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", rows)

    def notes(self, topic: str) -> dict[str, Any]:
        """Return all values of a topic, in order of name."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT name, body FROM notes WHERE topic = ? ORDER BY name", (topic,)
            ).fetchall()
        return {name: json.loads(body) for name, body in rows}

    def drop_notes(self, topic: str, names: Iterable[str]) -> None:
        """Remove these notes; a missing name is no error."""
        with self._connect() as connection:
            connection.executemany(
                "DELETE FROM notes WHERE topic = ? AND name = ?", [(topic, name) for name in names]
            )

    def add_requests(self, usage: RequestUsage) -> None:
        """Add the counts to those of the hour and community; `left_count` replaces, if it is known.

        Usage older than ninety days is dropped.
        """
        with self._connect() as connection:
            connection.execute(
                "INSERT INTO requests VALUES (:hour, :platform, :community, :made, :refused, :left)"
                " ON CONFLICT DO UPDATE SET request_count = request_count + :made,"
                " refused_count = refused_count + :refused,"
                " left_count = coalesce(:left, left_count)",
                {
                    "hour": hour_text(usage.hour),
                    "platform": usage.platform,
                    "community": usage.community,
                    "made": usage.request_count,
                    "refused": usage.refused_count,
                    "left": usage.left_count,
                },
            )
            oldest = hour_text(usage.hour - USAGE_KEPT)
            connection.execute("DELETE FROM requests WHERE hour < ?", (oldest,))

    def requests(self, since: datetime) -> list[RequestUsage]:
        """Return the usage from an hour on, in order of hour, platform and community."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT platform, community, hour, request_count, refused_count, left_count"
                " FROM requests WHERE hour >= ? ORDER BY hour, platform, community",
                (hour_text(since),),
            ).fetchall()
        return [
            RequestUsage(platform, community, datetime.fromisoformat(hour), *counts)
            for platform, community, hour, *counts in rows
        ]

    def reserve_request(
        self, bucket: str, *, now: float, interval_seconds: float, ahead_seconds: float
    ) -> float:
        """Take one request from the bucket; return 0, or the seconds to wait before the next try.

        The column `free_at` is the end of the last interval taken, in seconds since 1970, so that
        one SQL statement decides.
        """
        with self._connect() as connection:
            taken = connection.execute(
                "INSERT INTO quotas VALUES (:bucket, :now + :interval) ON CONFLICT DO UPDATE"
                " SET free_at = max(free_at, :now) + :interval"
                " WHERE free_at - :now <= :ahead + 1e-6",
                {
                    "bucket": bucket,
                    "now": now,
                    "interval": interval_seconds,
                    "ahead": ahead_seconds,
                },
            ).rowcount
            if taken:
                return 0.0
            free_at: float = connection.execute(
                "SELECT free_at FROM quotas WHERE bucket = ?", (bucket,)
            ).fetchone()[0]
        return max(free_at - now - ahead_seconds, 0.001)

    def _write_ahead(self) -> None:
        with self._connect() as connection:
            connection.execute("PRAGMA journal_mode = WAL")

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection whose statements are committed together, or not at all."""
        connection = sqlite3.connect(self._path, timeout=_WAIT_SECONDS)
        try:
            with connection:
                yield connection
        except sqlite3.DatabaseError as error:
            if not _DAMAGED.search(str(error)):
                raise
            message = (
                f"state file {self._path} is damaged ({error}); landing, lake and mart are not"
                " touched: move it away, run `python -m flows.rebuild --platform NAME` for each"
                " platform, which writes the ledger anew, then `python -m market_opinion state"
                " repair` for each community, which sets its watermark"
            )
            raise HomeDamaged(message) from error
        finally:
            connection.close()
