"""Recorded replies in the place of a model, so that a prompt can be tried with any reader.

One reply is a line of JSON (wrapped here), with mentions as a model's reply has them::

    {"item_id": "k1", "products": ["google-pixel-8"],
     "mentions": [{"product_id": "google-pixel-8", "aspect": "battery", "label": "positive",
                   "score": 0.7, "evidence": "lasts two days"}],
     "meant": [{"product_id": "google-pixel-8", "words": "Pixel 8"}]}

Without `meant`, the rules say which products a text speaks of.
"""

import json
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import polars as pl

from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain
from market_opinion.scorers.contract import Bars, Judgements, Version
from market_opinion.scorers.judging import Judge
from market_opinion.scorers.llm import ledger
from market_opinion.scorers.llm.meant import weighed
from market_opinion.scorers.llm.prices import Usage
from market_opinion.scorers.llm.prompt import Answer, Prompt, Question, load_prompt
from market_opinion.scorers.llm.scorer import LlmScorer
from market_opinion.stages.opinions import to_judge

NAME = "replies"


class _Recorded(msgspec.Struct):
    item_id: str
    mentions: list[dict[str, Any]]
    meant: list[Any] | None = None


class RecordedScorer:
    """Answers as the recorded replies do, through the checks of a model's replies."""

    bars: ClassVar[Bars] = LlmScorer.bars

    def __init__(self, path: Path, domain: Domain, domains_path: Path) -> None:
        """Read the replies; raises InvalidRequest that names the line of one of another form."""
        self._domain = domain
        self._prompt = load_prompt(domain, domains_path)
        self.answers = _read(path, self._prompt)

    def weigh(self, items: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
        """Return the candidates as the replies weigh them."""
        rows = to_judge(items, candidates)
        questions = [
            msgspec.structs.replace(question, key=item_id)
            for item_id, question in zip(
                rows["item_id"], ledger.ask(rows, self._prompt, model=NAME), strict=True
            )
        ]
        return weighed(candidates, rows, questions, self.answers, self._domain)

    def judge(self, rows: pl.DataFrame) -> Judgements:
        """Return what was recorded of the items of these rows."""
        questions = [
            Question(item_id, text, "", (), is_alone=False)
            for item_id, text in rows.select("item_id", "text").iter_rows()
        ]
        judged = ledger.judge(rows, questions, self.answers, self._domain)
        return Judgements(*judged, answered=ledger.answered(rows, questions, self.answers))


def open_recorded(path: Path, domain: Domain, settings: Settings) -> tuple[Judge, set[str]]:
    """Return a judge by the replies of a file, and the ids of the items that have one."""
    scorer = RecordedScorer(path, domain, settings.domains_path)
    return Judge(scorer, NAME, domain, scorer.bars, Version(path.name)), set(scorer.answers)


def _read(path: Path, prompt: Prompt) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            recorded = msgspec.json.decode(line, type=_Recorded)
        except msgspec.MsgspecError as error:
            message = f"{path}, line {number}: {error}; write item_id and mentions"
            raise InvalidRequest(message) from error
        item = {"id": "c1", "mentions": recorded.mentions, "meant": recorded.meant}
        reply = prompt.parse(json.dumps([item]), 1)
        if fault := reply.faults.get(0):
            message = f"{path}, line {number}, item {recorded.item_id}: {fault}"
            raise InvalidRequest(message)
        item_id, meant = recorded.item_id, reply.meant.get(0)
        found[item_id] = Answer(
            item_id, ledger.OK, reply.mentions[0], NAME, Usage(), None, 1, 0.0, meant=meant
        )
    return found
