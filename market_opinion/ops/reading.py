"""A reading: the source, communities and hours that a run asks for."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from market_opinion.core.errors import InvalidRequest
from market_opinion.core.visible import visible
from market_opinion.core.window import HOUR, Slice, Window, as_utc, both_ends, clip
from market_opinion.ops.run import Run
from market_opinion.sources.catalogue import names, source_of, source_type
from market_opinion.sources.line_sorter import is_community_name
from market_opinion.sources.quota import Priority
from market_opinion.sources.reddit.profile import PLATFORM, Comments

# Archives hold all of Reddit, of which a domain wants a part.
_READ_BY_NAME = {"archive", "sample"}


@dataclass(frozen=True)
class Reading:
    """A source, and what is read of it.

    Without communities it is every community that the source holds, without a window all time.
    """

    source: str
    platform: str
    communities: tuple[str, ...] = ()
    window: Window | None = None
    archive: str | None = None
    mapping: str | None = None
    comments: Comments = "listing"
    max_windows: int = 1

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of item that an hour has to be complete in.

        Comments read as trees are left out: a tree cannot tell when it has all comments of an hour.
        """
        kinds = source_type(self.source).kinds
        if self.comments == "listing":
            return kinds
        return tuple(kind for kind in kinds if kind != "comment")

    @property
    def is_live(self) -> bool:
        """True for a source that has no end."""
        return source_type(self.source).is_live

    @property
    def hours(self) -> Slice:
        """The communities and hours as a slice; raises InvalidRequest for a reading of all time."""
        if self.window is None:
            message = f"the reading of {self.platform} has no hours: give --start and --end"
            raise InvalidRequest(message)
        return Slice(self.platform, self.communities, self.window)


def plan_reading(
    run: Run,
    source: str,
    communities: list[str] | None,
    *,
    archive: str | None = None,
    mapping: str | None = None,
    window: Window | None = None,
    max_windows: int = 1,
) -> Reading:
    """Return the reading of a source for the run's domain; the source itself is not opened yet.

    Communities are the given ones, else those of DEFAULT_SUBREDDIT, else the domain's.
    """
    domain, listed = run.load_domain(), source_type(source)
    platform = listed.platform_of(domain, mapping)
    selection = (
        tuple(sorted({name.lower() for name in communities or ()}))
        or listed.preset_communities(run.settings)
        or domain.communities(platform)
    )
    needs_names = run.mode != "backfill" or listed.is_live or source in _READ_BY_NAME
    if not selection and needs_names:
        message = (
            f"domain {run.domain} names no communities of {platform}:"
            f" add [sources.{platform}] to its domain.toml or pass communities"
        )
        raise InvalidRequest(message)
    if wrong := [name for name in selection if not is_community_name(name)]:
        message = (
            f"{visible(wrong[0][:80])!r} is no name of a community of {platform}: letters, digits,"
            " . _ and - make one, and it begins with neither . nor _"
        )
        raise InvalidRequest(message)
    return Reading(
        source,
        platform,
        selection,
        window,
        archive,
        mapping,
        domain.sources[platform].comments if platform in domain.sources else "listing",
        max_windows,
    )


def plan_backfill(  # noqa: PLR0917, a flow hands on its parameters as they are
    run: Run,
    source: str,
    archive: str | None,
    communities: list[str] | None,
    start: datetime | None,
    end: datetime | None,
    mapping: str | None,
) -> tuple[Reading, tuple[str, ...]]:
    """Return the reading of a backfill, and a note where its range was clipped.

    A range is clipped to whole, closed hours. The source is opened once, so that one that is not
    there is named before anything runs.
    """
    ends = both_ends(start, end, otherwise="everything the source has")
    if ends is None and source_type(source).is_live:
        message = f"--source {source} needs --start and --end: a live platform has no first hour"
        raise InvalidRequest(message)
    window = clip(*ends, now=run.now) if ends else None
    reading = plan_reading(
        run, source, communities, archive=archive, mapping=mapping, window=window
    )
    check_source(run, reading)
    if ends and window and (as_utc(ends[0]), as_utc(ends[1])) != (window.start, window.end):
        span = f"{ends[0].isoformat()} to {ends[1].isoformat()}"
        return reading, (f"{span} was clipped to the whole, closed hours {window}",)
    return reading, ()


def plan_second_look(run: Run, source: str, communities: list[str] | None) -> Reading:
    """Return the reading of a second look.

    Raises InvalidRequest for a source that gives no second look.
    """
    if not _looks_again(source):
        message = (
            f"source {source} cannot be asked again for what it gave;"
            f" there are: {', '.join(filter(_looks_again, names()))}"
        )
        raise InvalidRequest(message)
    reading = plan_reading(run, source, communities)
    check_source(run, reading)
    return reading


def whole_platform(run: Run, platform: str) -> Reading:
    """Return a reading of everything that was landed of a platform; the platform is not asked."""
    is_name = re.fullmatch(r"[a-z0-9][a-z0-9_-]{,63}", platform)
    communities = tuple(run.adapters.landing().communities(platform)) if is_name else ()
    if not communities:
        message = f"nothing of {visible(platform)} was ever landed: check --platform"
        raise InvalidRequest(message)
    return Reading(source_of(platform), platform, communities)


def landed_hours(run: Run, platform: str, start: datetime | None, end: datetime | None) -> Reading:
    """Return a reading of the landed hours of a platform, or of those in the range.

    The platform is not asked. Raises InvalidRequest if nothing was landed there.
    """
    reading = whole_platform(run, platform)
    ends = both_ends(start, end, otherwise="everything that was landed")
    if ends:
        return replace(reading, window=clip(*ends, now=run.now))
    captures = run.adapters.landing().captures(platform, reading.communities, None)
    starts = [capture.manifest.window_start for capture in captures]
    return replace(reading, window=Window(min(starts), max(starts) + HOUR))


def check_source(run: Run, reading: Reading) -> None:
    """Open the reading's source, which raises its own error where it is not there."""
    if reading.source == PLATFORM:
        run.adapters.reddit(Priority.BACKFILL)
    else:
        run.adapters.source(
            reading.source, run.domain, files=reading.archive, mapping=reading.mapping
        )


def _looks_again(source: str) -> bool:
    return source == PLATFORM or hasattr(source_type(source), "look_again")
