"""Answers in their three places: a journal on disk, the state that runs share, and the ledger."""

import time
from collections.abc import Collection, Iterable

import msgspec

from market_opinion.core.contracts import SILVER_EXTRACTIONS
from market_opinion.scorers.llm import ledger
from market_opinion.scorers.llm.journal import Journal
from market_opinion.scorers.llm.prompt import Answer
from market_opinion.storage.lake.tables import Lake
from market_opinion.storage.state.claims import Claims

# An answer that lies in the state for longer was left by a run that died.
_LEFT_SECONDS = 3600.0
_END_OF_TIME = 1e11


class AnswerStore:
    """Answers to the questions of one slice.

    They are put into the journal at once, shared each second, and moved to the ledger at last. A
    process that dies leaves the answers of less than its last second to its own disk alone.
    """

    def __init__(
        self,
        keys: Iterable[str],
        lake: Lake,
        claims: Claims,
        journal: Journal,
        *,
        commit: dict[str, str],
    ) -> None:
        """Hold nothing yet; `commit` is written into snapshots of the ledger."""
        self._keys = list(keys)
        self._lake = lake
        self._claims = claims
        self._journal = journal
        self._commit = commit
        self._unshared: list[Answer] = []
        self._snapshot_id: int | None = None
        self._of_ledger: dict[str, Answer] = {}
        self.new: dict[str, Answer] = {}

    def put(self, answers: list[Answer]) -> None:
        """Keep new answers on disk; raises JournalFailed where that fails."""
        self._journal.put(answers)
        self.new |= {answer.question_key: answer for answer in answers}
        self._unshared += answers

    def share(self) -> None:
        """Let other runs read the new answers."""
        shared, self._unshared = self._unshared, []
        if shared:
            texts = {each.question_key: msgspec.json.encode(each).decode() for each in shared}
            self._claims.answer(texts, until=time.time() + _LEFT_SECONDS)

    def settle(self) -> None:
        """Move to the ledger the journal's answers to the slice, and those of runs that died."""
        self.share()
        left = {
            key: msgspec.json.decode(text, type=Answer)
            for key, text in self._claims.left_answers(time.time()).items()
        }
        own = {each.question_key: each for each in self._journal.answers()}
        moved = left | {key: own[key] for key in self._keys if key in own}
        if moved:
            self._lake.append(SILVER_EXTRACTIONS, ledger.to_rows(moved.values()), run=self._commit)
            self._claims.drop(moved)
            self._journal.forget(moved)

    def load(self, keys: Collection[str]) -> dict[str, Answer]:
        """Return the answers to these keys of the slice, whoever asked."""
        snapshot_id = self._lake.snapshot_id(SILVER_EXTRACTIONS)
        if snapshot_id != self._snapshot_id:
            self._of_ledger = ledger.read(self._lake, self._keys)
            self._snapshot_id = snapshot_id
        found = {key: self._of_ledger[key] for key in keys if key in self._of_ledger}
        shared = self._claims.answers(key for key in keys if key not in found)
        return found | {key: msgspec.json.decode(text, type=Answer) for key, text in shared.items()}


def forget_texts(text_keys: Iterable[str], claims: Claims, journal: Journal) -> None:
    """Remove the answers to these texts that are not in the ledger yet."""
    forgotten = set(text_keys)
    shared = {
        key: msgspec.json.decode(text, type=Answer)
        for key, text in claims.left_answers(_END_OF_TIME).items()
    }
    claims.drop(key for key, answer in shared.items() if answer.text_key in forgotten)
    journal.forget(
        answer.question_key for answer in journal.answers() if answer.text_key in forgotten
    )
