"""The scorer `llm`: a language model behind the contract of all scorers."""

from typing import ClassVar, Self

import polars as pl

from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain
from market_opinion.scorers.contract import Bars, Judgements, ScorerContext, Version, Weighed
from market_opinion.scorers.llm.asking import ModelCaller
from market_opinion.scorers.llm.meant import weighed
from market_opinion.scorers.llm.model import open_model
from market_opinion.scorers.llm.prompt import load_prompt
from market_opinion.stages.opinions import to_judge


class LlmScorer:
    """Asks the configured model what was never answered, and keeps its answers."""

    # It gives no confidence in opinions; what it says is meant is believed.
    bars: ClassVar[Bars] = Bars(mention=0.5, opinion=0.0)

    def __init__(self, context: ScorerContext) -> None:
        """Prepare a caller of the model; nothing is asked yet."""
        self._context = context
        self.caller = ModelCaller(
            context.settings,
            context.lake,
            context.state,
            context.turn,
            context.log,
            context.commit,
        )

    @classmethod
    def check(cls, settings: Settings, domain: Domain) -> None:
        """Raise SettingsInvalid for a setting that is missing, DomainInvalid for a bad prompt."""
        open_model(settings)
        load_prompt(domain, settings.domains_path)

    @classmethod
    def version(cls, settings: Settings, domain: Domain) -> Version:
        """Return the model's name, and the version of the prompt."""
        return Version(settings.llm.model or "", load_prompt(domain, settings.domains_path).version)

    @classmethod
    def open(cls, context: ScorerContext) -> Self:
        """Return the scorer of the configured model."""
        cls.check(context.settings, context.domain)
        return cls(context)

    def weigh(self, items: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
        """Return the candidates as the model's answers weigh them, with what these add."""
        return self.read(items, candidates).candidates

    def read(self, items: pl.DataFrame, candidates: pl.DataFrame) -> Weighed:
        """Ask about every item with a candidate, and weigh by the answers.

        The questions are those of `judge`, which finds them answered.
        """
        domain, rows = self._context.domain, to_judge(items, candidates)
        asked = self.caller.ask(rows, domain)
        by_answers = weighed(candidates, rows, asked.questions, asked.answers, domain)
        counts = dict(asked.counts)
        counts["unread_item_count"] = counts.pop("unjudged_item_count")
        return Weighed(by_answers, counts)

    def judge(self, rows: pl.DataFrame) -> Judgements:
        """Return the model's judgements; asks only what was never answered."""
        judged = self.caller.judge(rows, self._context.domain)
        return Judgements(judged.judgements, judged.given_up, judged.counts, judged.answered)

    def plan(self, rows: pl.DataFrame) -> dict[str, int]:
        """Return the new questions, requests, tokens and cost of judging rows of `to_judge`."""
        return self.caller.plan(rows, self._context.domain)

    def known(self, rows: pl.DataFrame) -> frozenset[int]:
        """Return the numbers of the rows of `to_judge` that were answered before."""
        return self.caller.known(rows, self._context.domain)
