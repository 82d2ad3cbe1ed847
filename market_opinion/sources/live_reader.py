"""Reader that lands the hours of a live platform."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from market_opinion.core.errors import CommunityClosed, SourceUnavailable, SourceUnreadable
from market_opinion.core.log import Log
from market_opinion.core.window import Window, contiguous
from market_opinion.sources.windowed import Ingestion, land_failure
from market_opinion.storage.landing.zone import Landing


@dataclass(frozen=True)
class LiveReader:
    """A live platform, and the landing zone for its hours."""

    platform: str
    ingestion: Ingestion
    landing: Landing
    now: datetime
    log: Log

    def read(self, community: str, hours: Iterable[datetime]) -> list[Window]:
        """Land the hours of one community, and return older hours that received late items.

        If the community cannot be read, the reason is written into the landing zone and nothing is
        raised, so that the run goes on with the next community.
        """
        late: list[Window] = []
        for span in contiguous(hours):
            self.log.info("%s/%s %s: reading", self.platform, community, span)
            try:
                result = self.ingestion.ingest_window(community, span.start, span.end)
            except (CommunityClosed, SourceUnavailable, SourceUnreadable) as error:
                self.log.warning("%s", error)
                land_failure(self.landing, self.platform, community, span, error, now=self.now)
                continue
            self.log.info("%s/%s %s: %s", self.platform, community, span, result)
            late += result.late_hours
        return late
