"""Claims of runs that work at the same time: leases of questions, and money booked on budgets."""

from collections.abc import Iterable, Mapping
from typing import Protocol


class Claims(Protocol):
    """Leases by key, each with the answer once there is one, and the sum booked on each budget.

    A lease is held until a time, in seconds since 1970; then another holder can take it. A key with
    an answer cannot be leased until it is dropped.
    """

    def take(self, keys: Iterable[str], *, holder: str, now: float, until: float) -> set[str]:
        """Lease the keys that nobody else holds or has answered; return those held now.

        A lease of the same holder is prolonged.
        """
        ...

    def answer(self, answers: Mapping[str, str], *, until: float) -> None:
        """Keep answers by key, for every holder to read; after `until` they count as left."""
        ...

    def answers(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the answers that are kept for these keys."""
        ...

    def take_left(self, *, now: float, until: float) -> dict[str, str]:
        """Return the answers whose time has passed, each to one caller alone, until the time given.

        Their holder died before it moved them.
        """
        ...

    def drop(self, keys: Iterable[str], *, holder: str | None = None) -> None:
        """Remove leases with their answers; with a holder, only its own without an answer."""
        ...

    def book(self, budget: str, usd: float, *, limit: float | None = None) -> bool:
        """Add to what is booked on a budget; return False, and add nothing, beyond the limit.

        A negative amount gives back.
        """
        ...

    def booked(self, budget: str) -> float:
        """Return what is booked on a budget, in USD."""
        ...
