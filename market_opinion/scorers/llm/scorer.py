"""The scorer `llm`: a language model behind the contract of all scorers."""

from typing import ClassVar, Self

import polars as pl

from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain
from market_opinion.scorers.contract import Bars, Judgements, ScorerContext, Version
from market_opinion.scorers.llm.asking import ModelCaller
from market_opinion.scorers.llm.model import open_model
from market_opinion.scorers.llm.prompt import load_prompt


class LlmScorer:
    """Asks the configured model what was never answered, and keeps its answers."""

    # It gives no confidence; what the rules believe of mentions is what it is asked about.
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
        """Return the candidates as the rules weigh them."""
        del items
        return candidates

    def judge(self, rows: pl.DataFrame) -> Judgements:
        """Return the model's judgements; asks only what was never answered."""
        judged = self.caller.judge(rows, self._context.domain)
        return Judgements(judged.judgements, judged.given_up, judged.counts, judged.answered)

    def plan(self, rows: pl.DataFrame) -> dict[str, int]:
        """Return the new questions, requests, tokens and cost of judging rows of `to_judge`."""
        return self.caller.plan(rows, self._context.domain)
