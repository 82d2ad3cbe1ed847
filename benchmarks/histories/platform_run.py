"""One history through landing, lake, mart and report, with stops, compared with the oracle."""

import json
import random
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.histories.history import (
    COMMUNITIES,
    DOMAINS,
    PLATFORM,
    History,
    random_history,
    write_archive,
    write_domains,
)
from benchmarks.histories.oracle import Expected, Rows, expect, in_order
from benchmarks.histories.stops import Stopped, Stops, stops
from benchmarks.plain_flows import environment, plain_flows
from flows.backfill import backfill
from flows.erase import erase
from market_opinion.core.errors import MarketOpinionError
from market_opinion.domain.definition import load_domain
from market_opinion.ops.adapters import open_adapters
from market_opinion.ops.drawing import draw_report

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
_PEPPER = "one pepper for every history"
_TILE = re.compile(r'<div class="tile"><span>[^<]*</span><b>([^<]*)</b>')
# Half of the runs are stopped, at a moment of as many as the last whole run had.
_STOP_SHARE, _USUAL_MOMENTS, _LEAST_MOMENTS = 0.5, 150, 20
_SQL = {
    "mentions": """
        SELECT f.domain, f.kind, f.item_id, f.product_id, c.community, s.thread_id, f.mentioned_at,
               f.votes, f.author_key, f.reason, f.confidence, f.times_named, f.opinion_count,
               f.polarity, f.label
        FROM mart.fact_brand_mentions AS f
        JOIN mart.dim_product AS p ON p.product_key = f.product_key
        JOIN mart.dim_community AS c ON c.community_key = f.community_key
        JOIN mart.dim_submission AS s ON s.submission_key = f.submission_key""",
    "opinions": """
        SELECT f.domain, f.kind, f.item_id, f.product_id, a.aspect, c.community, s.thread_id,
               f.mentioned_at, f.votes, f.polarity, f.label, f.evidence, f.evidence_start,
               f.evidence_end
        FROM mart.fact_aspect_opinion AS f
        JOIN mart.dim_aspect AS a ON a.aspect_key = f.aspect_key
        JOIN mart.dim_community AS c ON c.community_key = f.community_key
        JOIN mart.dim_submission AS s ON s.submission_key = f.submission_key""",
    "windows": """
        SELECT c.community, w.window_start, w.state, w.item_count, w.comment_count,
               w.usable_item_count, w.usable_comment_count
        FROM mart.fact_window AS w
        JOIN mart.dim_community AS c ON c.community_key = w.community_key""",
    "submissions": """
        SELECT thread_id, community, title, votes, is_captured
        FROM mart.dim_submission WHERE submission_key <> '-1'""",
}


@dataclass(frozen=True)
class Step:
    """A run of the history: an archive for a domain, or an erasure."""

    domain: str
    archive: str = ""
    erased: tuple[str, ...] = ()

    def run(self) -> None:
        """Run it to its end, unless a stop comes first."""
        if self.archive:
            backfill.fn(
                domain=self.domain,
                source="archive",
                archive=self.archive,
                communities=list(COMMUNITIES),
            )
        else:
            erase.fn(domain=self.domain, platform=PLATFORM, items=list(self.erased))


@dataclass(frozen=True)
class Outcome:
    """What differs from the oracle, the number of stops, and of the runs that they needed."""

    differences: list[str]
    stop_count: int
    run_count: int


