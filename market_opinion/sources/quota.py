"""One allowance of requests for all processes that share a client id; urgent flows go first."""

import hashlib
import time
from datetime import UTC, datetime
from enum import IntEnum

from market_opinion.storage.state import StateStore

REFUSALS = "refusals"


class Priority(IntEnum):
    """Requests that a flow may be ahead of the steady rate; the flow with more goes first."""

    COLLECT = 10
    CLOSE = 8
    REFRESH = 6
    SWEEP = 4
    BACKFILL = 2


class Quota:
    """A token bucket for each client id, kept in the state store.

    In no minute more than `per_minute` requests are let through: the steady rate leaves room
    for the largest burst.
    """

    def __init__(
        self, state: StateStore, client_id: str, *, per_minute: int, priority: Priority
    ) -> None:
        """Share the allowance of the client id; the id itself is not stored."""
        self._state = state
        self._bucket = hashlib.sha256(client_id.encode()).hexdigest()[:16]
        self._interval_seconds = 60 / max(1, per_minute - Priority.COLLECT)
        self._ahead_seconds = (min(priority, per_minute) - 1) * self._interval_seconds

    def note_refusal(self) -> None:
        """Record that the platform refused a request for its rate, until an alert was sent."""
        self._state.put_notes(
            REFUSALS,
            {f"{self._bucket}/{time.time_ns()}": datetime.now(UTC).isoformat(timespec="seconds")},
        )

    def wait(self) -> None:
        """Return when the next request may be sent."""
        while seconds := self._state.reserve_request(
            self._bucket,
            now=time.time(),
            interval_seconds=self._interval_seconds,
            ahead_seconds=self._ahead_seconds,
        ):
            time.sleep(min(seconds, 5))
