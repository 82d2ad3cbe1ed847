"""The one way from items to opinions, by the scorer of a name or of the settings."""

from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

import polars as pl
from pydantic import WithJsonSchema

from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain, load_domain
from market_opinion.scorers import catalogue
from market_opinion.scorers.contract import (
    Bars,
    OpenScorer,
    Priced,
    ScorerContext,
    Version,
    Weighed,
    read,
)
from market_opinion.stages import mentions, opinions

# Any scorer of the catalogue, as a list to choose from in Prefect's form.
ScorerName = Annotated[str, WithJsonSchema({"type": "string", "enum": catalogue.names()})]


class Verdict(NamedTuple):
    """Opinions and rejections of the rows that were judged, and what the scorer counted."""

    opinions: pl.DataFrame
    rejections: pl.DataFrame
    counts: dict[str, int]


@dataclass(frozen=True)
class Judge:
    """An open scorer with the bars from which on its word counts."""

    scorer: OpenScorer
    name: str
    domain: Domain
    bars: Bars
    version: Version

    @classmethod
    def open(cls, context: ScorerContext, name: str | None = None) -> "Judge":
        """Return the judge of this name, or of the settings; raises SettingsInvalid."""
        settings = context.settings
        chosen = name or settings.scorer
        kind = catalogue.scorer_type(chosen)
        scorer = kind.open(context)
        own = settings.scoring
        bars = Bars(
            kind.bars.mention if own.mention_min is None else own.mention_min,
            kind.bars.opinion if own.opinion_min is None else own.opinion_min,
        )
        return cls(scorer, chosen, context.domain, bars, kind.version(settings, context.domain))

    @property
    def asks_model(self) -> bool:
        """Whether its judgements cost money."""
        return isinstance(self.scorer, Priced)

    def mention(self, items: pl.DataFrame) -> pl.DataFrame:
        """Return the mentions of silver items that the scorer believes."""
        return self.read(items).candidates

    def read(self, items: pl.DataFrame) -> Weighed:
        """Return the mentions of silver items that the scorer believes, and what that took."""
        candidates = mentions.find_candidates(items, self.domain)
        weighed = read(self.scorer, items, candidates)
        believed = mentions.believed(weighed.candidates, confidence_min=self.bars.mention)
        return Weighed(believed, weighed.counts)

    def judge(self, rows: pl.DataFrame, *, score_set: str = opinions.ACTIVE_SET) -> Verdict:
        """Judge rows of `to_judge`."""
        judged = self.scorer.judge(rows)
        accepted, refused = opinions.accept(
            rows,
            judged.rows,
            self.domain,
            scorer=self.name,
            model=self.version.model,
            prompt_version=self.version.prompt,
            score_set=score_set,
            confidence_min=self.bars.opinion,
        )
        return Verdict(accepted, pl.concat([refused, judged.given_up]), judged.counts)

    def with_bars(self, bars: Bars) -> "Judge":
        """Return the same judge with other bars."""
        return replace(self, bars=bars)


def check_scorer(name: str, domain: str, settings: Settings) -> None:
    """Raise SettingsInvalid or InvalidRequest where this scorer cannot judge the domain."""
    catalogue.scorer_type(name).check(settings, load_domain(domain, settings.domains_path))


def scorer_version(domain: Domain, settings: Settings) -> tuple[str, ...]:
    """Return the scorer of the settings and its version; judgements may change where these do."""
    version = catalogue.scorer_type(settings.scorer).version(settings, domain)
    return settings.scorer, version.model, version.prompt or ""


def judges(domain: Domain, settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return scorer and model of those whose word a judgement by the settings' scorer may be."""
    version = catalogue.scorer_type(settings.scorer).version(settings, domain)
    return version.judges or ((settings.scorer, version.model),)
