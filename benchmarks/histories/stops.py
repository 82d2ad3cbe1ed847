"""Stops: a run ends at its n-th write to a store, before the write or right after it."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO

from market_opinion.serving import mart
from market_opinion.serving.mart.duckdb import DuckDBMart
from market_opinion.storage.state.sqlite import SQLiteState

# Every call that changes a store: files of landing, mart and report, commits of the lake, files
# that a history loses, rows of the state, statements and commits of a load.
_WRITES: tuple[tuple[Any, str], ...] = (
    (Path, "replace"),
    (Path, "write_bytes"),
    (Path, "write_text"),
    (Path, "unlink"),
    (LocalFileSystem, "rm_file"),
    (SqlCatalog, "create_table"),
    (SqlCatalog, "commit_table"),
    (PyArrowFileIO, "delete"),
    (SQLiteState, "put_windows"),
    (SQLiteState, "put_runs"),
    (SQLiteState, "put_notes"),
    (SQLiteState, "drop_notes"),
    (SQLiteState, "save_last_run_timestamp"),
    (mart, "run"),
    (DuckDBMart, "load"),
    (DuckDBMart, "compact"),
)


class Stopped(BaseException):
    """The end of a run that was stopped; nothing in the platform catches it."""


def kill() -> None:
    """End this process as the system does when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def _raise() -> None:
    raise Stopped


class Stops:
    """Counter of the moments before and after each write; it ends the run at one of them."""

    def __init__(self, end: Callable[[], None] = _raise) -> None:
        """Call `end` at the armed moment."""
        self.count = 0
        self._armed_at: int | None = None
        self._end = end

    def arm(self, at: int | None) -> None:
        """Begin to count anew, and end the run at this moment, from 1; None lets it be."""
        self.count, self._armed_at = 0, at

    def pass_by(self) -> None:
        """Count a moment."""
        self.count += 1
        if self.count == self._armed_at:
            self._armed_at = None
            self._end()


@contextmanager
def stops(end: Callable[[], None] = _raise) -> Iterator[Stops]:
    """Count writes while the context lasts."""
    counter = Stops(end)
    originals = [(owner, name, getattr(owner, name)) for owner, name in _WRITES]
    for owner, name, original in originals:
        setattr(owner, name, _watched(original, counter))
    try:
        yield counter
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def _watched(original: Callable[..., Any], counter: Stops) -> Callable[..., Any]:
    def write(*args: Any, **options: Any) -> Any:
        counter.pass_by()
        result = original(*args, **options)
        counter.pass_by()
        return result

    return write
