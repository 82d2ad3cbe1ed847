"""One campaign on 1, 2, 4 and 8 workers; and one of 2,000 spans, with its memory.

    .venv/bin/python -m benchmarks.scaling [--workers 1 2 4 8]
    .venv/bin/python -m benchmarks.scaling --spans 2000

The first judges the spans by a model on loopback that answers each page of comments after a fixed
time, two pages at once a worker: workers mostly wait, so that two cores are not the limit. The
second judges by the rules, after a pause in place of a scorer's time, spans of one comment, so that
what is left is what the campaign itself keeps. Workers are processes with one home: the catalogue
and the state are the embedded ones, in SQLite. The campaign's own queue hands spans to them; left
out is Prefect's server, whose start of a process a span is a cost of the processor.
"""

import json
import multiprocessing
import os
import queue
import random
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cyclopts

from benchmarks.archive import body
from benchmarks.kill import different, tables
from benchmarks.measure import finish, measured_by, peak_mb, report
from benchmarks.plain_flows import environment, plain_flows
from flows import stages
from flows.enrich import enrich
from market_opinion.core.contracts import SILVER_EXTRACTIONS
from market_opinion.core.settings import read_domains_path
from market_opinion.core.window import HOUR, by_date
from market_opinion.domain.definition import load_domain
from market_opinion.ops.campaign_parts import Part, campaign_of
from market_opinion.ops.progress import Tally
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from market_opinion.stages.naming import namer_of
from tasks.campaign import EndedRun, Queue, find_unjudged, parameters_of
from tasks.fetch import fetch_windows
from tasks.request import check_backfill
from tests.llm_server import KEY, comments_of, sensible
from tests.loopback import Loopback, QuietHandler

_START = datetime(2026, 1, 5, tzinfo=UTC)
_COMMUNITY = "android"
_HOME = {"AUTHOR_PEPPER": "the same pepper for every home"}
_PAUSE_SECONDS = 0.05
_SPAWN = multiprocessing.get_context("forkserver")
# What a run imports at its start, or at its first question.
_SPAWN.set_forkserver_preload(
    ["benchmarks.plain_flows", "flows.enrich", "market_opinion.scorers.llm.scorer", "openai"]
)


class Pages(Loopback):
    """A model that answers each request after a fixed time, and counts how often it saw a text."""

    def __init__(self, latency: float) -> None:
        """Wait so many seconds for each answer."""
        self.texts: Counter[str] = Counter()
        lock, texts = threading.Lock(), self.texts

        class Handler(QuietHandler):
            def do_POST(self) -> None:  # noqa: N802, the name that http.server calls
                asked = json.loads(self.received())
                with lock:
                    texts.update(comment["text"] for comment in comments_of(asked))
                time.sleep(latency)
                status, headers, value = sensible(asked)
                self.send(status, json.dumps(value).encode(), headers)

        super().__init__(Handler)

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which a worker asks this model, one comment a page, two pages at once."""
        return {
            "SCORER": "llm",
            "LLM_BASE_URL": f"{self.address}/v1",
            "LLM_API_KEY": KEY,
            "LLM_MODEL": "gpt-4.1-mini",
            "LLM_ITEMS_PER_REQUEST": "1",
            "LLM_MAX_IN_FLIGHT": "2",
        }


class Processes:
    """Workers of a campaign: processes that judge a span after the other."""

    def __init__(self, run: Run, reading: Reading, count: int, seconds: float) -> None:
        """Start them, and wait until each could begin; `seconds` are a scorer's time a span."""
        self.judged: Counter[str] = Counter()
        self.peak_mb = self.processor = 0.0
        self._run = run
        self._reading = reading
        self._asked: Any = _SPAWN.SimpleQueue()
        self._answers: Any = _SPAWN.Queue()
        arguments = (dict(os.environ), self._asked, self._answers, seconds)
        self._processes = [
            _SPAWN.Process(target=_work, args=arguments, daemon=True) for _ in range(count)
        ]
        for process in self._processes:
            process.start()
        for _ in self._processes:
            self._answers.get()

    def hand_out(self, part: Part) -> uuid.UUID:
        """Give the part to whoever is free."""
        number = uuid.uuid4()
        self.judged[part.name] += 1
        self._asked.put((number, parameters_of(self._run, self._reading, part.span)))
        return number

    def ended(self, _: list[uuid.UUID]) -> list[EndedRun]:
        """Return the runs that have come to an end since the last call."""
        runs = []
        while True:
            try:
                number, error, peak, processor = self._answers.get_nowait()
            except queue.Empty:
                return runs
            self.peak_mb = max(self.peak_mb, peak)
            self.processor += processor
            if error:
                print(error, file=sys.stderr)
            runs.append(EndedRun(number, str(number), error or "Completed", not error))

    def stop(self) -> None:
        """End them all."""
        for _ in self._processes:
            self._asked.put(None)
        for process in self._processes:
            process.join()