def run_seed(seed: int, by_process: bool) -> Outcome:  # noqa: FBT001, as a pool calls it
    """Run the history of a seed in a folder that is gone afterwards; an error is a difference."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return run_history(seed, Path(folder), by_process=by_process)
        except (MarketOpinionError, subprocess.CalledProcessError) as error:
            return Outcome([f"{type(error).__name__}: {error}"], 0, 0)


def run_history(seed: int, folder: Path, *, by_process: bool = False) -> Outcome:
    """Run the history of a seed in a folder of its own.

    With `by_process`, each run is a process of its own, and a stop is its SIGKILL.
    """
    chance = random.Random(seed)
    history = random_history(chance)
    write_domains(folder / "domains")
    with environment(settings(folder)), plain_flows(NOW, with_report=False), stops() as counter:
        run = partial(_in_process, folder) if by_process else partial(_here, counter)
        stop_count, run_count = _carry(_steps(history, folder, chance), chance, run)
        counter.arm(None)
        differences = list(compare(history, folder))
    return Outcome(differences, stop_count, run_count)


def settings(folder: Path) -> dict[str, str]:
    """Return the environment of a history's home."""
    return {
        "MARKET_OPINION_HOME": str(folder / "home"),
        "DOMAINS_PATH": str(folder / "domains"),
        "AUTHOR_PEPPER": _PEPPER,
        "SCORER": "lexicon",
    }


def _steps(history: History, folder: Path, chance: random.Random) -> list[list[Step]]:
    """Write the archives and return the steps: those of archives in any order, then erasures."""
    steps = []
    for number, lines in enumerate(history.arrivals):
        archive = folder / f"arrival-{number}"
        write_archive(lines, archive)
        steps += [Step(domain, str(archive)) for domain in DOMAINS]
    chance.shuffle(steps)
    return [steps, [Step("lamps", erased=history.erased)] if history.erased else []]


def _carry(
    queues: list[list[Step]], chance: random.Random, run: Callable[[Step, int | None], int]
) -> tuple[int, int]:
    """Run every step to its end; one that was stopped comes again later, whatever is between.

    Returns the number of stops and of runs. `run` returns the moments that it counted, or raises
    Stopped.
    """
    stop_count = run_count = 0
    moments = _USUAL_MOMENTS
    for queue in queues:
        while queue:
            step = queue.pop(0)
            at = chance.randint(1, moments) if chance.random() < _STOP_SHARE else None
            run_count += 1
            try:
                moments = max(run(step, at), _LEAST_MOMENTS)
            except Stopped:
                stop_count += 1
                queue.insert(chance.randint(0, len(queue)), step)
    return stop_count, run_count


def _here(counter: Stops, step: Step, at: int | None) -> int:
    counter.arm(at)
    step.run()
    return counter.count


def _in_process(folder: Path, step: Step, at: int | None) -> int:
    """Run the step as `python -m benchmarks.histories.killed_run`, which prints its moments."""
    order = json.dumps({"folder": str(folder), "step": asdict(step), "at": at})
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.histories.killed_run", order],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if process.returncode == -signal.SIGKILL:
        raise Stopped
    process.check_returncode()
    return int(process.stdout.split()[-1])


def compare(history: History, folder: Path) -> Iterator[str]:
    """Yield a sentence for each difference between mart, figures and the oracle."""
    domains = {name: load_domain(name, folder / "domains") for name in DOMAINS}
    expected = expect(history, domains, pepper=_PEPPER)
    mart = open_adapters().mart()
    for name, sql in _SQL.items():
        rows = in_order(mart.query(sql).iter_rows())
        yield from _differences(name, rows, getattr(expected, name))
    yield from _figures(expected)


def _figures(expected: Expected) -> Iterator[str]:
    """Yield a sentence for each domain whose page, drawn from the mart, shows other figures."""
    adapters = open_adapters()
    for domain, tiles in expected.tiles.items():
        path = draw_report(adapters, domain, NOW)
        shown = _TILE.findall(path.read_text(encoding="utf-8")) if path else []
        if shown != tiles:
            yield f"report of {domain}: {shown}, expected {tiles}"


def _differences(name: str, rows: Rows, expected: Rows) -> Iterator[str]:
    def only(left: Rows, right: Rows) -> list[tuple[Any, ...]]:
        known = set(map(repr, right))
        return [row for row in left if repr(row) not in known]

    if rows != expected:
        yield f"{name}: too much {only(rows, expected)}, missing {only(expected, rows)}"
