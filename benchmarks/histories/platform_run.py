"""One history through landing, lake, mart and report, with stops, compared with the oracle."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
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
from market_opinion.domain.definition import load_domain
from market_opinion.ops.adapters import open_adapters
from market_opinion.serving.report import figures

_NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
_PEPPER = "one pepper for every history"
_TILE = re.compile(r'<div class="tile"><span>[^<]*</span><b>([^<]*)</b>')
_STOP_SHARE = 0.5
_SQL = {
    "mentions": """
        SELECT f.domain, f.kind, f.item_id, f.product_id, c.community, s.thread_id, f.mentioned_at,
               f.votes, f.author_key, f.reason, f.confidence, f.mention_count, f.opinion_count,
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
    archive: Path | None = None
    erased: tuple[str, ...] = ()

    def run(self) -> None:
        """Run it to its end, unless a stop comes first."""
        if self.archive is None:
            erase.fn(domain=self.domain, platform=PLATFORM, items=list(self.erased))
        else:
            backfill.fn(
                domain=self.domain,
                source="archive",
                archive=str(self.archive),
                communities=list(COMMUNITIES),
            )


@dataclass(frozen=True)
class Outcome:
    """What differs from the oracle, the number of stops, and of the runs that they needed."""

    differences: list[str]
    stop_count: int
    run_count: int


def run_history(seed: int, folder: Path) -> Outcome:
    """Run the history of a seed in a folder of its own."""
    chance = random.Random(seed)
    history = random_history(chance)
    write_domains(folder / "domains")
    with environment(settings(folder)), plain_flows(_NOW, with_report=False), stops() as counter:
        stop_count, run_count = _carry(history, folder, chance, counter)
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


def _carry(
    history: History, folder: Path, chance: random.Random, counter: Stops
) -> tuple[int, int]:
    """Run every step to its end; one that was stopped comes again later, whatever is between."""
    steps = []
    for number, lines in enumerate(history.arrivals):
        write_archive(lines, folder / f"arrival-{number}")
        steps += [Step(domain, folder / f"arrival-{number}") for domain in DOMAINS]
    chance.shuffle(steps)
    erasures = [Step("lamps", erased=history.erased)] if history.erased else []
    stop_count = run_count = 0
    writes = 100
    for queue in (steps, erasures):
        while queue:
            step = queue.pop(0)
            counter.arm(chance.randint(1, writes) if chance.random() < _STOP_SHARE else None)
            run_count += 1
            try:
                step.run()
            except Stopped:
                stop_count += 1
                queue.insert(chance.randint(0, len(queue)), step)
            else:
                writes = max(counter.count, 20)
    return stop_count, run_count


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
    for domain, tiles in expected.tiles.items():
        facts = figures.collect(open_adapters().mart().read, domain)
        shown = [figure for _, figure, _ in figures.tiles(facts)]
        if shown != tiles:
            yield f"tiles of {domain}: {shown}, expected {tiles}"


def shown_tiles(page: str) -> list[str]:
    """Return the figures of the tiles of a report's page."""
    return _TILE.findall(page)


def _differences(name: str, rows: Rows, expected: Rows) -> Iterator[str]:
    def only(left: Rows, right: Rows) -> list[tuple[Any, ...]]:
        known = set(map(repr, right))
        return [row for row in left if repr(row) not in known]

    if rows != expected:
        yield f"{name}: too much {only(rows, expected)}, missing {only(expected, rows)}"