def _work(variables: dict[str, str], asked: Any, answers: Any, seconds: float) -> None:
    """Judge spans until there is none."""
    os.environ.update(variables)
    with plain_flows():
        namer_of(load_domain("smartphones", read_domains_path()))
        answers.put(None)
        while (part := asked.get()) is not None:
            number, parameters = part
            time.sleep(seconds)
            values, began, wrong = enrich.validate_parameters(parameters), time.process_time(), ""
            try:
                enrich.fn(**values)
            except Exception as error:  # noqa: BLE001, of any kind: the part is handed out again
                wrong = f"{type(error).__name__}: {error}"
            answers.put((number, wrong, peak_mb(), time.process_time() - began))


def make(folder: Path, *, hours: int, comments: int) -> Path:
    """Generate an archive of so many hours, each with so many comments that name a phone."""
    chance = random.Random(1)
    folder.mkdir(parents=True)
    with (folder / "RC_all.jsonl").open("w", encoding="utf-8") as file:
        for number in range(hours * comments):
            moment = _START + number // comments * HOUR + timedelta(seconds=number % comments)
            line = {
                "id": f"c{number:x}",
                "subreddit": _COMMUNITY,
                "author": f"user_{number}",
                "body": f"The battery of my Pixel 9 lasts {number} hours. {body(chance)}",
                "link_id": "t3_a",
                "parent_id": "t3_a",
                "score": 1,
                "permalink": f"/r/x/comments/a/_/c{number:x}/",
                "created_utc": int(moment.timestamp()),
            }
            file.write(json.dumps(line) + "\n")
    return folder


def _campaign(archive: Path, *, workers: int, seconds: float) -> dict[str, float]:
    """Carry a campaign in this process, its spans by workers; return seconds, counts and memory."""
    now = _START + timedelta(days=400)
    with plain_flows(now, with_report=False), Tally() as tally:
        run, reading = check_backfill.fn(
            "smartphones", "archive", str(archive), [_COMMUNITY], None, None, now
        )
        fetch = fetch_windows(run, reading, reading.communities, reading.window)
        tally.expect(2 * len(fetch.slices))
        stages.build_all(run, fetch.slices, tally)
        parts = find_unjudged(run, fetch.slices, items_a_run=1, again=False)
        tally.expect(len(parts))
        processes = Processes(run, reading, workers, seconds)
        began = time.monotonic()
        failed = Queue(parts, processes, tally, pause=_PAUSE_SECONDS).work(workers)
        ended = time.monotonic()
        processes.stop()
        for dates in by_date(fetch.slices):
            stages.finish(run, reading, dates, tally)
        noted = run.adapters.state().notes(campaign_of(run).topic)
    return {
        "seconds": ended - began,
        "spans": len(parts),
        "failed": len(failed),
        "lost": len({part.name for part in parts} - noted.keys()),
        "twice": sum(count - 1 for count in processes.judged.values()),
        "processor": processes.processor,
        "peak_mb": peak_mb(),
        "worker_peak_mb": processes.peak_mb,
    }


