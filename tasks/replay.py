"""Replay: a run is recorded, restored into a home of its own, and compared stage by stage."""

from pathlib import Path

from prefect import get_run_logger

from market_opinion.core.window import Slice
from market_opinion.ops import fingerprints, recording
from market_opinion.ops.fingerprints import Comparison
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from tasks import task


@task
def keep_record(run: Run, folder: Path) -> None:
    """Write what the run was given, and the fingerprints of what it made, into a new folder."""
    record = recording.write(run, folder)
    get_run_logger().info("recorded in %s: %s", folder, record.stages)


@task
def restore_record(run: Run, folder: Path) -> None:
    """Copy what a record was given into the empty home of the run."""
    recording.restore(run, folder)


@task
def find_recorded(run: Run, folder: Path) -> list[tuple[Reading, Slice]]:
    """Return the recorded hours in slices that fit in memory, each with its platform's reading."""
    record = recording.read(folder)
    readings = recording.readings(run, record)
    return [(readings[span.platform], span) for span in recording.slices(run, record)]


@task
def find_loads(folder: Path) -> list[list[Slice]]:
    """Return the days of each recorded load of the mart, in order."""
    return recording.load_slices(recording.read(folder))


@task
def compare_record(run: Run, folder: Path) -> Comparison:
    """Return where the run's home differs from what was recorded."""
    record = recording.read(folder)
    slices = recording.slices(run, record)
    made = fingerprints.of_home(run, slices, run.settings.report_path)
    return fingerprints.compare(record.stages, made)


@task
def compare_records(folder: Path, other: Path) -> Comparison:
    """Return where two records differ."""
    return fingerprints.compare(recording.read(folder).stages, recording.read(other).stages)
