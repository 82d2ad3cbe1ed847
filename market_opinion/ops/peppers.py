"""The pepper of a lake: authors have one key each only as long as it is the same, or is rotated.

The pepper itself is the to-do of a rotation: it holds one more than that of the id in the state,
until every row has followed. Nothing else is written meanwhile.
"""

import os
import secrets
import time
from collections.abc import Iterator
from datetime import timedelta

import polars as pl

from market_opinion.core.contracts import SILVER_ITEMS
from market_opinion.core.errors import InvalidRequest, SettingsInvalid
from market_opinion.core.settings import Settings
from market_opinion.core.window import Window
from market_opinion.ops.run import Run
from market_opinion.stages.authors import extended, is_former, pepper_id, rekey, so_far
from market_opinion.storage.state import StateStore

_NOTES, _ID = "pepper", "id"
_LEASE, _LEASE_SECONDS = "rotation of the pepper", 60


def known_pepper(state: StateStore, settings: Settings) -> str:
    """Return the pepper, whose id the state keeps from its first use on.

    Raises SettingsInvalid for another one than before: a person would have two keys, and an
    erasure would miss what was purged under the first. So it does while a rotation is open.
    """
    pepper = settings.pepper()
    own, known = pepper_id(pepper), _known_id(state)
    if known is None:
        state.put_notes(_NOTES, {_ID: own})
        known = _known_id(state)
    if known == own:
        return pepper
    if known in _former_ids(pepper):
        message = (
            f"a rotation from the pepper of id {known} to that of id {own} has not ended:"
            " run `market-opinion pepper rotate`, which ends it"
        )
        raise SettingsInvalid(message)
    message = (
        f"the pepper has id {own}, and rows were written with that of id {known}: put the"
        f" former one back into AUTHOR_PEPPER or {settings.home / 'author_pepper'}"
    )
    raise SettingsInvalid(message)


def is_rotating(state: StateStore, settings: Settings) -> bool:
    """Return whether the pepper holds more than that which rows were written with."""
    known = _known_id(state)
    if known is None:
        return False
    return known in _former_ids(settings.pepper())


def next_pepper(settings: Settings) -> str:
    """Return the pepper with a new one added, for whoever keeps it in AUTHOR_PEPPER."""
    return extended(settings.pepper(), secrets.token_hex(32))


def add_pepper(state: StateStore, settings: Settings) -> None:
    """Add a pepper to the file of the home, unless a rotation is open, which goes on with its own.

    Raises InvalidRequest where AUTHOR_PEPPER is set, since it is kept elsewhere, and while another
    process adds one.
    """
    if is_rotating(state, settings):
        return
    if settings.author_pepper is not None:
        message = (
            "AUTHOR_PEPPER is set: put the output of `market-opinion pepper next` into it, for"
            " every process, and run `market-opinion pepper rotate` again"
        )
        raise InvalidRequest(message)
    holder, now = secrets.token_hex(8), time.time()
    if not state.claims.take([_LEASE], holder=holder, now=now, until=now + _LEASE_SECONDS):
        message = "another process adds a pepper: run it again in a minute"
        raise InvalidRequest(message)
    try:
        _extend_file(state, settings)
    finally:
        state.claims.drop([_LEASE], holder=holder)


def _extend_file(state: StateStore, settings: Settings) -> None:
    """Replace the file by one with a pepper more; for the holder of the lease alone."""
    path = settings.home / "author_pepper"
    for left in path.parent.glob(".author_pepper.next-*"):  # its process was killed
        left.unlink()
    if is_rotating(state, settings):  # by the holder before
        return
    own = path.with_name(f".author_pepper.next-{secrets.token_hex(8)}")
    with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(next_pepper(settings))
        file.flush()
        os.fsync(file.fileno())
    own.replace(path)


def days_to_rekey(run: Run) -> Iterator[tuple[str, Window]]:
    """Yield platform and day of the rows of silver.items that have not followed the pepper."""
    columns = ["platform", "created_at", "author_key", "pepper_id"]
    rows = run.adapters.lake().read(SILVER_ITEMS, columns=columns)
    days = rows.filter(is_former(run.settings.pepper())).select(
        "platform", day=pl.col("created_at").dt.truncate("1d")
    )
    for platform, day in days.unique().sort("platform", "day").iter_rows():
        yield platform, Window(day, day + timedelta(days=1))


def rekey_day(run: Run, platform: str, day: Window) -> int:
    """Bring the rows of a platform and day under the pepper, in one commit; return their number.

    A rerun is safe, since each row has the id of its pepper.
    """
    pepper, lake = run.settings.pepper(), run.adapters.lake()
    changed = 0

    def follow(rows: pl.DataFrame) -> pl.DataFrame:
        nonlocal changed
        changed = rows.filter(is_former(pepper)).height
        return rekey(rows, pepper)

    lake.change(SILVER_ITEMS, {"platform": platform}, day, follow, run=run.commit())
    return changed


def end_rotation(run: Run) -> None:
    """Note that rows are under the pepper of the settings, all of them."""
    run.adapters.state().put_notes(_NOTES, {_ID: pepper_id(run.settings.pepper())})


def _known_id(state: StateStore) -> str | None:
    return state.notes(_NOTES).get(_ID)


def _former_ids(pepper: str) -> list[str]:
    return [pepper_id(each) for each in so_far(pepper)][1:]
