"""Many processes with one model, one lake and one state: what is paid for twice, what budgets hold.

    .venv/bin/python -m benchmarks.llm_workers --stub ../shared/tools/llm_stub.py

Each process has a home of its own, as a container has, and some are killed at work. `--dynamodb`
keeps the state in DynamoDB, in the table of RUNS_TABLE_NAME: an emulator's, at AWS_ENDPOINT_URL.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cyclopts
import polars as pl
from pyiceberg.catalog import load_catalog

from benchmarks.llm import Stub, started
from benchmarks.measure import finish, report
from market_opinion.domain.definition import load_domain
from market_opinion.ops.adapters import open_adapters
from market_opinion.scorers.llm.asking import ModelCaller
from market_opinion.scorers.llm.prices import Usage, load_price

_MODEL = "gpt-4.1-mini"
_IN_FLIGHT, _A_REQUEST = 4, 8
_LATENCY = {"p50": 0.3, "p99": 0.6}


class Workers:
    """Processes that judge the same or different questions by the stub."""

    def __init__(self, stub: Stub, folder: Path, *, is_on_dynamodb: bool) -> None:
        """Prepare their common lake and state below a new folder."""
        self._stub = stub
        self._folder = folder
        lake = folder / "lake"
        lake.mkdir(parents=True)
        uri = f"sqlite:///{lake / 'catalog.db'}?timeout=60"
        # Processes that create one catalog's tables at the same moment are in each other's way.
        load_catalog("shared", type="sql", uri=uri, warehouse=lake.as_uri())
        state = "dynamodb:" if is_on_dynamodb else f"sqlite:{folder / 'state.sqlite'}"
        self._settings = {
            "SCORER": "llm",
            "LLM_BASE_URL": f"{stub.url}/v1",
            "LLM_API_KEY": "key",
            "LLM_MODEL": _MODEL,
            "LLM_MAX_IN_FLIGHT": str(_IN_FLIGHT),
            "LLM_ITEMS_PER_REQUEST": str(_A_REQUEST),
            "ENVIRONMENT": folder.name,
            "STATE_URI": state,
            "LAKE_CATALOG": "shared",
            "PYICEBERG_CATALOG__SHARED__TYPE": "sql",
            "PYICEBERG_CATALOG__SHARED__URI": uri,
            "PYICEBERG_CATALOG__SHARED__WAREHOUSE": lake.as_uri(),
        }

    def start(self, number: int, *, first: int, count: int, **more: str) -> "subprocess.Popen[str]":
        """Start a process that judges so many questions from the first one on."""
        home = self._folder / f"home-{number}"
        settings = {**self._settings, "MARKET_OPINION_HOME": str(home), **more}
        command = [sys.executable, "-m", "benchmarks.llm_workers", "--judge", str(count)]
        return subprocess.Popen(
            [*command, "--first", str(first), "--run", f"run-{number}"],
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            text=True,
        )

    def kill(self, process: "subprocess.Popen[str]", *, at: int) -> None:
        """Kill a process once the stub has answered so many questions well."""
        while process.poll() is None and self._stub.stats()["ids_good"] < at:
            time.sleep(0.05)
        process.kill()
        process.wait()


def _judged(processes: list["subprocess.Popen[str]"]) -> Iterator[dict[str, int]]:
    """Yield the counts that processes print at their end; a killed one has none."""
    for process in processes:
        lines = process.communicate()[0].splitlines()
        if process.returncode == 0:
            yield json.loads(lines[-1])


def _usd(stats: dict[str, Any]) -> float:
    price = load_price(_MODEL)
    assert price
    return price.usd(
        Usage(
            input=stats["prompt_tokens"],
            cached=stats["cached_tokens"],
            output=stats["completion_tokens"],
        )
    )


def _measure_same(stub: Stub, new: Callable[[], Workers], count: int) -> None:
    stub.set(**_LATENCY)
    workers = new()
    processes = [workers.start(n, first=0, count=400) for n in range(count)]
    judged = [each["judged"] for each in _judged(processes)]
    name = f"llm.same_hours_{count}_processes"
    report(f"{name}_paid_twice", stub.stats()["dup_good_ids"], "items", at_most=0)
    report(f"{name}_judged_by_each", min(judged, default=0), "items", at_least=400)


def _measure_kills(stub: Stub, new: Callable[[], Workers], count: int, *, apart: int) -> None:
    """Measure processes of which half are killed and started again, `apart` questions from another.

    With none, all judge the same questions.
    """
    stub.set(**_LATENCY)
    workers = new()
    processes = [workers.start(n, first=apart * n, count=400) for n in range(count)]
    whole = 400 * (count if apart else 1)
    for number in range(1, count // 2 + 1):
        workers.kill(processes[number - 1], at=whole * number // (count // 2 + 2))
    killed = [n for n, each in enumerate(processes) if each.poll() == -signal.SIGKILL]
    again = [workers.start(n, first=apart * n, count=400) for n in killed]
    judged = [each["judged"] for each in _judged([*processes, *again])]
    name = f"llm.{'different' if apart else 'same'}_hours_{count}_processes_{len(killed)}_killed"
    under_way = len(killed) * _IN_FLIGHT * _A_REQUEST
    report(f"{name}_paid_twice", stub.stats()["dup_good_ids"], "items", at_most=under_way)
    report(f"{name}_judged_by_each", min(judged, default=0), "items", at_least=400)
    report(f"{name}_finished", len(judged), "processes", at_least=count)


def _measure_budget(stub: Stub, new: Callable[[], Workers], count: int) -> None:
    """Measure a day's budget that processes on different questions share, one of them killed."""
    stub.set(**_LATENCY)
    workers, budget = new(), 0.05 * count
    processes = [
        workers.start(n, first=1000 * n, count=800, LLM_BUDGET_USD_PER_DAY=str(budget))
        for n in range(count)
    ]
    workers.kill(processes[0], at=80)
    left = sum(each["unjudged_item_count"] for each in _judged(processes))
    stats = stub.stats()
    name, a_request = f"llm.budget_{count}_processes", _usd(stats) / max(1, stats["requests"])
    report(f"{name}_usd", _usd(stats), "USD", at_most=budget + a_request)
    report(f"{name}_share_used", _usd(stats) / budget, "ratio", at_least=0.8)
    report(f"{name}_left", left, "items", at_least=1)


