"""A recorded run, made again offline and compared stage by stage."""

from pathlib import Path

from prefect import flow

from flows.command_line import as_command, run_alone
from flows.stages import enrich_slice, receive_slice, serve, sum_up
from flows.titles import run_title
from market_opinion.ops.progress import Tally
from market_opinion.ops.recording import home_apart
from market_opinion.ops.summary import Summary
from tasks.record import record_windows
from tasks.replay import (
    compare_record,
    compare_records,
    find_loads,
    find_recorded,
    keep_record,
    restore_record,
)
from tasks.report import draw_report
from tasks.request import check_replay


@flow(name="replay", flow_run_name=run_title)
def replay(
    folder: Path, to: Path | None = None, record: Path | None = None, bisect: Path | None = None
) -> Summary:
    """Make a recorded run again, offline, and say by stage what is equal.

    The run has a home of its own, which is removed at its end; without --to it is one at a time.
    Neither a platform nor a model is asked; the domain and the program are those of here, so what
    differs is their doing. The command ends with 1 where something differs.

    Args:
        folder: Folder that `run` or `backfill` wrote with --record.
        to: New folder that keeps the home of the replay, to look at tables that differ.
        record: New folder for a record of the replay, to compare versions of the program by.
        bisect: Another record: nothing is made again, and the first stage is named whose output
            differs between the two.
    """
    run = check_replay(folder, to, record, bisect)
    with Tally() as tally:
        if bisect is not None:
            outcome = compare_records(folder, bisect)
            return sum_up(run, tally, title=f"{folder} and {bisect}", compared=outcome)
        with home_apart(run.settings.home, keep=to is not None):
            restore_record(run, folder)
            recorded = find_recorded(run, folder)
            tally.expect(6 * len(recorded))
            for _, span in recorded:
                receive_slice(run, span, tally)
            for reading, span in recorded:
                enrich_slice(run, span, tally)
                tally.done("windows", span, record_windows(run, reading, span))
            for days in find_loads(folder):
                tally.expect(2)
                serve(run, days, tally)
            draw_report(run)
            outcome = compare_record(run, folder)
            if record is not None:
                keep_record(run, record)
        return sum_up(run, tally, title=f"replay of {folder}", compared=outcome)


command = as_command(replay, check=check_replay, positional="folder")

if __name__ == "__main__":
    run_alone(command)
