"""Readers of a run: a finite source, a live platform, or a platform that is asked again."""

from datetime import datetime, timedelta
from functools import partial
from typing import cast

from market_opinion.core.contracts import BRONZE_ITEMS
from market_opinion.core.log import Log
from market_opinion.core.window import Window
from market_opinion.ops.adapters import Adapters
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from market_opinion.sources.file_reader import FileReader
from market_opinion.sources.live_reader import LiveReader
from market_opinion.sources.quota import Priority
from market_opinion.sources.reddit.profile import PLATFORM, fullname
from market_opinion.sources.reddit.settings import RedditSettings
from market_opinion.sources.second_look import SecondLook
from market_opinion.sources.windowed import Ingestion, WindowIngestion

# Reddit lists new items for about this long before a window.
_LATE = timedelta(days=2)


def open_files(run: Run, reading: Reading, log: Log) -> FileReader:
    """Return the reader of a finite source."""
    adapters = run.adapters
    source = adapters.source(
        reading.source, run.domain, files=reading.archive, mapping=reading.mapping
    )
    return FileReader(source, adapters.landing(), adapters.lake(), run.now, run.run_id, log)


def open_live(run: Run, reading: Reading, adapters: Adapters, log: Log) -> LiveReader:
    """Return the reader of a live platform, whose requests the adapters' meter counts."""
    ingestion, landing = _ingestion(run, reading, adapters), adapters.landing()
    return LiveReader(reading.platform, ingestion, landing, run.now, log)


def open_second_look(
    run: Run, reading: Reading, adapters: Adapters, priority: Priority
) -> SecondLook:
    """Return the platform as one that is asked again for known items."""
    if reading.source == PLATFORM:
        from market_opinion.sources.reddit import visits  # PRAW takes a while to import

        return visits.RedditSecondLook(adapters.reddit(priority))
    source = adapters.source(reading.source, run.domain, priority=priority)
    return cast("SecondLook", source)


def _ingestion(run: Run, reading: Reading, adapters: Adapters) -> Ingestion:
    landing = adapters.landing()
    if reading.source != PLATFORM:
        return WindowIngestion(adapters.source(reading.source, run.domain), landing, now=run.now)
    from market_opinion.sources.reddit.ingestion import RedditIngestionService  # as above

    return RedditIngestionService(
        adapters.reddit(run.priority),
        landing,
        known=partial(items_before, adapters, reading.platform),
        now=run.now,
        comments=reading.comments,
        submissions_max=run.settings.group(RedditSettings).max_submissions,
    )


def items_before(
    adapters: Adapters, platform: str, community: str, window: Window
) -> tuple[set[datetime], set[str]]:
    """Return the ledger's hours of the two days before the window, and their items' full names."""
    before = Window(window.start - _LATE, window.start)
    hours = {
        entry.window_start
        for entry in adapters.state().windows(platform, before)
        if entry.community == community
    }
    if not hours:
        return hours, set()
    where = {"platform": platform, "community": community}
    rows = adapters.lake().read(BRONZE_ITEMS, where, before, columns=["kind", "item_id"])
    pairs = rows.select("kind", "item_id").iter_rows()
    return hours, {fullname(kind, item_id) for kind, item_id in pairs}
