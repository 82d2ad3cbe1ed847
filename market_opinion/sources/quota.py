"""An allowance of requests shared by all processes of one client id; urgent flows go first."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum
from threading import Lock

from market_opinion.core.window import floor_hour
from market_opinion.storage.state import RequestUsage, StateStore

REFUSALS = "refusals"


class Priority(IntEnum):
    """Number of requests by which a flow may run ahead of the steady rate; higher goes first."""

    COLLECT = 10
    CLOSE = 8
    REFRESH = 6
    SWEEP = 4
    BACKFILL = 2


class Meter:
    """Counter of requests to a platform, which are kept by hour and community."""

    def __init__(self, keep: Callable[[RequestUsage], None]) -> None:
        """Hand what was counted to `keep`, once for each reading."""
        self._keep = keep
        self._lock = Lock()
        self._request_count = self._refused_count = 0
        self._left_count: int | None = None

    @contextmanager
    def reading(self, platform: str, community: str) -> Iterator[None]:
        """Add what is counted within to the community and the hour of the clock, even on errors."""
        self._clear()
        try:
            yield
        finally:
            if self._request_count:
                self._keep(
                    RequestUsage(
                        platform,
                        community,
                        floor_hour(datetime.now(UTC)),
                        self._request_count,
                        self._refused_count,
                        self._left_count,
                    )
                )
            self._clear()

    def count(self, *, requests: int = 0, refused: int = 0, left: int | None = None) -> None:
        """Count requests and refusals, and keep the platform's last word on what is left."""
        with self._lock:
            self._request_count += requests
            self._refused_count += refused
            self._left_count = self._left_count if left is None else left

    def _clear(self) -> None:
        self._request_count = self._refused_count = 0
        self._left_count = None


class Quota:
    """A token bucket for each client id, in the state store.

    No minute has more than `per_minute` requests: the steady rate is lower by the largest burst.
    """

    def __init__(
        self,
        state: StateStore,
        client_id: str,
        *,
        per_minute: int,
        priority: Priority,
        meter: Meter | None = None,
    ) -> None:
        """Share the allowance of the client id, of which only a hash is stored."""
        self._meter = meter or Meter(state.add_requests)
        self._state = state
        self._bucket = hashlib.sha256(client_id.encode()).hexdigest()[:16]
        self._interval_seconds = 60 / max(1, per_minute - Priority.COLLECT)
        self._ahead_seconds = (min(priority, per_minute) - 1) * self._interval_seconds

    def note_refusal(self) -> None:
        """Record that the platform refused a request for its rate; an alert deletes the record."""
        self._meter.count(refused=1)
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
        self._meter.count(requests=1)

    def note_left(self, count: int) -> None:
        """Record how many more requests the platform says that it allows."""
        self._meter.count(left=count)

    def refusal_count(self) -> int:
        """Return how many requests of the client id were refused since the last alert."""
        return sum(name.startswith(f"{self._bucket}/") for name in self._state.notes(REFUSALS))
