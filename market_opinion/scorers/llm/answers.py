"""Answers in their three places: a journal on disk, the state that runs share, and the ledger."""

import time
from collections import deque
from collections.abc import Collection, Iterable
from contextlib import closing, suppress

import msgspec
import polars as pl

from market_opinion.core.contracts import SILVER_EXTRACTIONS
from market_opinion.core.settings import Settings
from market_opinion.scorers.llm import ledger
from market_opinion.scorers.llm.journal import Journal
from market_opinion.scorers.llm.prompt import Answer, answer_key
from market_opinion.storage.lake.tables import Lake
from market_opinion.storage.state import StateStore
from market_opinion.storage.state.claims import Claims

# An answer that lies in the state for longer was left by a run that died.
_LEFT_SECONDS = 3600.0
_END_OF_TIME = 1e11


class AnswerStore:
    """Answers to the questions of one slice.

    They are put into the journal at once, shared with other runs before the next request is sent,
    and moved to the ledger at last.
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
        self._unshared: deque[Answer] = deque()
        self._snapshot_id: int | None = None
        self._of_ledger: dict[str, Answer] = {}
        self.new: dict[str, Answer] = {}

    def put(self, answers: list[Answer]) -> None:
        """Keep new answers on disk; raises JournalFailed where that fails."""
        self._journal.put(answers)
        self.new |= {answer.question_key: answer for answer in answers}
        self._unshared.extend(answers)

    def share(self) -> None:
        """Let other runs read the new answers."""
        texts: dict[str, str] = {}
        with suppress(IndexError):  # Until it is empty; others may share at the same time.
            while True:
                answer = self._unshared.popleft()
                texts[answer.question_key] = msgspec.json.encode(answer).decode()
        if texts:
            self._claims.answer(texts, until=time.time() + _LEFT_SECONDS)

    def adopt(self, keys: Collection[str]) -> dict[str, Answer]:
        """Make own answers of what a process that died left in the journal, and return them.

        It had not shared them, so its leases of these keys were free to take.
        """
        left = {
            answer.question_key: answer
            for answer in self._journal.answers()
            if answer.question_key in keys and answer.question_key not in self.new
        }
        self.new |= left
        self._unshared.extend(left.values())
        return left

    def settle(self) -> None:
        """Move to the ledger the new answers, and those that runs which died had shared."""
        self.share()
        now = time.time()
        left = self._claims.take_left(now=now, until=now + _LEFT_SECONDS)
        moved = self.new | {
            key: msgspec.json.decode(text, type=Answer) for key, text in left.items()
        }
        if moved:
            self._lake.append(SILVER_EXTRACTIONS, ledger.to_rows(moved.values()), run=self._commit)
            self._claims.drop(moved)
            self._journal.forget(moved)

    def load(self, keys: Collection[str]) -> dict[str, Answer]:
        """Return the answers to these keys of the slice, whoever asked."""
        snapshot_id = self._lake.snapshot_id(SILVER_EXTRACTIONS)
        if snapshot_id != self._snapshot_id:
            self._of_ledger = ledger.read(self._lake, self._keys)
            self._journal.forget(self._of_ledger)
            self._snapshot_id = snapshot_id
        found = {key: self._of_ledger[key] for key in keys if key in self._of_ledger}
        shared = self._claims.answers(key for key in keys if key not in found)
        return found | {key: msgspec.json.decode(text, type=Answer) for key, text in shared.items()}


def open_journal(settings: Settings) -> Journal:
    """Return the journal of this home's processes."""
    return Journal(settings.home / "answers.sqlite")


def text_keys(texts: pl.DataFrame) -> list[str]:
    """Return the ledger's keys of items with `text` and `context_title`.

    Items without words have no key.
    """
    pairs = texts.select("text", "context_title").iter_rows()
    return sorted({answer_key(text, title) for text, title in pairs if text})


def forget_answers(state: StateStore, settings: Settings, keys: Iterable[str]) -> None:
    """Remove the answers to the texts of these keys that are not in the ledger yet."""
    forgotten = set(keys)
    left = state.claims.take_left(now=_END_OF_TIME, until=time.time() + _LEFT_SECONDS)
    shared = {key: msgspec.json.decode(text, type=Answer) for key, text in left.items()}
    state.claims.drop(key for key, answer in shared.items() if answer.text_key in forgotten)
    with closing(open_journal(settings)) as journal:
        journal.forget(
            answer.question_key for answer in journal.answers() if answer.text_key in forgotten
        )
