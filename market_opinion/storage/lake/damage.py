"""Damage to the lake's files: told as one error that says what is safe, and what heals it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pyarrow as pa
from pydantic import ValidationError
from pyiceberg.exceptions import ValidationError as MetadataInvalid
from sqlalchemy.exc import DatabaseError

from market_opinion.core.contracts import Table
from market_opinion.core.errors import HomeDamaged

# What PyIceberg and Arrow raise for files that are missing, cut short or overwritten.
_BAD_FILES = (
    FileNotFoundError,
    EOFError,
    pa.ArrowInvalid,
    json.JSONDecodeError,
    UnicodeDecodeError,
    ValidationError,
    MetadataInvalid,
)
_NO_DATABASE = ("file is not a database", "malformed")


@contextmanager
def damage_named(table: Table) -> Iterator[None]:
    """Turn what a damaged file of a table, or of the catalogue, raises into HomeDamaged."""
    with catalogue_damage_named():
        try:
            yield
        except _BAD_FILES as error:
            message = (
                f"table {table.name} has a file that cannot be read ({type(error).__name__}:"
                f" {error}); the landing zone is not touched: run `python -m flows.rebuild"
                f" --platform NAME --damaged {table.name}` for each platform"
            )
            raise HomeDamaged(message) from error


@contextmanager
def catalogue_damage_named() -> Iterator[None]:
    """Turn what a damaged catalogue raises into HomeDamaged."""
    try:
        yield
    except DatabaseError as error:
        if not any(words in str(error) for words in _NO_DATABASE):
            raise
        message = (
            f"the lake's catalogue cannot be read ({error.orig}); the landing zone is not touched:"
            " move the folder lake away, then run `python -m flows.rebuild --platform NAME` for"
            " each platform"
        )
        raise HomeDamaged(message) from error


def check_place(catalogue: Path) -> None:
    """Raise HomeDamaged for the catalogue of a lake that was copied from another folder.

    Its tables name their files by whole paths, so that runs would read and change the other lake.
    """
    folder = catalogue.parent
    with closing(sqlite3.connect(catalogue)) as connection:
        row = connection.execute("SELECT metadata_location FROM iceberg_tables LIMIT 1").fetchone()
    if row is None:
        return
    of_table = Path(row[0].removeprefix("file://"))
    if not of_table.resolve().is_relative_to(folder.resolve()):
        message = (
            f"the lake in {folder} was copied or moved: its tables are files such as {of_table}."
            " Put it where it was, or move it away and run `python -m flows.rebuild --platform"
            " NAME` for each platform"
        )
        raise HomeDamaged(message)
