"""Reader that lands a finite source, such as files, once for each origin."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from market_opinion.core.contracts import OPS_REJECTIONS
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.log import Log
from market_opinion.core.window import Slice, Window
from market_opinion.sources import Source
from market_opinion.sources.line_sorter import HOURS_MAX, TOO_MANY_HOURS
from market_opinion.storage.lake.tables import Lake
from market_opinion.storage.landing.manifest import Capture, Survey
from market_opinion.storage.landing.origin import FetchResult, RefusedFile
from market_opinion.storage.landing.writer import WindowWriter
from market_opinion.storage.landing.zone import Landing

# 20 years of hours. An archive that spans more has wrong times rather than old items.
_HOURS_MAX = 175_200


@dataclass(frozen=True)
class FileResult:
    """Result of landing one origin: the hours for the next stages as one slice, and counts.

    `refused` are the files that could not be read in full. They are read and listed again by every
    run, since a reading with a refused file certifies nothing.
    """

    span: Slice
    origin: str
    line_count: int
    refused: list[RefusedFile]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class FileReader:
    """A finite source, and the stores that its lines and its refused files go to."""

    source: Source
    landing: Landing
    lake: Lake
    now: datetime
    run_id: str
    log: Log

    def read(
        self,
        communities: tuple[str, ...],
        window: Window | None,
        *,
        is_one_of_many: bool = False,
    ) -> FileResult:
        """Land the source's lines of the window, or of all time without one.

        If the mapping was corrected since an earlier run, the lines are landed anew and the old
        ones withdrawn afterwards. For one of many files, such as a file of the inbox, captures of
        other origins are looked up in the file's own hours only.
        """
        landing, source = self.landing, self.source
        outdated_origins = landing.begin(source.platform, source.origin)
        survey = landing.survey(source.platform, source.origin, communities)
        captures = None
        if outdated_origins or not is_one_of_many:
            places = communities or landing.communities(source.platform)
            captures = landing.captures(source.platform, places, window)
        writer, refused = WindowWriter(landing, source, known=captures), list[RefusedFile]()
        if survey is None or not writer.has_all(survey, window):
            result = source.fetch(communities, window, now=self.now, sink=writer.add)
            survey = self._finish(writer, result, communities, window)
            refused = result.refused
        outdated = [c for c in captures or () if c.manifest.origin in outdated_origins]
        for capture in outdated:
            landing.withdraw(capture, source.origin)
        absent = sorted(set(communities) - set(survey.communities))
        return FileResult(
            self._span(survey, outdated, window),
            source.origin,
            sum(capture.manifest.lines() for capture in writer.captures.values()),
            refused,
            (f"the source holds nothing of {', '.join(absent)}",) if absent else (),
        )

    def _finish(
        self,
        writer: WindowWriter,
        result: FetchResult,
        communities: tuple[str, ...],
        window: Window | None,
    ) -> Survey:
        """Write the manifests, and then the survey, which marks the origin as read."""
        platform = self.source.platform
        survey = _survey(platform, communities, result, window)
        count = sum(
            writer.close([name], survey.hours(name, window), stop=result, now=self.now)
            for name in survey.communities
        )
        self.landing.put_survey(platform, self.source.origin, survey)
        self.log.info("landed %d windows of %s, stopped by %s", count, platform, result.reason)
        self._keep_refused_files(result)
        return survey

    def _span(self, survey: Survey, outdated: list[Capture], window: Window | None) -> Slice:
        """Return one slice with the hours of the survey and of all withdrawn captures."""
        spans = [survey.window, *(capture.manifest.window for capture in outdated)]
        names = {*survey.communities, *(capture.manifest.community for capture in outdated)}
        whole = Window(min(span.start for span in spans), max(span.end for span in spans))
        return Slice(self.source.platform, tuple(sorted(names)), window or whole)

    def _keep_refused_files(self, result: FetchResult) -> None:
        """Overwrite the rejections of these files: one row for each file that was refused."""
        if not result.files:
            return
        platform = self.source.platform
        rows = [
            {
                "stage": "fetch",
                "platform": platform,
                "reason": file.reason,
                "detail": file.detail,
                "landing_uri": file.uri,
            }
            for file in result.refused
        ]
        frame = pl.DataFrame(rows, schema=OPS_REJECTIONS.schema)
        where = {"stage": "fetch", "platform": platform, "landing_uri": result.files}
        self.lake.overwrite(OPS_REJECTIONS, frame, where, None, run={"run-id": self.run_id})


def _survey(
    platform: str, communities: tuple[str, ...], result: FetchResult, window: Window | None
) -> Survey:
    """Return the communities and hours that the source holds.

    Raises InvalidRequest for an empty source, for one that spans more than 20 years if the run
    gives no window, and for one with too many communities if it names none.
    """
    if result.extent is None:
        raise InvalidRequest(_emptiness(communities, result))
    if result.extent.hour_count > _HOURS_MAX and window is None:
        message = (
            f"{platform} spans {result.extent}, more than 20 years:"
            " its times may be wrong; give --start and --end"
        )
        raise InvalidRequest(message)
    hours = window or result.extent
    is_vouched = result.spoken is None and not communities
    if is_vouched and hours.hour_count * len(result.communities) > HOURS_MAX:
        raise InvalidRequest(TOO_MANY_HOURS)
    return Survey(
        communities, result.communities, result.extent.start, result.extent.end, result.spoken
    )


def _emptiness(communities: tuple[str, ...], result: FetchResult) -> str:
    """Return the message for a source without a line of the communities."""
    message = (
        f"the source holds nothing of {', '.join(communities)}"
        if communities
        else "the source holds nothing that can be read"
    )
    counts = result.other_communities.items()
    if others := ", ".join(f"{name} ({count:,})" for name, count in counts):
        message += f"; it holds {others}: pass communities"
    return f"{message}. {result.detail}" if result.detail else message
