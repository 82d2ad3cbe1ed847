"""Random histories, stopped at random writes, give the rows and figures of an oracle."""

import pytest

from benchmarks.histories.platform_run import run_history


@pytest.mark.integration
@pytest.mark.parametrize(
    ("seed", "by_process"),
    [(124, False), (127, False), (110, True), (50_027, False), (80_420, False)],
)
def test_a_history_gives_the_rows_and_figures_of_the_oracle(tmp_path, seed, by_process):
    """S6, A10: the smaller form of `python -m benchmarks.histories`; a run takes a second.

    In 124 a thread comes after its comments and between two domains; 110 is killed by process. In
    50027 a run that brings a title is stopped, and a run of one domain cleans its comments first.
    In 80420 a run is stopped before a community is in the ledger, and the next one loads the mart.
    """
    outcome = run_history(seed, tmp_path, by_process=by_process)
    assert outcome.differences == []
    assert outcome.run_count