def _report_spans(name: str, measured: dict[str, Any]) -> None:
    report(f"{name}_seconds", measured["seconds"], "seconds")
    report(f"{name}_processor_a_span", measured["processor"] / measured["spans"], "seconds")
    report(f"{name}_lost", measured["lost"] + measured["failed"], "spans", at_most=0)
    report(f"{name}_twice", measured["twice"], "spans", at_most=0)


def _measure_workers(
    root: Path, counts: tuple[int, ...], *, spans: int, pages: int, latency: float
) -> None:
    archive = make(root / "archive", hours=spans, comments=pages)
    seconds: dict[int, float] = {}
    for count in counts:
        home = {**_HOME, "MARKET_OPINION_HOME": str(root / f"home{count}")}
        with Pages(latency) as model, environment({**home, **model.environment}):
            measured = _campaign(archive, workers=count, seconds=0)
        name = f"scaling.workers_{count}"
        _report_spans(name, measured)
        asked = model.texts.values()
        report(f"{name}_pages_asked_twice", sum(asked) - len(asked), "pages", at_most=0)
        report(f"{name}_pages_not_asked", spans * pages - len(asked), "pages", at_most=0)
        seconds[count] = measured["seconds"]
        efficiency = seconds[counts[0]] * counts[0] / (count * seconds[count])
        bound = 0.85 if count == 8 else None
        report(f"{name}_efficiency", efficiency, "ratio", at_least=bound)
    first, *others = (tables(root / f"home{count}") for count in counts)
    # The ledger of answers says when each came.
    names = [
        name
        for other in others
        for name in different(first, other)
        if name != SILVER_EXTRACTIONS.name
    ]
    report("scaling.tables_that_differ", len(names), "tables", at_most=0)
    print(*names, file=sys.stderr)


def _measure_spans(root: Path, spans: int, workers: int, seconds: float) -> None:
    """Measure a campaign of so many spans, beside one of a tenth."""
    measured = {}
    for count in (spans // 10, spans):
        archive = make(root / f"archive{count}", hours=count, comments=1)
        home = {**_HOME, "MARKET_OPINION_HOME": str(root / f"home{count}"), "SCORER": "lexicon"}
        options = ("--workers", str(workers), "--archive", str(archive), "--seconds", str(seconds))
        done = measured_by("benchmarks.scaling", *options, **home)
        name = f"scaling.spans_{count}"
        _report_spans(name, done)
        report(f"{name}_memory", done["peak_mb"], "MB")
        report(f"{name}_memory_of_a_worker", done["worker_peak_mb"], "MB")
        measured[count] = done
    few, many = measured[spans // 10], measured[spans]
    report("scaling.memory", many["peak_mb"] / few["peak_mb"], "ratio", at_most=1.2)
    ratio = many["worker_peak_mb"] / few["worker_peak_mb"]
    report("scaling.memory_of_a_worker", ratio, "ratio", at_most=1.2)


def main(
    *,
    workers: tuple[int, ...] = (1, 2, 4, 8),
    spans: int = 0,
    hours: int = 24,
    pages: int = 12,
    latency: float = 2.0,
    seconds: float = 0.1,
    archive: Path | None = None,
) -> None:
    """Measure campaigns.

    Args:
        workers: Numbers of processes that share the spans; the last one with --spans.
        spans: Spans of the campaign whose memory is measured; 0 measures workers instead.
        hours: Spans of the campaigns that workers share.
        pages: Pages of the model a span.
        latency: Seconds until the model answers.
        seconds: A scorer's time a span, with --spans.
        archive: Archive to carry through and print as JSON; used by the benchmark itself.
    """
    if archive:
        print(json.dumps(_campaign(archive, workers=workers[0], seconds=seconds)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        if spans:
            _measure_spans(Path(temporary), spans, workers[-1], seconds)
        else:
            _measure_workers(Path(temporary), workers, spans=hours, pages=pages, latency=latency)
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
