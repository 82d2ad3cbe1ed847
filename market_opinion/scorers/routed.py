"""The scorer `routed`: the local scorer reads all, and a model what that one is least sure of."""

import math
from typing import ClassVar, NamedTuple, Self

import polars as pl

from market_opinion.core.contracts import ITEM_KEY
from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain
from market_opinion.scorers.contract import (
    Bars,
    Judgements,
    Model,
    OpenScorer,
    ScorerContext,
    Version,
    Weighed,
)
from market_opinion.scorers.llm.scorer import LlmScorer
from market_opinion.scorers.local.scorer import LocalScorer
from market_opinion.stages.opinions import judged_by, to_judge

_LOCAL, _MODEL = "local", "llm"
# How unsure the local scorer's silence on a product is, beside p(1 - p) of an opinion.
_DOUBT_OF_SILENCE = 0.04
# How much more an answer on a product counts that few rows speak of.
_THINNESS = 0.25


class Route(NamedTuple):
    """A scorer that reads some of the items, its name, and the version of what it says."""

    scorer: OpenScorer
    name: str
    version: Version


class ModelRoute(NamedTuple):
    """The same of a scorer that asks a model."""

    scorer: Model
    name: str
    version: Version


class RoutedScorer:
    """Asks the model about a share of the items, in the order of what an answer is worth.

    The items are those with a candidate: whether a product is meant is asked as well. Items that
    were not asked about, or that a budget left without an answer, are read and judged by the local
    scorer alone. Every judgement carries the name of the one who gave it.
    """

    bars: ClassVar[Bars] = LocalScorer.bars

    def __init__(self, local: Route, model: ModelRoute, share: float) -> None:
        """Ask nothing yet; `share` in [0, 1] is how many of the items the model is asked about."""
        self._local, self._model, self._share = local, model, share

    @classmethod
    def check(cls, settings: Settings, domain: Domain) -> None:
        """Raise SettingsInvalid for what either of the two scorers lacks."""
        LocalScorer.check(settings, domain)
        LlmScorer.check(settings, domain)

    @classmethod
    def version(cls, settings: Settings, domain: Domain) -> Version:
        """Return the versions of both scorers, and the share that the model is asked about."""
        local, model = LocalScorer.version(settings, domain), LlmScorer.version(settings, domain)
        share = settings.llm.routed_share
        return Version(
            f"{local.model}, {model.model} for {share:.0%}",
            model.prompt,
            (*(local.judges or ((_LOCAL, local.model),)), (_MODEL, model.model)),
        )

    @classmethod
    def open(cls, context: ScorerContext) -> Self:
        """Return the scorer of the local weights and the configured model."""
        settings, domain = context.settings, context.domain
        return cls(
            Route(LocalScorer.open(context), _LOCAL, LocalScorer.version(settings, domain)),
            ModelRoute(LlmScorer.open(context), _MODEL, LlmScorer.version(settings, domain)),
            settings.llm.routed_share,
        )

    def weigh(self, items: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
        """Return the candidates as the model weighs them where it is asked, else the local one."""
        return self.read(items, candidates).candidates

    def read(self, items: pl.DataFrame, candidates: pl.DataFrame) -> Weighed:
        """Ask the model which products a share of the items speaks of; `judge` finds it answered.

        Items without an answer stay as the local scorer weighs them.
        """
        weighed = self._local.scorer.weigh(items, candidates)
        rows = to_judge(items, weighed)
        asked = self._asked(rows, self._local.scorer.judge(rows).rows)
        theirs, others = (weighed.join(asked, on=ITEM_KEY, how=how) for how in ("semi", "anti"))
        told = self._model.scorer.read(items, theirs)
        return Weighed(pl.concat([others, told.candidates]), told.counts)

    def judge(self, rows: pl.DataFrame) -> Judgements:
        """Judge rows of `to_judge` by the local scorer, and a share of them by the model.

        What the model answered before is its word, and counts as asked.
        """
        own = self._local.scorer.judge(rows)
        asked = self._asked(rows, own.rows)
        if asked.is_empty():
            return own._replace(rows=_by(self._local, own.rows))
        theirs = self._model.scorer.judge(asked)
        answered = asked["row"].to_list() if theirs.answered is None else list(theirs.answered)
        kept = own.rows.filter(~pl.col("row").is_in(answered))
        judged = pl.concat([_by(self._local, kept), _by(self._model, theirs.rows)])
        return Judgements(judged, theirs.given_up, {**own.counts, **theirs.counts})

    def plan(self, rows: pl.DataFrame) -> dict[str, int]:
        """Return what the model would be asked of rows of `to_judge`, and what that costs."""
        asked = self._asked(rows, self._local.scorer.judge(rows).rows)
        return self._model.scorer.plan(asked)

    def _asked(self, rows: pl.DataFrame, judgements: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that the model answered, and of the others up to the share of all."""
        is_known = pl.col("row").is_in(list(self._model.scorer.known(rows)))
        known = rows.filter(is_known)
        left = max(0, math.ceil(self._share * rows.height) - known.height)
        return pl.concat([known, by_worth(rows.filter(~is_known), judgements).head(left)])


def by_worth(rows: pl.DataFrame, judgements: pl.DataFrame) -> pl.DataFrame:
    """Return rows of `to_judge`, first those where a surer answer is worth most.

    Worth is how unsure the judgements on a product are (p(1 - p) of each), and for silence a little
    of the confidence in its mention, over the fourth root of the number of rows that speak of the
    product: an answer moves a figure of few opinions most. Of equal ones the newest is first.
    """
    confidence = pl.col("confidence").fill_null(1.0)
    doubts = judgements.group_by("row", "product_id").agg(
        doubt=(confidence * (1 - confidence)).sum()
    )
    worth = (
        rows.select("row", product_id="products", sure="confidences")
        .explode("product_id", "sure")
        .join(doubts, on=["row", "product_id"], how="left")
        .with_columns(
            worth=pl.coalesce("doubt", _DOUBT_OF_SILENCE * pl.col("sure"))
            / pl.len().over("product_id").pow(_THINNESS)
        )
        .group_by("row")
        .agg(pl.col("worth").sum())
    )
    ordered = rows.join(worth, on="row", how="left", maintain_order="left")
    return ordered.sort(
        "worth", "created_at", "row", descending=[True, True, False], maintain_order=True
    ).drop("worth")


def _by(route: Route | ModelRoute, judgements: pl.DataFrame) -> pl.DataFrame:
    return judged_by(judgements, route.name, route.version.model, route.version.prompt)
