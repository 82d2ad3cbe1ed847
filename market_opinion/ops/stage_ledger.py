"""Stages of a slice that are made already: what each was made from, and what it counted.

A stage whose inputs are as they were, and whose rows lie in its table, need not run again. Inputs
are compared by a digest: of landed files for bronze, and of the stage before with what comes in
beside it for each later one. The digests lie in the state store, so every machine sees them.
"""

import functools
import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from market_opinion.core.contracts import (
    BRONZE_ITEMS,
    SILVER_ITEMS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
    SILVER_THREADS,
    Table,
)
from market_opinion.core.window import Slice
from market_opinion.ops.run import Run
from market_opinion.scorers.judging import judges, scorer_version
from market_opinion.stages import silver, threads
from market_opinion.stages.authors import peppers
from market_opinion.stages.opinions import ACTIVE_SET
from market_opinion.storage.landing.manifest import Capture

_PACKAGE = Path(__file__).parent.parent
_ROOMS_OF_STAGES = ("core", "storage", "domain", "sources", "stages", "scorers")


@dataclass(frozen=True)
class StageEntry:
    """A stage of a slice as it is to be: its table, the digest of its inputs, its versions.

    `versions` are columns whose values tell how a row was made, with the values of now.
    """

    run: Run
    span: Slice
    stage: str
    table: Table
    digest: str
    domain: bool = False
    score_set: str | None = None
    versions: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def name(self) -> str:
        """Name of the entry among those of the slice."""
        parts = [self.stage, self.run.domain if self.domain else None, self.score_set]
        return "/".join(part for part in parts if part)

    @property
    def where(self) -> dict[str, str | list[str]]:
        """The rows of the stage's table that belong to the slice."""
        own = {"domain": self.run.domain} if self.domain else {}
        of_set = {"score_set": self.score_set} if self.score_set else {}
        return {**own, **of_set, **self.span.where}

    def earlier(self) -> dict[str, Any] | None:
        """Return the entry that stands in the state store if it still holds, else None.

        It has `counts`, and the `run_id` of the run that wrote it.
        """
        entry = self.run.adapters.state().notes(_topic(self.span)).get(self.name)
        if entry is None or entry["digest"] != self.digest or not self._is_there(entry["rows"]):
            return None
        return dict(entry)

    def write(self, counts: Any) -> None:  # noqa: ANN401, a stage's dataclass of counts
        """Enter the stage as made, after its commit."""
        note = {
            "digest": self.digest,
            "counts": asdict(counts),
            "rows": self._rows().height,
            "run_id": self.run.run_id,
        }
        self.run.adapters.state().put_notes(_topic(self.span), {self.name: note})

    def _is_there(self, count: int) -> bool:
        rows = self._rows()
        return rows.height == count and all(
            rows[column].is_in(values).all() for column, values in self.versions
        )

    def _rows(self) -> pl.DataFrame:
        columns = ["window_start", *(column for column, _ in self.versions)]
        lake = self.run.adapters.lake()
        return lake.read(self.table, self.where, self.span.window, columns=columns)


def of_bronze(run: Run, span: Slice) -> StageEntry:
    """Return bronze of the slice: made from the landed files of its hours.

    Files of the platform's other communities count, since an item stays where it was met first.
    """
    landing = run.adapters.landing()
    captures = landing.captures(span.platform, landing.communities(span.platform), span.window)
    return StageEntry(run, span, "bronze", BRONZE_ITEMS, _digest(landed_files(captures)))


def of_threads(run: Run, span: Slice) -> StageEntry:
    """Return the threads of the slice: made from bronze and the platform's markup."""
    digest = _digest([_before(run, span, "bronze"), *_markup(run, span)])
    return StageEntry(run, span, "threads", SILVER_THREADS, digest)


