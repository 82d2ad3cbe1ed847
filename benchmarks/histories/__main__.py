"""Random histories against the oracle: `python -m benchmarks.histories [--count 1000]`.

Each history lands archives of two communities for two domains, with edits, deletions, late lines
and copies, and may erase items at its end. Half of its runs are stopped at a random write. Then
every row of the mart and the figures of the report must be those that the oracle computes.
"""

import sys
import tempfile
from pathlib import Path

import cyclopts

from benchmarks.histories.platform_run import run_history
from benchmarks.measure import finish, report

# Every so many histories, runs are processes of their own and stops are SIGKILLs.
_BY_PROCESS_EVERY = 50


def main(*, count: int = 1000, seed: int = 1) -> None:
    """Run histories and compare.

    Args:
        count: Number of histories.
        seed: Seed of the first; each has the next one.
    """
    wrong = stop_count = run_count = 0
    for number in range(count):
        with tempfile.TemporaryDirectory() as folder:
            by_process = number % _BY_PROCESS_EVERY == _BY_PROCESS_EVERY - 1
            outcome = run_history(seed + number, Path(folder), by_process=by_process)
        stop_count, run_count = stop_count + outcome.stop_count, run_count + outcome.run_count
        wrong += bool(outcome.differences)
        for difference in outcome.differences:
            print(f"seed {seed + number}: {difference}", file=sys.stderr)
        progress = f"{number + 1}/{count} histories, {stop_count} stops, {wrong} wrong"
        print(progress, end="\r", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    report("histories.runs", run_count, "runs")
    report("histories.stops", stop_count, "stops")
    report("histories.wrong", wrong, "histories", at_most=0)
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
