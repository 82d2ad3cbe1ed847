"""Parts of a campaign: spans of about so many items, and what each is judged from."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from market_opinion.core.window import Slice
from market_opinion.ops.run import Run
from market_opinion.ops.stage_ledger import landed_files
from market_opinion.scorers.judging import scorer_version
from market_opinion.stages.hours import cut
from market_opinion.storage.landing.manifest import Capture


class Part(NamedTuple):
    """A span to be judged, and the fingerprint of what it is judged from."""

    span: Slice
    fingerprint: str

    @property
    def name(self) -> str:
        """Its name in the state store: short, although the communities of a span are many."""
        communities = hashlib.sha256("+".join(self.span.communities).encode()).hexdigest()
        return f"{self.span.platform} {self.span.window} {communities[:12]}"


@dataclass(frozen=True)
class Campaign:
    """A domain and its scorer: a part is judged again once either has changed."""

    domain: str
    scorer: str

    @property
    def topic(self) -> str:
        """The topic of the state store that remembers judged parts."""
        return f"judged {self.domain}"

    def part(self, span: Slice, captures: Iterable[Capture]) -> Part:
        """Return the span as it is now: its landed files, the domain, and the scorer."""
        text = "\n".join([str(span), self.domain, self.scorer, *landed_files(captures)])
        return Part(span, hashlib.sha256(text.encode()).hexdigest())

    def parts(self, whole: Slice, captures: list[Capture], *, items: int) -> list[Part]:
        """Return a slice in parts of about so many items."""
        return [
            self.part(span, [c for c in captures if c.manifest.window_start in span.window])
            for span in cut(whole, captures, max_items=items)
        ]


def campaign_of(run: Run) -> Campaign:
    """Return the campaign of a run, with the versions of its domain and scorer."""
    domain = run.load_domain()
    return Campaign(run.domain, " ".join([domain.version, *scorer_version(domain, run.settings)]))


def unjudged(parts: Iterable[Part], judged: Mapping[str, Mapping[str, Any]]) -> list[Part]:
    """Return the parts that no run has judged as they are now."""
    return [
        part for part in parts if judged.get(part.name, {}).get("fingerprint") != part.fingerprint
    ]
