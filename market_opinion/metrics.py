"""Figures of a run for dashboards and alarms, under the names operators know: one JSON object a line, in a file."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from market_opinion.state import WindowEntry


class Metric(NamedTuple):
    """One value of a named quantity, of when and of what."""

    name: str
    value: float
    unit: str
    at: datetime
    dimensions: dict[str, str]


def of_windows(entries: Iterable[WindowEntry], *, environment: str) -> Iterator[Metric]:
    """What came in each hour."""
    for entry in entries:
        dimensions = {"Environment": environment, "Subreddit": entry.community}
        values = {
            "NewSubmissions": entry.counts.get("submission_count", 0),
            "NewComments": entry.counts.get("comment_count", 0),
            "LateItems": entry.counts.get("late_item_count", 0),
        }
        for name, value in values.items():
            yield Metric(name, value, "Count", entry.window_start, dimensions)


class MetricsFile:
    """Appends metrics to a file that any collector can tail."""

    def __init__(self, path: Path, *, namespace: str) -> None:
        """Write below this namespace."""
        self._path = path
        self._namespace = namespace

    def put(self, metrics: Iterable[Metric]) -> None:
        """Append them in one write."""
        recorded_at = datetime.now(UTC)
        lines = [msgspec.json.encode({"namespace": self._namespace, "recorded_at": recorded_at, **m._asdict()}) + b"\n" for m in metrics]
        if lines:
            with self._path.open("ab") as file:
                file.write(b"".join(lines))
