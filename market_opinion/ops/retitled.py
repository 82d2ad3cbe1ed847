"""Hours whose comments were read with another title than their thread's: to be made anew.

A to-do is written before the first of its stages runs, one for each domain that was carried through
the hours, so that any later run finishes what was cut off. A run that cleans such an hour for a
reason of its own leaves one to the other domains.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from market_opinion.core.contracts import SILVER_MENTIONS
from market_opinion.core.window import Slice, Window
from market_opinion.domain.definition import domain_names
from market_opinion.ops.run import Run

_TOPIC = "retitled"
_CARRIED = "domains"
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Retitled:
    """A slice to be cleaned and judged anew by a run of one domain, with the name of its to-do."""

    name: str
    run: Run
    span: Slice


def remember_domain(run: Run, span: Slice) -> None:
    """Remember, by whole days, that the run's domain was carried through the slice."""
    state = run.adapters.state()
    known, notes = state.notes(_CARRIED), dict[str, Any]()
    first = span.window.start.replace(hour=0)
    last = (span.window.end - timedelta(hours=1)).replace(hour=0) + _DAY
    for community in span.communities:
        name = f"{span.platform}/{community}/{run.domain}"
        start, end = map(datetime.fromisoformat, known.get(name, (first.isoformat(),) * 2))
        if name not in known or first < start or last > end:
            notes[name] = [min(start, first).isoformat(), max(end, last).isoformat()]
    if notes:
        state.put_notes(_CARRIED, notes)


def write(run: Run, slices: Iterable[Slice], *, of_others: bool = False) -> None:
    """Write a to-do for each slice and each domain that was carried through it.

    `of_others` leaves out the domain of the run, which is at the slice.
    """
    notes = {}
    for span in slices:
        place = hashlib.sha256("+".join(span.communities).encode()).hexdigest()[:12]
        own = {run.domain}
        carried = _domains(run, span)
        for domain in sorted(carried - own if of_others else carried | own):
            notes[f"{domain} {span.platform} {span.window} {place}"] = {
                "domain": domain,
                "platform": span.platform,
                "communities": list(span.communities),
                "window": [span.window.start.isoformat(), span.window.end.isoformat()],
            }
    if notes:
        run.adapters.state().put_notes(_TOPIC, notes)


def find(run: Run) -> Iterator[Retitled]:
    """Yield every open to-do; one of a domain that is gone waits for it to come back."""
    known = set(domain_names(run.settings.domains_path))
    for name, note in run.adapters.state().notes(_TOPIC).items():
        if note["domain"] in known:
            start, end = map(datetime.fromisoformat, note["window"])
            span = Slice(note["platform"], tuple(note["communities"]), Window(start, end))
            yield Retitled(name, replace(run, domain=note["domain"]), span)


def close(run: Run, retitled: Iterable[Retitled]) -> None:
    """Tick these to-dos off."""
    run.adapters.state().drop_notes(_TOPIC, [each.name for each in retitled])


def _domains(run: Run, span: Slice) -> set[str]:
    """Return the domains that were carried through the slice.

    Those of before version 0.4 show by their mentions alone.
    """
    rows = run.adapters.lake().read(SILVER_MENTIONS, span.where, span.window, columns=["domain"])
    carried = set(rows["domain"])
    for name, ends in run.adapters.state().notes(_CARRIED).items():
        platform, community, domain = name.split("/")
        start, end = map(datetime.fromisoformat, ends)
        is_here = platform == span.platform and community in span.communities
        if is_here and start < span.window.end and span.window.start < end:
            carried.add(domain)
    return carried
