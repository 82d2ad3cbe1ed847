"""The contract of a scorer: what it is opened with, and what it answers.

A scorer of another package is a class with these methods under the entry point group
`market_opinion.scorers`:

    class Stars:
        bars = Bars(mention=0.5, opinion=0.0)

        @classmethod
        def check(cls, settings, domain): ...

        @classmethod
        def version(cls, settings, domain):
            return Version("stars-1", None)

        @classmethod
        def open(cls, context):
            return cls()

        def weigh(self, items, candidates):
            return candidates

        def judge(self, rows):
            return Judgements(judgements_of(rows))

and in its `pyproject.toml`:

    [project.entry-points."market_opinion.scorers"]
    stars = "my_package:Stars"
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, Protocol, Self, runtime_checkable

import polars as pl

from market_opinion.core.contracts import OPS_REJECTIONS
from market_opinion.core.log import Log
from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain
from market_opinion.storage.lake.tables import Lake
from market_opinion.storage.state import StateStore

# Holds the slot that LLM_CONCURRENCY_LIMIT names; None holds nothing.
Turn = Callable[[str | None], AbstractContextManager[None]]


class Bars(NamedTuple):
    """The confidence from which on a mention and an opinion count, each in [0, 1]."""

    mention: float
    opinion: float


class Version(NamedTuple):
    """The name and version of what judges, and of the question put to a language model.

    Judgements may change where either does. `judges` names scorer and model of each, where a scorer
    hands on what others say.
    """

    model: str
    prompt: str | None = None
    judges: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ScorerContext:
    """The domain that a scorer is opened for, and the stores that paid answers are kept in.

    `commit` holds the properties that its own commits to the lake carry.
    """

    settings: Settings
    domain: Domain
    lake: Lake
    state: StateStore
    turn: Turn
    log: Log
    commit: dict[str, str] = field(default_factory=dict)


class Judgements(NamedTuple):
    """Judgements in `opinions.JUDGEMENT_SCHEMA`, rejections of what was given up, and counts.

    `rows` may have the columns of `opinions.JUDGED_BY` as well, where others gave the judgements.
    `answered` are the numbers of the rows that were judged, with or without an opinion; None for
    all.
    """

    rows: pl.DataFrame
    given_up: pl.DataFrame = OPS_REJECTIONS.empty()
    counts: dict[str, int] = {}  # noqa: RUF012, never changed
    answered: frozenset[int] | None = None


class Weighed(NamedTuple):
    """Candidates of silver.mentions as a scorer weighs them, and counts of what that took."""

    candidates: pl.DataFrame
    counts: dict[str, int] = {}  # noqa: RUF012, never changed


class OpenScorer(Protocol):
    """A scorer that is ready to judge items of one domain."""

    def weigh(self, items: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
        """Return candidates of silver.mentions with the scorer's own `confidence`."""

    def judge(self, rows: pl.DataFrame) -> Judgements:
        """Judge rows of `opinions.to_judge`."""


@runtime_checkable
class Priced(Protocol):
    """A scorer whose judgements cost money."""

    def plan(self, rows: pl.DataFrame) -> dict[str, int]:
        """Return what judging rows of `opinions.to_judge` would ask and cost, as counts by name."""


@runtime_checkable
class Reader(Protocol):
    """A scorer that asks somebody which products a text speaks of.

    It may add candidates, and is given what each text answers, as `parent_text` of the items.
    """

    def read(self, items: pl.DataFrame, candidates: pl.DataFrame) -> Weighed:
        """Return what `weigh` returns, with counts."""


def read(scorer: OpenScorer, items: pl.DataFrame, candidates: pl.DataFrame) -> Weighed:
    """Return candidates of silver.mentions as a scorer weighs them, whether it asks somebody."""
    if isinstance(scorer, Reader):
        return scorer.read(items, candidates)
    return Weighed(scorer.weigh(items, candidates))


class Model(OpenScorer, Reader, Priced, Protocol):
    """A scorer that asks a model, and keeps its answers."""

    def known(self, rows: pl.DataFrame) -> frozenset[int]:
        """Return the numbers of the rows of `opinions.to_judge` that it need not ask about."""


class Scorer(OpenScorer, Protocol):
    """A judge of items of one domain."""

    bars: ClassVar[Bars]

    @classmethod
    def check(cls, settings: Settings, domain: Domain) -> None:
        """Raise SettingsInvalid that names what is missing for judging the domain."""

    @classmethod
    def version(cls, settings: Settings, domain: Domain) -> Version:
        """Return the version, without asking anybody."""

    @classmethod
    def open(cls, context: ScorerContext) -> Self:
        """Return a scorer that is ready to judge; raises what `check` raises."""