def _judge(first: int, count: int, run_id: str) -> None:
    """Judge questions that the stub recognises, and print the counts."""
    adapters = open_adapters()
    caller = ModelCaller(
        adapters.settings,
        adapters.lake(),
        adapters.state(),
        lambda _: nullcontext(),
        logging.getLogger("workers"),
        {"run-id": run_id},
    )
    rows = pl.DataFrame(
        {
            "row": range(count),
            "platform": "reddit",
            "community": "phones",
            "item_id": [str(first + n) for n in range(count)],
            "window_start": datetime(2026, 3, 1, tzinfo=UTC),
            "text": [f"c#{first + n:07d} the battery lasts for days" for n in range(count)],
            "context_title": "",
            "products": [["P1"]] * count,
        }
    )
    domain = load_domain("smartphones", adapters.settings.domains_path)
    judged = caller.judge(rows, domain)
    print(json.dumps({"judged": judged.judgements["row"].n_unique(), **judged.counts}))


def main(
    *,
    stub: Path = Path("../shared/tools/llm_stub.py"),
    dynamodb: bool = False,
    processes: tuple[int, ...] = (2, 4, 16),
    judge: int = 0,
    first: int = 0,
    run: str = "",
) -> None:
    """Measure callers of a model that work at the same time.

    Args:
        stub: Program of the server.
        dynamodb: Keep the state in DynamoDB.
        processes: Numbers of processes at once.
        judge: Questions to judge in this process; used by the benchmark itself.
        first: Number of the first of them.
        run: Id of that run.
    """
    if judge:
        _judge(first, judge, run)
        return
    with tempfile.TemporaryDirectory() as folder, started(stub.resolve()) as server:

        def new() -> Workers:
            place = Path(tempfile.mkdtemp(dir=folder))
            return Workers(server, place, is_on_dynamodb=dynamodb)

        for count in processes:
            _measure_same(server, new, count)
            for apart in (0, 1000):
                _measure_kills(server, new, count, apart=apart)
            _measure_budget(server, new, count)
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
