"""Answers of the run that is under way, on disk the moment they arrive.

What a crash leaves behind is not paid for again.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from market_opinion.core.errors import JournalFailed
from market_opinion.scorers.llm.prompt import Answer

_TABLE = "CREATE TABLE IF NOT EXISTS answers (question_key TEXT PRIMARY KEY, answer BLOB NOT NULL)"


class Journal:
    """A SQLite file that is written through; emptied once the ledger holds what is in it."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; raises JournalFailed where it cannot be written."""
        self._path = path
        try:
            self._connection = sqlite3.connect(path, timeout=60, isolation_level=None)
            # What is deleted is overwritten: it may be words that somebody asked us to forget.
            self._connection.executescript(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                f" PRAGMA secure_delete = ON; {_TABLE}"
            )
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def put(self, answers: Iterable[Answer]) -> None:
        """Keep answers; raise JournalFailed, before more is asked, where they cannot be kept."""
        try:
            rows = [(answer.question_key, msgspec.json.encode(answer)) for answer in answers]
            self._connection.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def answers(self) -> list[Answer]:
        """Everything that is not in the ledger yet."""
        rows = self._connection.execute("SELECT answer FROM answers ORDER BY question_key")
        return [msgspec.json.decode(row[0], type=Answer) for row in rows]

    def forget(self, keys: Iterable[str]) -> None:
        """Drop what the ledger holds now."""
        change = self._connection.executemany(
            "DELETE FROM answers WHERE question_key = ?", [(key,) for key in keys]
        )
        if change.rowcount > 0:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _failed(self, error: sqlite3.Error) -> JournalFailed:
        return JournalFailed(
            f"journal {self._path} cannot be written ({error}): nothing more is asked until it"
            " can, so that no answer is lost"
        )
