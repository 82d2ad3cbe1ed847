"""The model engine against a slow, limited or broken server, compared with the ideal.

    .venv/bin/python -m benchmarks.llm --stub ../shared/tools/llm_stub.py

The stub is an OpenAI-compatible server with faults and limits, which each measure configures.
The ideal is the time of a scheduler that knows every latency in advance.
"""

import gc
import heapq
import importlib.util
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cyclopts
from pydantic import SecretStr

from benchmarks.measure import finish, peak_mb, report
from market_opinion.domain.definition import load_domain
from market_opinion.scorers.llm.budgets import SharedPurse
from market_opinion.scorers.llm.bundle import Totals
from market_opinion.scorers.llm.engine import Engine, Purse, run_engine
from market_opinion.scorers.llm.journal import Journal
from market_opinion.scorers.llm.model import Model
from market_opinion.scorers.llm.prices import Price, Usage
from market_opinion.scorers.llm.prompt import Answer, Question, load_prompt
from market_opinion.storage.state.sqlite import SQLiteState

_PRICE = Price(input=0.15, cached_input=0.075, output=0.60)
_LATENCY = {"p50": 0.6, "p99": 3.0}
_FAULTS = {
    "500": 0.04,
    "503": 0.04,
    "reset": 0.03,
    "hang": 0.01,
    "truncated": 0.03,
    "badjson": 0.03,
    "schema": 0.03,
    "refusal": 0.02,
}
_DOMAINS = Path(__file__).resolve().parent.parent / "domains"


class Run(NamedTuple):
    """Counts, cost and time of one run of the engine."""

    totals: Totals
    statuses: dict[str, str]
    usd: float
    wall: float
    cpu: float


class Stub:
    """A started stub: `set` resets and configures it, `stats` returns its counts."""

    def __init__(self, path: Path, port: int) -> None:
        """Connect to the stub at this port; its module predicts the latencies."""
        self.url = f"http://127.0.0.1:{port}"
        spec = importlib.util.spec_from_file_location("llm_stub", path)
        assert spec
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)

    def set(self, **config: Any) -> None:
        """Reset the stub and configure it."""
        request = urllib.request.Request(
            f"{self.url}/__reset", data=json.dumps(config).encode(), method="POST"
        )
        urllib.request.urlopen(request, timeout=10).read()
        self.module.reset(config)

    def stats(self) -> dict[str, Any]:
        """Return the stub's counts of requests, items and tokens."""
        with urllib.request.urlopen(f"{self.url}/__stats", timeout=10) as answer:
            counts: dict[str, Any] = json.load(answer)
        return counts

    def latencies(self, count: int) -> list[float]:
        """Return the stub's latency for each single item."""
        return [self.module.latency((f"{n:07d}",), 1) for n in range(count)]


