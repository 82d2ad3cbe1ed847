"""Write hours of tables that other processes write at the same time.

`python -m tests.race ARCHIVE FIRST LAST`; hours count from 2026-03-01.
"""

import sys
from datetime import UTC, datetime, timedelta

from prefect.logging import disable_run_logger

from market_opinion.core.window import HOUR, Slice, Window
from tasks.bronze import build_bronze
from tasks.request import check_backfill
from tasks.silver import clean_items

FIRST = datetime(2026, 3, 1, tzinfo=UTC)


def main(archive: str, first: int, last: int) -> None:
    """Build bronze and silver of each hour, in one commit a table and hour."""
    with disable_run_logger():
        run, _ = check_backfill.fn(
            "smartphones",
            "archive",
            archive,
            ["phones"],
            FIRST,
            FIRST + timedelta(days=2),
            FIRST + timedelta(days=9),
        )
        for hour in range(first, last):
            span = Slice("reddit", ("phones",), Window.hour(FIRST + hour * HOUR))
            build_bronze.fn(run, span)
            clean_items.fn(run, span)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
