"""An allowance of requests shared by all processes of one client id; urgent flows go first."""

import hashlib
import time
from datetime import UTC, datetime
from enum import IntEnum

from market_opinion.storage.state import StateStore

REFUSALS = "refusals"


class Priority(IntEnum):
    """Number of requests by which a flow may run ahead of the steady rate; higher goes first."""

    COLLECT = 10
    CLOSE = 8
    REFRESH = 6
    SWEEP = 4
    BACKFILL = 2


class Quota:
    """A token bucket for each client id, in the state store.

    No minute has more than `per_minute` requests: the steady rate is lower by the largest burst.
    """

    def __init__(
        self, state: StateStore, client_id: str, *, per_minute: int, priority: Priority
    ) -> None:
        """Share the allowance of the client id, of which only a hash is stored."""
        self._state = state
        self._bucket = hashlib.sha256(client_id.encode()).hexdigest()[:16]
        self._interval_seconds = 60 / max(1, per_minute - Priority.COLLECT)
        self._ahead_seconds = (min(priority, per_minute) - 1) * self._interval_seconds

    def note_refusal(self) -> None:
        """Record that the platform refused a request for its rate; an alert deletes the record."""
        self._state.put_notes(
            REFUSALS,
            {f"{self._bucket}/{time.time_ns()}": datetime.now(UTC).isoformat(timespec="seconds")},
        )

    def wait(self) -> None:
        """Block until the next request may be sent."""
        while seconds := self._state.reserve_request(
            self._bucket,
            now=time.time(),
            interval_seconds=self._interval_seconds,
            ahead_seconds=self._ahead_seconds,
        ):
            time.sleep(min(seconds, 5))

    def refusal_count(self) -> int:
        """Return how many requests of the client id were refused since the last alert."""
        return sum(name.startswith(f"{self._bucket}/") for name in self._state.notes(REFUSALS))
