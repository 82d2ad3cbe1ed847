"""Judging by the scorer of a name, or of the settings: the rules, a trained head, or the model."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import polars as pl

from market_opinion.core.log import Log
from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain
from market_opinion.scorers import lexicon, linear
from market_opinion.scorers.linear import Linear
from market_opinion.scorers.llm import asking
from market_opinion.scorers.llm.asking import ModelCaller, Turn
from market_opinion.scorers.llm.prompt import load_prompt
from market_opinion.stages import opinions
from market_opinion.storage.lake.tables import Lake
from market_opinion.storage.state import StateStore

ScorerName = Literal["lexicon", "linear", "llm"]


class Verdict(NamedTuple):
    """Opinions and rejections of the rows that were judged, and what the scorer counted."""

    opinions: pl.DataFrame
    rejections: pl.DataFrame
    counts: dict[str, int]


@dataclass(frozen=True)
class Judge:
    """The scorers of the settings, and the stores that a model's answers are kept in."""

    settings: Settings
    lake: Lake
    state: StateStore
    turn: Turn
    log: Log

    @property
    def caller(self) -> ModelCaller:
        """The caller of the model."""
        return ModelCaller(self.settings, self.lake, self.state, self.turn, self.log)

    def judge(
        self,
        rows: pl.DataFrame,
        domain: Domain,
        scorer: ScorerName | None,
        *,
        run: dict[str, str],
        score_set: str = opinions.ACTIVE_SET,
    ) -> Verdict:
        """Judge rows of `to_judge` by the named scorer, or that of the settings."""
        name = scorer or self.settings.scorer
        if name == asking.NAME:
            judged = self.caller.judge(rows, domain, run=run)
            accepted, refused = opinions.accept(
                rows,
                judged.judgements,
                domain,
                scorer=name,
                model=judged.model,
                prompt_version=judged.prompt_version,
                score_set=score_set,
            )
            return Verdict(accepted, pl.concat([refused, judged.given_up]), judged.counts)
        rules = _open_lexicon(domain, name, self.settings)
        accepted, refused = opinions.accept(
            rows,
            rules(rows),
            domain,
            scorer=name,
            model=rules.model,
            prompt_version=None,
            score_set=score_set,
        )
        return Verdict(accepted, refused, {})


def check_scorer(name: str, domain: str, settings: Settings) -> None:
    """Raise SettingsInvalid or InvalidRequest where this scorer cannot judge the domain."""
    if name == asking.NAME:
        asking.open_model(settings)
    elif name == linear.NAME:
        Linear.load(settings.linear_model_path(domain))


def scorer_version(domain: Domain, settings: Settings) -> tuple[str, ...]:
    """Return the scorer of the settings and its version; judgements may change where these do."""
    if settings.scorer == asking.NAME:
        prompt = load_prompt(domain, settings.domains_path)
        return settings.scorer, settings.llm.model or "", prompt.version
    return settings.scorer, _open_lexicon(domain, settings.scorer, settings).model


def _open_lexicon(domain: Domain, scorer: ScorerName, settings: Settings) -> lexicon.Lexicon:
    """Return the lexicon, with the domain's trained head where that is the scorer."""
    head = Linear.load(settings.linear_model_path(domain.name)) if scorer == linear.NAME else None
    return lexicon.Lexicon(domain, head=head)
