"""Money of one run, out of budgets that other runs spend from at the same time."""

import math
from collections.abc import Mapping

from market_opinion.storage.state.claims import Claims

# Requests that are reserved for at once, so that the state is not asked about each; less where that
# is much of a budget.
_LUMP = 8
_LUMP_SHARE = 0.01


class SharedPurse:
    """A purse that is filled from budgets in the state, a few requests ahead.

    `limits` are the budgets' names with the most that may be booked on each; None is no limit. What
    a killed run had in its purse stays booked: its requests under way may have cost that.
    """

    def __init__(self, claims: Claims, limits: Mapping[str, float | None]) -> None:
        """Begin empty."""
        self._claims = claims
        self._limits = limits
        known = [limit for limit in limits.values() if limit is not None]
        self._lump_max = min(known, default=math.inf) * _LUMP_SHARE
        self._usd = 0.0
        self._largest = 0.0
        self.refusal = ""

    def reserve(self, usd: float) -> bool:
        """Set the amount aside; return whether the budgets have room for it."""
        self._largest = max(self._largest, usd)
        lacking = usd - self._usd
        ahead = min((_LUMP - 1) * usd, self._lump_max)
        if lacking > 0 and not (self._fill(lacking + ahead) or self._fill(lacking)):
            return False
        self._usd -= usd
        return True

    def settle(self, *, reserved: float, spent: float) -> None:
        """Replace a reservation by what was spent."""
        self._usd += reserved - spent
        most = min(_LUMP * self._largest, self._lump_max)
        if not 0 <= self._usd <= 2 * most:
            self._give_back(self._usd - (most if self._usd > 0 else 0.0))

    def close(self) -> None:
        """Give back what is left."""
        self._give_back(self._usd)

    def _fill(self, usd: float) -> bool:
        """Book the amount on every budget, or on none."""
        booked: list[str] = []
        for name, limit in self._limits.items():
            if not self._claims.book(name, usd, limit=limit):
                self.refusal = f"the budget of {limit} USD ({name})"
                for other in booked:
                    self._claims.book(other, -usd)
                return False
            booked.append(name)
        self._usd += usd
        return True

    def _give_back(self, usd: float) -> None:
        if usd:
            for name in self._limits:
                self._claims.book(name, -usd)
            self._usd -= usd
