"""Certificates of hours: whether one is complete, from the manifests of its captures alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from market_opinion.core.window import Window
from market_opinion.storage.landing.manifest import Manifest
from market_opinion.storage.landing.origin import CoveredSpan, StopReason
from market_opinion.storage.state import WindowState

_OTHER_WAY = (
    "The platform shows nothing older (Reddit 1,000 items, X seven days): read the hour"
    " from an archive or a file"
)


@dataclass(frozen=True)
class Certificate:
    """State of an hour, its stop reason, a text for the operator, and the time of the proof."""

    state: WindowState
    stop_reason: StopReason
    detail: str
    certified_at: datetime | None = None


def certify(
    manifests: Sequence[Manifest],
    hour: Window,
    *,
    lag: timedelta,
    kinds: Sequence[str] = ("submission", "comment"),
) -> Certificate:
    """Return the hour's certificate.

    One capture of a finite source certifies the hour if it reached the source's end. Readings of a
    live platform certify it together, if two things are true: the spans that they cover leave out
    no second of the hour for any kind; and one of the readings came at least `lag` after the
    hour's end and reached back to the hour's start, or as far as the platform shows.
    """
    if not manifests:
        return Certificate(WindowState.INCOMPLETE, StopReason.ERROR, "not read yet")
    ordered = sorted(manifests, key=lambda manifest: (manifest.retrieved_at, manifest.origin))
    finite = [m for m in ordered if m.covered is None and m.stop_reason.certifies]
    if finite:
        return Certificate(
            WindowState.CERTIFIED,
            finite[-1].stop_reason,
            finite[-1].stop_detail,
            finite[0].retrieved_at,
        )
    readings = [m for m in ordered if m.covered is not None]
    late_enough = [
        m for m in readings if m.retrieved_at >= hour.end + lag and _reached_start(m, hour, kinds)
    ]
    if late_enough and not _holes(readings, hour, kinds):
        proof = next(
            m
            for m in late_enough
            if not _holes([r for r in readings if r.retrieved_at <= m.retrieved_at], hour, kinds)
        )
        reason = (
            proof.stop_reason if proof.stop_reason.certifies else StopReason.PASSED_WINDOW_START
        )
        return Certificate(
            WindowState.CERTIFIED,
            reason,
            f"{len(readings)} readings leave nothing out",
            proof.retrieved_at,
        )
    last = ordered[-1]
    return _open(readings, last, hour, kinds, lag=lag)


def _open(
    readings: list[Manifest], last: Manifest, hour: Window, kinds: Sequence[str], *, lag: timedelta
) -> Certificate:
    """Return a certificate that says why the hour is open, and what comes next."""
    holes = _holes(readings, hour, kinds)
    out_of_reach = [
        hole
        for hole in holes
        if any(hole.kind in m.capped and _reach(m, hole.kind) > hole.start for m in readings)
    ]
    if out_of_reach:
        hole = out_of_reach[0]
        detail = f"{hole}. {_OTHER_WAY}"
        return Certificate(WindowState.UNRECOVERABLE, StopReason.CAP_REACHED, detail)
    inner = [
        hole
        for hole in holes
        if any(hole.end <= _reach(m, hole.kind) for m in readings) and hole.start > hour.start
    ]
    if inner and last.retrieved_at < hour.end + lag:
        detail = f"{inner[0]}; closing the hour tries to read them"
        return Certificate(WindowState.GAP, last.stop_reason, detail)
    if last.stop_reason is StopReason.ERROR:
        return Certificate(WindowState.INCOMPLETE, StopReason.ERROR, last.stop_detail)
    if last.retrieved_at < hour.end + lag:
        detail = (
            f"last read at {last.retrieved_at.isoformat()} by the platform's clock;"
            f" the hour closes at {(hour.end + lag).isoformat()}"
        )
        return Certificate(WindowState.INCOMPLETE, last.stop_reason, detail)
    return Certificate(
        WindowState.INCOMPLETE,
        last.stop_reason,
        last.stop_detail or f"{len(holes)} spans of it were not read",
    )


def _reached_start(manifest: Manifest, hour: Window, kinds: Sequence[str]) -> bool:
    return all(kind in manifest.capped or _reach(manifest, kind) <= hour.start for kind in kinds)


@dataclass(frozen=True)
class _Hole:
    kind: str
    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"no {self.kind}s from {self.start.isoformat()} to {self.end.isoformat()}"


def _holes(readings: Iterable[Manifest], hour: Window, kinds: Sequence[str]) -> list[_Hole]:
    """Return the spans of the hour, kind by kind, that no reading covers."""
    readings = list(readings)
    holes = []
    for kind in kinds:
        spans = sorted(m.covered[kind] for m in readings if m.covered and kind in m.covered)
        reached = hour.start
        for span in spans:
            if span.start > reached and reached < hour.end:
                holes.append(_Hole(kind, reached, min(span.start, hour.end)))
            reached = max(reached, span.end)
        if reached < hour.end:
            holes.append(_Hole(kind, reached, hour.end))
    return holes


def _reach(manifest: Manifest, kind: str) -> datetime:
    """Return the earliest time that a reading of this kind reached."""
    span: CoveredSpan | None = (manifest.covered or {}).get(kind)
    return span.start if span else manifest.retrieved_at
