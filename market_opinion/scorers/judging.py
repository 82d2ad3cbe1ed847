"""From items to opinions by one scorer, as every run and every evaluation does it."""

from typing import NamedTuple, Protocol

import polars as pl

from market_opinion.domain.definition import Domain
from market_opinion.stages import mentions, opinions


class Scorer(Protocol):
    """Who judges: rules, a model, or what another package brings under the entry point `market_opinion.scorers`."""

    name: str

    @property
    def model(self) -> str:
        """Name and version of what judges; it changes where its answers may."""

    @property
    def prompt_version(self) -> str | None:
        """Version of the question put to a language model; none for others."""

    def weigh(self, items: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
        """Return candidates of silver.mentions with the scorer's own `confidence`."""

    def judge(self, asked: pl.DataFrame) -> pl.DataFrame:
        """Return judgements in JUDGEMENT_SCHEMA of rows of `opinions.to_judge`."""


class Bars(NamedTuple):
    """Confidence from which on a mention and an opinion count."""

    mention: float
    opinion: float


class Judged(NamedTuple):
    """Mentions, opinions and refused judgements of some items, in the contracts of their tables."""

    mentions: pl.DataFrame
    opinions: pl.DataFrame
    refused: pl.DataFrame


def mention_items(items: pl.DataFrame, domain: Domain, scorer: Scorer, bars: Bars) -> pl.DataFrame:
    """Return the mentions of silver items that the scorer believes."""
    candidates = mentions.find_candidates(items, domain)
    return mentions.believed(scorer.weigh(items, candidates), confidence_min=bars.mention)


def judge_items(items: pl.DataFrame, domain: Domain, scorer: Scorer, bars: Bars) -> Judged:
    """Return everything that the scorer makes of silver items."""
    found = mention_items(items, domain, scorer, bars)
    asked = opinions.to_judge(items, found)
    accepted, refused = opinions.accept(
        asked,
        scorer.judge(asked),
        domain,
        scorer=scorer.name,
        model=scorer.model,
        prompt_version=scorer.prompt_version,
        confidence_min=bars.opinion,
    )
    return Judged(found, accepted, refused)
