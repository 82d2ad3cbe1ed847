"""Random histories against the oracle: `python -m benchmarks.histories [--count 1000]`.

Each history lands archives of two communities for two domains, with edits, deletions, late lines
and copies, and may erase items at its end. Half of its runs are stopped at a random write. Then
every row of the mart and the figures of the report must be those that the oracle computes.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import cyclopts

from benchmarks.histories.platform_run import run_seed
from benchmarks.measure import finish, report

# Every so many histories, runs are processes of their own and stops are SIGKILLs.
_BY_PROCESS_EVERY = 50


def main(*, count: int = 1000, seed: int = 1, processes: int = 2) -> None:
    """Run histories and compare.

    Args:
        count: Number of histories.
        seed: Seed of the first; each has the next one.
        processes: Histories at once, each in a process of its own.
    """
    seeds = range(seed, seed + count)
    are_apart = [n % _BY_PROCESS_EVERY == _BY_PROCESS_EVERY - 1 for n in range(count)]
    wrong = stop_count = run_count = 0
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        outcomes = pool.map(run_seed, seeds, are_apart)
        for number, (of_seed, outcome) in enumerate(zip(seeds, outcomes, strict=True), start=1):
            stop_count, run_count = stop_count + outcome.stop_count, run_count + outcome.run_count
            wrong += bool(outcome.differences)
            for difference in outcome.differences:
                print(f"seed {of_seed}: {difference}", file=sys.stderr)
            progress = f"{number}/{count} histories, {stop_count} stops, {wrong} wrong"
            print(progress, end="\r", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    report("histories.runs", run_count, "runs")
    report("histories.stops", stop_count, "stops")
    report("histories.wrong", wrong, "histories", at_most=0)
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
