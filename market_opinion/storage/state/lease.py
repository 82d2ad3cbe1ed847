"""Leases that are prolonged while their holder lives, so that nobody else does its work."""

import time
from collections.abc import Iterable
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self
from uuid import uuid4

from market_opinion.storage.state.claims import Claims

LEASE_SECONDS = 60.0
"""Long enough for a pause of the machine, short enough to wait for after a crash."""


class Lease:
    """The keys that one holder has leased; a thread prolongs them while the context lasts.

    A holder that dies prolongs nothing, so that its keys are free after `seconds`.
    """

    def __init__(self, claims: Claims, *, seconds: float = LEASE_SECONDS) -> None:
        """Hold nothing yet."""
        self._claims = claims
        self._seconds = seconds
        self._holder = uuid4().hex
        self._keys: set[str] = set()
        self._lock, self._over = Lock(), Event()
        self._beating: Thread | None = None

    def __enter__(self) -> Self:
        """Return the lease."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of all keys."""
        self._over.set()
        if self._beating:
            self._beating.join()
        self.let_go(list(self._keys))

    def take(self, keys: Iterable[str]) -> set[str]:
        """Lease the keys that nobody else holds; return those held now."""
        with self._lock:
            taken = self._prolong(keys)
            self._keys |= taken
        if taken and self._beating is None:
            self._beating = Thread(target=self._beat, name="leases", daemon=True)
            self._beating.start()
        return taken

    def let_go(self, keys: Iterable[str]) -> None:
        """Leave these keys to whoever comes next."""
        with self._lock:
            gone = self._keys.intersection(keys)
            self._keys -= gone
            self._claims.drop(gone, holder=self._holder)

    def _beat(self) -> None:
        while not self._over.wait(self._seconds / 4):
            with self._lock:
                self._prolong(self._keys)

    def _prolong(self, keys: Iterable[str]) -> set[str]:
        now = time.time()
        return self._claims.take(keys, holder=self._holder, now=now, until=now + self._seconds)