def of_silver(run: Run, span: Slice) -> StageEntry:
    """Return silver of the slice: made from bronze, its threads' titles, markup and pepper.

    The first pepper counts, since rows follow a rotation without being made again.
    """
    lake = run.adapters.lake()
    items = lake.read(BRONZE_ITEMS, span.where, span.window, columns=["thread_id"])
    ids = items["thread_id"].drop_nulls().unique().sort().to_list()
    before, _ = threads.while_open(span.window)
    of_items = SILVER_THREADS.empty()
    if ids:
        of_items = lake.read(SILVER_THREADS, {**span.where, "thread_id": ids}, before)
    titles = threads.newest_titles(of_items).write_json()
    first, *_ = peppers(run.settings.pepper())
    pepper = hashlib.sha256(first.encode()).hexdigest()
    inputs = [_before(run, span, "bronze"), titles, pepper, *_markup(run, span)]
    return StageEntry(run, span, "silver", SILVER_ITEMS, _digest(inputs))


def of_mentions(run: Run, span: Slice) -> StageEntry:
    """Return the domain's mentions of the slice: made from silver, the domain and the scorer."""
    version = run.load_domain().version
    digest = _digest([_before(run, span, "silver"), *_judged_by(run, run.settings.scorer)])
    versions = (("domain_version", (version,)),)
    return StageEntry(
        run, span, "mentions", SILVER_MENTIONS, digest, domain=True, versions=versions
    )


def of_opinions(
    run: Run, span: Slice, scorer: str | None = None, score_set: str = ACTIVE_SET
) -> StageEntry:
    """Return a score set's opinions of the slice: made from mentions, the domain and the scorer."""
    before, name = _before(run, span, f"mentions/{run.domain}"), scorer or run.settings.scorer
    domain, settings = run.load_domain(), run.settings.model_copy(update={"scorer": name})
    scorers, models = zip(*judges(domain, settings), strict=True)
    versions = (("domain_version", (domain.version,)), ("scorer", scorers), ("model", models))
    return StageEntry(
        run,
        span,
        "opinions",
        SILVER_OPINIONS,
        _digest([before, *_judged_by(run, name)]),
        domain=True,
        score_set=score_set,
        versions=versions,
    )


def landed_files(captures: Iterable[Capture]) -> list[str]:
    """Return folder, name and hash of each landed file, in order."""
    return sorted(
        f"{capture.folder}/{file.name} {file.sha256}"
        for capture in captures
        for file in capture.manifest.files
    )


def forget(run: Run, span: Slice) -> None:
    """Remove the slice's entries, so that each of its stages runs again."""
    state = run.adapters.state()
    state.drop_notes(_topic(span), list(state.notes(_topic(span))))


def _topic(span: Slice) -> str:
    communities = hashlib.sha256("+".join(span.communities).encode()).hexdigest()
    return f"stages {span.platform} {span.window} {communities[:12]}"


def _before(run: Run, span: Slice, name: str) -> str:
    """Return the digest of the stage before; if it is not entered, a text of this run alone."""
    entry = run.adapters.state().notes(_topic(span)).get(name)
    return str(entry["digest"]) if entry else f"not entered in run {run.run_id}"


def _markup(run: Run, span: Slice) -> tuple[str, ...]:
    return silver.markup_of(span.platform, run.load_domain())


def _judged_by(run: Run, scorer: str) -> list[str]:
    settings = run.settings.model_copy(update={"scorer": scorer})
    domain = run.load_domain()
    bars = run.settings.scoring.model_dump_json()
    return [domain.name, domain.version, *scorer_version(domain, settings), bars]


def _digest(inputs: Iterable[str]) -> str:
    text = "\n".join([version_of_the_code(), *inputs])
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def version_of_the_code() -> str:
    """Return the hash of all modules that stages are made of: other code may give other rows."""
    total = hashlib.sha256()
    for room in _ROOMS_OF_STAGES:
        for path in sorted((_PACKAGE / room).rglob("*.py")):
            total.update(path.read_bytes())
    return total.hexdigest()
