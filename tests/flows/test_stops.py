"""A flow that is stopped after any of its writes is finished by the next run of another one."""

from benchmarks.stops import CASES, stop_everywhere


def test_what_was_stopped_is_finished_by_another_flow(tmp_path):
    """X12: the smaller form of `python -m benchmarks.stops`, an erasure stopped half-way."""
    (trial,) = stop_everywhere(CASES["erase"], tmp_path, lambda writes: [writes // 2])
    assert trial.wrong == []
