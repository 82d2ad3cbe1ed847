"""Claims in the SQLite file of the state: each method is one transaction."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager

TABLES = """
CREATE TABLE IF NOT EXISTS leases (
    question_key TEXT PRIMARY KEY, holder TEXT NOT NULL, until REAL NOT NULL, answer TEXT);
CREATE TABLE IF NOT EXISTS budgets (name TEXT PRIMARY KEY, booked_usd REAL NOT NULL);
"""
_TAKE = """
INSERT INTO leases VALUES (?, ?, ?, NULL) ON CONFLICT DO UPDATE
SET holder = excluded.holder, until = excluded.until
WHERE answer IS NULL AND (holder = excluded.holder OR until <= ?)
"""
_ANSWER = """
INSERT INTO leases VALUES (?, '', ?, ?) ON CONFLICT DO UPDATE
SET until = excluded.until, answer = excluded.answer
"""
_BOOK = """
INSERT INTO budgets SELECT :budget, :usd WHERE :limit IS NULL OR :usd <= :limit
ON CONFLICT DO UPDATE SET booked_usd = booked_usd + excluded.booked_usd
WHERE :limit IS NULL OR booked_usd + excluded.booked_usd <= :limit
"""


class SQLiteClaims:
    """Claims of processes of one machine."""

    def __init__(self, connect: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        """Use connections whose statements are committed together."""
        self._connect = connect

    def take(self, keys: Iterable[str], *, holder: str, now: float, until: float) -> set[str]:
        """Lease the keys that nobody else holds or has answered; return those held now."""
        with self._connect() as connection:
            return {
                key for key in keys if connection.execute(_TAKE, (key, holder, until, now)).rowcount
            }

    def answer(self, answers: Mapping[str, str], *, until: float) -> None:
        """Keep answers by key, for every holder to read; after `until` they count as left."""
        with self._connect() as connection:
            connection.executemany(_ANSWER, [(key, until, text) for key, text in answers.items()])

    def answers(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the answers that are kept for these keys."""
        with self._connect() as connection:
            return dict(
                connection.execute(
                    "SELECT question_key, answer FROM leases WHERE answer IS NOT NULL"
                    " AND question_key IN (SELECT value FROM json_each(?))",
                    (json.dumps([*keys]),),
                )
            )

    def take_left(self, *, now: float, until: float) -> dict[str, str]:
        """Return the answers whose time has passed, each to one caller alone."""
        with self._connect() as connection:
            return dict(
                connection.execute(
                    "UPDATE leases SET until = ? WHERE answer IS NOT NULL AND until <= ?"
                    " RETURNING question_key, answer",
                    (until, now),
                ).fetchall()
            )

    def drop(self, keys: Iterable[str], *, holder: str | None = None) -> None:
        """Remove leases with their answers; with a holder, only its own without an answer."""
        with self._connect() as connection:
            # What is deleted is overwritten: it may be words that somebody asked us to forget.
            connection.execute("PRAGMA secure_delete = ON")
            connection.executemany(
                "DELETE FROM leases WHERE question_key = ?"
                " AND (? IS NULL OR (holder = ? AND answer IS NULL))",
                [(key, holder, holder) for key in keys],
            )

    def book(self, budget: str, usd: float, *, limit: float | None = None) -> bool:
        """Add to what is booked on a budget; return False, and add nothing, beyond the limit."""
        values = {"budget": budget, "usd": usd, "limit": limit}
        with self._connect() as connection:
            return connection.execute(_BOOK, values).rowcount > 0

    def booked(self, budget: str) -> float:
        """Return what is booked on a budget, in USD."""
        with self._connect() as connection:
            row = connection.execute(
                "SELECT booked_usd FROM budgets WHERE name = ?", (budget,)
            ).fetchone()
        return float(row[0]) if row else 0.0
