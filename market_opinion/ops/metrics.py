"""Metrics of a run for dashboards and alarms.

They go to a file, to the log for CloudWatch, or to CloudWatch itself.
"""

import itertools
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec

from market_opinion.core import aws
from market_opinion.core.window import Slice
from market_opinion.storage.state import RequestUsage, RunRecord, WindowEntry

# CloudWatch takes so many data points a request, none older than two weeks (PutMetricData).
_DATA_A_REQUEST, _OLDEST = 1000, timedelta(days=14)


class Metric(NamedTuple):
    """One value of a named quantity, with its time and its dimensions."""

    name: str
    value: float
    unit: str
    at: datetime
    dimensions: dict[str, str]


def of_windows(entries: Iterable[WindowEntry], *, environment: str) -> Iterator[Metric]:
    """Yield how many items each hour of the ledger has."""
    for entry in entries:
        place = place_of(entry.platform, entry.community)
        dimensions = {"Environment": environment, **place}
        values: dict[str, float] = {
            "NewSubmissions": entry.counts.get("submission_count", 0),
            "NewComments": entry.counts.get("comment_count", 0),
            **({} if "Subreddit" in place else {"NewReviews": entry.counts.get("review_count", 0)}),
            "LateItems": entry.counts.get("late_item_count", 0),
        }
        for name, value in values.items():
            yield Metric(name, value, "Count", entry.window_start, dimensions)


def place_of(platform: str, community: str) -> dict[str, str]:
    """Return the dimensions that name a community.

    Dashboards of Reddit know `Subreddit`; another platform may have a community of the same name.
    """
    if platform in {"reddit", "sample"}:
        return {"Subreddit": community}
    return {"Platform": platform, "Community": community}


def of_runs(records: Iterable[RunRecord], *, environment: str) -> Iterator[Metric]:
    """Yield how long each hour's oldest items took from their writing to the mart."""
    for record in records:
        entry = record.entry
        dimensions = {"Environment": environment, **place_of(entry.platform, entry.community)}
        seconds = (record.ingested_at - entry.window_start).total_seconds()
        yield Metric("CreationToMartSeconds", seconds, "Seconds", record.ingested_at, dimensions)


def of_requests(usage: RequestUsage, *, environment: str) -> Iterator[Metric]:
    """Yield the requests of one reading, and what its platform says is left.

    By platform alone: CloudWatch bills each metric, and the state keeps them by community.
    """
    dimensions = {"Environment": environment, "Platform": usage.platform}
    at = datetime.now(UTC)
    yield Metric("Requests", usage.request_count, "Count", at, dimensions)
    if usage.left_count is not None:
        yield Metric("RequestsRemaining", usage.left_count, "Count", at, dimensions)


def of_stage(
    stage: str, span: Slice, *, rows_in: int, rows_out: int, seconds: float, environment: str
) -> Iterator[Metric]:
    """Yield the rows a stage read and wrote for one slice, and the seconds it took."""
    dimensions = {"Environment": environment, "Platform": span.platform, "Stage": stage}
    at = datetime.now(UTC)
    yield Metric("StageRowsIn", rows_in, "Count", at, dimensions)
    yield Metric("StageRowsOut", rows_out, "Count", at, dimensions)
    yield Metric("StageSeconds", seconds, "Seconds", at, dimensions)


class MetricsSink(Protocol):
    """A place that metrics go to."""

    def put(self, metrics: Iterable[Metric]) -> None:
        """Hand the metrics on."""
        ...


class Stopwatch:
    """The time one stage takes for one slice; it runs from when it is made."""

    def __init__(self, sink: MetricsSink, *, environment: str) -> None:
        """Start."""
        self._sink = sink
        self._environment = environment
        self._start_seconds = time.monotonic()

    def put(self, stage: str, span: Slice, *, rows_in: int, rows_out: int) -> None:
        """Hand on the rows that the stage read and wrote, and the seconds until now."""
        self._sink.put(
            of_stage(
                stage,
                span,
                rows_in=rows_in,
                rows_out=rows_out,
                seconds=time.monotonic() - self._start_seconds,
                environment=self._environment,
            )
        )


class MetricsFile:
    """Appends metrics to a file that any collector can tail."""

    def __init__(self, path: Path, *, namespace: str) -> None:
        """Write below this namespace."""
        self._path = path
        self._namespace = namespace

    def put(self, metrics: Iterable[Metric]) -> None:
        """Append the metrics in one write."""
        recorded_at = datetime.now(UTC)
        lines = [
            msgspec.json.encode(
                {"namespace": self._namespace, "recorded_at": recorded_at, **m._asdict()}
            )
            + b"\n"
            for m in metrics
        ]
        if lines:
            with self._path.open("ab") as file:
                file.write(b"".join(lines))


class EmbeddedMetrics:
    """Prints lines in the embedded metric format, which CloudWatch reads from a log."""

    def __init__(self, *, namespace: str) -> None:
        """Print below this namespace."""
        self._namespace = namespace

    def put(self, metrics: Iterable[Metric]) -> None:
        """Print metrics of one time and the same dimensions as one line."""
        for at, dimensions, group in _grouped(metrics):
            directive = {
                "Namespace": self._namespace,
                "Dimensions": [list(dimensions)],
                "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in group],
            }
            line = {
                "_aws": {"Timestamp": int(at.timestamp() * 1000), "CloudWatchMetrics": [directive]},
                **dimensions,
                **{metric.name: metric.value for metric in group},
            }
            sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
        sys.stdout.flush()


class CloudWatchMetrics:
    """Puts metrics through CloudWatch's API, for machines whose log nobody reads."""

    def __init__(self, *, namespace: str) -> None:
        """Put below this namespace."""
        self._namespace = namespace

    def put(self, metrics: Iterable[Metric]) -> None:
        """Put the metrics; older ones than CloudWatch accepts are left out."""
        client, oldest = aws.client("cloudwatch"), datetime.now(UTC) - _OLDEST
        data = [_datum(metric) for metric in metrics if metric.at >= oldest]
        for start in range(0, len(data), _DATA_A_REQUEST):
            client.put_metric_data(
                Namespace=self._namespace, MetricData=data[start : start + _DATA_A_REQUEST]
            )


def _grouped(metrics: Iterable[Metric]) -> Iterator[tuple[datetime, dict[str, str], list[Metric]]]:
    ordered = sorted(metrics, key=lambda metric: (metric.at, sorted(metric.dimensions.items())))
    for (at, dimensions), group in itertools.groupby(
        ordered, key=lambda metric: (metric.at, metric.dimensions)
    ):
        yield at, dimensions, list(group)


def _datum(metric: Metric) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions.items()]
    return {
        "MetricName": metric.name,
        "Value": metric.value,
        "Unit": metric.unit,
        "Timestamp": metric.at,
        "Dimensions": dimensions,
    }
