"""Leases of questions: nobody asks what another run is asking."""

import time
from collections.abc import Iterator, Sequence
from uuid import uuid4

from market_opinion.scorers.llm.answers import AnswerStore
from market_opinion.scorers.llm.prompt import Question
from market_opinion.storage.state.claims import Claims
from market_opinion.storage.state.lease import LEASE_SECONDS

_RENEWAL_SECONDS = LEASE_SECONDS / 4
_AT_ONCE = 128


class Leases:
    """The questions that one slice of one run holds."""

    def __init__(self, claims: Claims, store: AnswerStore) -> None:
        """Hold nothing yet."""
        self._claims = claims
        self._store = store
        self._holder = uuid4().hex
        self._held: set[str] = set()
        self._renew_at = 0.0

    def take(self, questions: Sequence[Question]) -> Iterator[Question]:
        """Yield the questions that are free, a few at a time, each with a lease of its own.

        A question that another run has answered or holds is left out.
        """
        for at in range(0, len(questions), _AT_ONCE):
            some = questions[at : at + _AT_ONCE]
            keys = [question.key for question in some]
            held = self._lease(keys)
            self._held |= held
            # What was answered between the reading of the ledger and the lease has no lease.
            answered = self._store.load(keys)
            answered |= self._store.adopt(held - answered.keys())
            yield from (each for each in some if each.key in held - answered.keys())

    def beat(self) -> None:
        """Share new answers, and prolong the leases of what is being asked."""
        self._store.share()
        if time.monotonic() >= self._renew_at:
            self._lease([key for key in self._held.copy() if key not in self._store.new])
            self._renew_at = time.monotonic() + _RENEWAL_SECONDS

    def release(self) -> None:
        """Let go of what has no answer, for others to ask."""
        self._claims.drop(self._held - self._store.new.keys(), holder=self._holder)
        self._held.clear()

    def _lease(self, keys: list[str]) -> set[str]:
        now = time.time()
        return self._claims.take(keys, holder=self._holder, now=now, until=now + LEASE_SECONDS)