@contextmanager
def started(path: Path) -> Iterator[Stub]:
    """Run the stub for the length of a `with`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(path), "--port", str(port)], stdout=subprocess.PIPE
    )
    assert process.stdout
    process.stdout.readline()
    try:
        yield Stub(path, port)
    finally:
        process.terminate()
        process.wait()


def questions(count: int) -> Iterator[Question]:
    """Yield questions that the stub recognises, each with its own text."""
    for n in range(count):
        text = (
            f"c#{n:07d} the battery lasts for days and I would buy it again,"
            " the screen is fine too."
        )
        yield Question(f"{n:07d}", text, "", (("P1", "Some phone"),), is_alone=False)


def run(
    stub: Stub,
    batch: Iterator[Question],
    *,
    keep: Callable[[list[Answer]], None] | None = None,
    purse: Purse | None = None,
    **options: Any,
) -> Run:
    """Ask the stub all questions; by default one item a request and 60 in flight."""
    defaults: dict[str, Any] = {"items_a_request": 1, "max_in_flight": 60, "price": _PRICE}
    model = Model("stub", f"{stub.url}/v1", SecretStr("key"), **{**defaults, **options})
    prompt = load_prompt(load_domain("smartphones", _DOMAINS), _DOMAINS)
    engine = Engine(model, prompt, purse)
    statuses: dict[str, str] = {}
    spent = [0.0]

    def take(answers: list[Answer]) -> None:
        for answer in answers:
            statuses[answer.question_key] = answer.status
            spent[0] += answer.usd or 0.0
        if keep:
            keep(answers)

    gc.collect()
    began, used = time.perf_counter(), time.process_time()
    totals = run_engine(lambda: engine.run(batch, on_answers=take))
    return Run(totals, statuses, spent[0], time.perf_counter() - began, time.process_time() - used)


def _ideal(
    latencies: list[float], slots: int, released: Callable[[int], float] = lambda _: 0.0
) -> float:
    """Return the end of the last request if each begins once released and a slot is free."""
    free = [0.0] * slots
    ends = []
    for number, latency in enumerate(latencies):
        start = max(heapq.heappop(free), released(number))
        heapq.heappush(free, start + latency)
        ends.append(start + latency)
    return max(ends)


def _measure_latency(stub: Stub) -> None:
    stub.set(**_LATENCY)
    ideal = _ideal(stub.latencies(600), 60)
    done = run(stub, questions(600))
    report("llm.latency_wall_of_ideal", done.wall / ideal, "ratio", at_most=1.06)
    report("llm.cpu_a_call", 1000 * done.cpu / done.totals.request_count, "ms", at_most=5)
    stub.set(p50=0.05, p99=0.1)
    done = run(stub, questions(6000), items_a_request=10)
    report("llm.cpu_an_item_at_10_a_request", 1000 * done.cpu / 6000, "ms", at_most=2)


def _measure_rates(stub: Stub) -> None:
    stub.set(**_LATENCY, rpm=2400)
    done, stats = (
        run(stub, questions(400), max_in_flight=200, requests_per_minute=2400),
        stub.stats(),
    )
    ideal = _ideal(stub.latencies(400), 400, lambda n: max(0, n - 40) / 40)
    report("llm.rpm_wall_of_ideal", done.wall / ideal, "ratio", at_most=1.10)
    report("llm.rpm_items_lost", 400 - done.totals.kept_count, "items", at_most=0)
    report(
        "llm.rpm_429s_of_calls",
        stats["status"].get("429", 0) / stats["requests"],
        "ratio",
        at_most=0.01,
    )
    stub.set(**_LATENCY, tpm=1_000_000)
    done, stats = (
        run(stub, questions(400), max_in_flight=200, tokens_per_minute=1_000_000),
        stub.stats(),
    )
    tokens = max(1024, stats["prompt_tokens"] / (stats["requests"] - stats["status"].get("429", 0)))
    rate = 1_000_000 / 60
    ideal = _ideal(stub.latencies(400), 400, lambda n: max(0.0, (n * tokens - rate) / rate))
    report("llm.tpm_wall_of_ideal", done.wall / ideal, "ratio", at_most=1.12)


def _measure_faults(stub: Stub) -> None:
    seed = next(s for s in range(1, 999) if _poisoned(stub, s) == 3)
    stub.set(p50=0.2, p99=1.0, seed=seed, faults=_FAULTS, sticky={"schema": 0.01}, hang_s=5.0)
    done, stats = run(stub, questions(300), max_in_flight=40), stub.stats()
    rejected = sum(status != "ok" for status in done.statuses.values())
    injected = sum(count for kind, count in stats["outcome"].items() if kind not in {"ok", "429"})
    report("llm.faults_kept", done.totals.kept_count, "items", at_least=297)
    report("llm.faults_rejected_with_reason", rejected, "items", at_least=3)
    report("llm.faults_unexplained", 300 - len(done.statuses), "items", at_most=0)
    report(
        "llm.faults_extra_calls_of_faults",
        (stats["requests"] - 300) / injected,
        "ratio",
        at_most=1.3,
    )


def _poisoned(stub: Stub, seed: int) -> int:
    return sum(stub.module.u01(seed, "st", "schema", f"{n:07d}") < 0.01 for n in range(300))


def _measure_kill(stub: Stub, journal: Path) -> None:
    stub.set(**_LATENCY)
    command = [
        sys.executable,
        "-m",
        "benchmarks.llm",
        "--ask",
        stub.url,
        "--journal",
        str(journal),
        "--items",
        "400",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while stub.stats()["ids_good"] < 200:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    twice, calls = stub.stats()["dup_good_ids"], stub.stats()["requests"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    report("llm.paid_twice_after_kill", twice, "items", at_most=40)
    report("llm.calls_of_the_third_run", stub.stats()["requests"] - calls, "calls", at_most=0)


def _ask_with_journal(url: str, journal: Path, items: int, options: dict[str, Any]) -> None:
    """Run the engine once over a journal, whose questions are not asked again."""
    kept = Journal(journal)
    known = {answer.question_key for answer in kept.answers()}
    stub = Stub.__new__(Stub)
    stub.url = url
    floor = peak_mb()
    done = run(stub, (q for q in questions(items) if q.key not in known), keep=kept.put, **options)
    print(
        json.dumps(
            {
                "above_floor_mb": peak_mb() - floor,
                "usd": done.totals.usd,
                "ledger_usd": done.usd,
                "kept": done.totals.kept_count,
            }
        )
    )


def _measure_batches(stub: Stub) -> None:
    spent, kept = {}, {}
    for size in (1, 10):
        stub.set(p50=0.0, p99=0.0)
        done, stats = run(stub, questions(1000), items_a_request=size), stub.stats()
        spent[size], kept[size] = stats["prompt_tokens"] + stats["completion_tokens"], done.statuses
    report("llm.tokens_at_10_of_1_a_request", spent[10] / spent[1], "ratio", at_most=0.32)
    report(
        "llm.items_kept_otherwise_at_10",
        len(set(kept[1].items()) ^ set(kept[10].items())),
        "items",
        at_most=0,
    )


def _measure_slots(stub: Stub) -> None:
    stub.set(**_LATENCY, slots=20)
    done = run(stub, questions(600), max_in_flight=200)
    report("llm.calls_an_item_at_20_slots", done.totals.request_count / 600, "calls", at_most=1.03)


def _measure_scale(stub: Stub, journal: Path, items: int) -> None:
    stub.set(p50=0.0, p99=0.0)
    command = [
        sys.executable,
        "-m",
        "benchmarks.llm",
        "--ask",
        stub.url,
        "--journal",
        str(journal),
        "--items",
        str(items),
        "--a-request",
        "10",
    ]
    done = json.loads(
        subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[
            -1
        ]
    )
    stats = stub.stats()
    usd = _PRICE.usd(
        Usage(
            input=stats["prompt_tokens"],
            cached=stats["cached_tokens"],
            output=stats["completion_tokens"],
        )
    )
    report("llm.memory_above_import", done["above_floor_mb"], "MB", at_most=200)
    report("llm.items_kept_of_many", done["kept"], "items", at_least=items)
    report("llm.usd_off_the_servers", abs(done["usd"] - usd), "USD", at_most=0.005)
    report(
        "llm.usd_of_answers_off_the_servers", abs(done["ledger_usd"] - usd), "USD", at_most=0.005
    )


def _measure_budget(stub: Stub, state: Path) -> None:
    stub.set(p50=0.05, p99=0.1)
    purse = SharedPurse(SQLiteState(state, environment="benchmark").claims, {"day": 0.10})
    done, stats = run(stub, questions(5000), items_a_request=8, purse=purse), stub.stats()
    usd = _PRICE.usd(
        Usage(
            input=stats["prompt_tokens"],
            cached=stats["cached_tokens"],
            output=stats["completion_tokens"],
        )
    )
    report("llm.usd_at_a_budget_of_10_cents", usd, "USD", at_most=0.10)
    report(
        "llm.items_finished_and_lost_at_the_budget",
        stats["ids_good"] - done.totals.kept_count,
        "items",
        at_most=0,
    )


def _measure_azure(stub: Stub) -> None:
    stub.set(p50=0.0, p99=0.0)
    model = Model(
        "stub", stub.url, SecretStr("key"), azure_api_version="2025-01-01", items_a_request=8
    )
    engine = Engine(replace(model), load_prompt(load_domain("smartphones", _DOMAINS), _DOMAINS))
    totals = run_engine(lambda: engine.run(questions(100), on_answers=lambda _: None))
    paths = stub.stats()["paths"]
    report("llm.azure_kept", totals.kept_count, "items", at_least=100)
    report(
        "llm.azure_paths",
        sum("/openai/deployments/stub/" in path for path in paths),
        "paths",
        at_least=1,
    )


def main(
    *,
    stub: Path = Path("../shared/tools/llm_stub.py"),
    items: int = 100_000,
    ask: str | None = None,
    journal: Path | None = None,
    a_request: int = 1,
) -> None:
    """Measure the engine.

    Args:
        stub: Program of the server.
        items: Items of the largest run.
        ask: Address of a running stub to ask once; used by the benchmark itself.
        journal: Journal of that run.
        a_request: Items a request of that run.
    """
    if ask and journal:
        _ask_with_journal(ask, journal, items, {"items_a_request": a_request, "max_in_flight": 40})
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    with tempfile.TemporaryDirectory() as folder, started(stub.resolve()) as server:
        _measure_latency(server)
        _measure_rates(server)
        _measure_faults(server)
        _measure_kill(server, Path(folder) / "killed.sqlite")
        _measure_batches(server)
        _measure_slots(server)
        _measure_budget(server, Path(folder) / "state.sqlite")
        _measure_azure(server)
        _measure_scale(server, Path(folder) / "scale.sqlite", items)
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
