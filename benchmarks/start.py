"""Seconds from a command to the first lines that it lands, beside `prefect version` as the floor.

    .venv/bin/python -m benchmarks.start [--tries 3]

Each try backfills the bundled sample into a home of its own, with Prefect's database made before.
Cold is a machine where Python has compiled nothing yet. With a server, a run uses one that is
already up; without one, Prefect's server starts within the run. The least of the tries counts.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import cyclopts

from benchmarks.measure import finish, report
from tests.prefect_server import PrefectServer, kill

_BACKFILL = ("-m", "flows.backfill", "--source", "sample")
_TO_FLOOR_MAX, _ALONE_SECONDS_MAX = 1.5, 8.0
_PATIENCE_SECONDS = 300


def _until_landed(home: Path, environment: Mapping[str, str]) -> float:
    """Return the seconds until a backfill into a new home lands its first lines, and end it."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *_BACKFILL],
        env={**environment, "MARKET_OPINION_HOME": str(home), "SCORER": "lexicon"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        while not any(home.glob("landing/**/*.jsonl*")):
            if process.poll() is not None or time.monotonic() - began > _PATIENCE_SECONDS:
                said = process.communicate()[1].decode()
                message = f"nothing was landed: {said}"
                raise RuntimeError(message)
            time.sleep(0.01)
        return time.monotonic() - began
    finally:
        kill(process)  # and Prefect's own server, which would outlive it


def _version(environment: Mapping[str, str]) -> float:
    began = time.monotonic()
    command = [sys.executable, "-m", "prefect", "version"]
    subprocess.run(command, env=dict(environment), check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def _measure(root: Path, name: str, environment: Mapping[str, str], tries: int) -> float:
    """Report one way to start, cold and warm, and return the warm seconds."""
    compiled = {**environment, "PYTHONPYCACHEPREFIX": str(root / f"{name}-compiled")}
    seconds = [_until_landed(root / f"{name}{n}", compiled) for n in range(tries + 1)]
    report(f"start.{name}_cold", seconds[0], "seconds")
    return min(seconds[1:])


def main(*, tries: int = 3) -> None:
    """Measure starts with and without a server of Prefect.

    Args:
        tries: Warm starts of each kind; the least of their seconds counts.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        alone = {**os.environ, "PREFECT_HOME": str(root / "prefect")}
        alone.pop("PREFECT_API_URL", None)
        # A start that may keep no bytecode compiles everything, every time.
        alone.pop("PYTHONDONTWRITEBYTECODE", None)
        _until_landed(root / "first", alone)  # makes Prefect's database
        floor = min(_version(alone) for _ in range(tries))
        report("start.prefect_version", floor, "seconds")
        warm = _measure(root, "without_server", alone, tries)
        report("start.without_server", warm, "seconds", at_most=_ALONE_SECONDS_MAX)
        with PrefectServer(root / "server") as server:
            with_server = {**alone, **server.environment}
            with_server.pop("PYTHONDONTWRITEBYTECODE", None)
            warm = _measure(root, "with_server", with_server, tries)
        report("start.with_server", warm, "seconds")
        report("start.with_server_to_version", warm / floor, "ratio", at_most=_TO_FLOOR_MAX)
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
