"""The ledger of the stream: hours that lines came for, until a run has carried them on."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from market_opinion.core.contracts import KINDS
from market_opinion.core.window import Slice, Window, contiguous, floor_hour
from market_opinion.sources import catalogue
from market_opinion.sources.topics import CAPTURE_PATH, Drain, Mirror
from market_opinion.stages.hours import by_hour
from market_opinion.storage.certificate import certify
from market_opinion.storage.landing.origin import Visit
from market_opinion.storage.landing.writer import WindowWriter
from market_opinion.storage.landing.zone import Landing
from market_opinion.storage.state import StateStore, WindowState

_TOPIC = "streamed"
_MIRRORED = "_mirrored"
_CLOSED_WITHIN = timedelta(days=2)

Hours = frozenset[tuple[str, str, datetime]]


@dataclass(frozen=True)
class StreamLedger:
    """Platform, community and start of hours in the state store."""

    state: StateStore

    def remember(self, hours: Hours) -> None:
        """Note hours that lines came for."""
        self.state.put_notes(_TOPIC, {_name(*hour): True for hour in hours})

    def forget(self, slices: Iterable[Slice]) -> None:
        """Drop the hours of the slices, after all stages."""
        names = [
            _name(span.platform, community, hour.start)
            for span in slices
            for community in span.communities
            for hour in span.window.hours()
        ]
        self.state.drop_notes(_TOPIC, names)

    def slices(self) -> dict[str, list[Slice]]:
        """Return the hours of each platform as few slices, in order of time."""
        return slices_by_platform(self.state.notes(_TOPIC))


def slices_by_platform(names: Iterable[str]) -> dict[str, list[Slice]]:
    """Return few slices a platform that hold the hours of these names.

    A name is `reddit/phones/2026-03-01T10:00:00+00:00`.
    """
    hours: dict[str, dict[datetime, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name in names:
        platform, community, start = name.split("/")
        hours[platform][datetime.fromisoformat(start)].add(community)
    slices = {}
    for platform, by_start in sorted(hours.items()):
        starts: dict[tuple[str, ...], list[datetime]] = defaultdict(list)
        for moment, communities in by_start.items():
            starts[tuple(sorted(communities))].append(moment)
        parts = [
            Slice(platform, communities, window)
            for communities, those in starts.items()
            for window in contiguous(those)
        ]
        slices[platform] = sorted(parts, key=lambda span: (span.window, span.communities))
    return slices


def is_vouched(platform: str) -> bool:
    """Return whether the stream alone can say when an hour of the platform is complete."""
    return platform not in catalogue.names()


def close_hours(drain: Drain, landing: Landing, *, lag: timedelta) -> Iterator[Hours]:
    """Certify open hours that are long enough over, and yield each as it is closed.

    Their topics are drained, so nothing more of them can come.
    """
    now = datetime.now(UTC)
    recent = Window(floor_hour(now - _CLOSED_WITHIN), floor_hour(now))
    for platform in filter(is_vouched, drain.format_references):
        captures = landing.captures(platform, landing.communities(platform), recent)
        for (community, start), manifests in by_hour(captures).items():
            hour = Window.hour(start)
            state = certify(manifests, hour, lag=lag, kinds=KINDS).state
            if now < hour.end + lag or state is WindowState.CERTIFIED:
                continue
            visit = Visit(platform, CAPTURE_PATH, now, drain.format_references[platform])
            writer = WindowWriter(landing, visit, known=[], apart=True)
            stop = drain.stop(platform, now, is_drained=True)
            writer.close([community], [hour], stop=stop, now=now)
            yield frozenset({(platform, community, start)})


def mirror_slices(mirror: Mirror, landing: Landing, slices: Iterable[Slice]) -> int:
    """Produce the landed lines of the slices to their platform's topic, once each, and count them.

    A capture counts as mirrored when all of it was delivered; one that was cut off is sent again.
    """
    count = 0
    for span in slices:
        markers = {
            path
            for community in span.communities
            for path in landing.files_below(f"{_MIRRORED}/{span.platform}/{community}")
        }
        for capture in landing.captures(span.platform, span.communities, span.window):
            marker = f"{_MIRRORED}/{capture.folder}/done"
            if marker in markers or capture.manifest.capture_path == CAPTURE_PATH:
                continue
            count += sum(mirror.send(content) for content in landing.read(capture))
            mirror.flush()
            landing.write(marker, b"")
    return count


def _name(platform: str, community: str, start: datetime) -> str:
    return f"{platform}/{community}/{start.isoformat()}"
