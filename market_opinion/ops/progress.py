"""Progress of a run: a bar for the person who watches, and the sums of the stages' counts."""

import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from market_opinion.core.console import say
from market_opinion.core.window import Slice
from market_opinion.ops.counts import as_dict
from market_opinion.ops.orchestrator import RunProgress

# Seconds between two lines where there is no terminal.
_LINE_SECONDS = 30
# A stage's dataclass of counts, or counts by name.
Counts = Any


def progress_bar() -> Progress:
    """Return a bar on the terminal, which is gone when the work is done; none on another output."""
    columns = (
        TextColumn("{task.description:<44}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


class Tally:
    """The counts of all stages: a bar shows them on a terminal, a line now and then elsewhere.

    A run of more than one slice shows its progress on Prefect's page of it as well.
    """

    def __init__(self) -> None:
        """Begin with no steps and no counts."""
        self._progress = progress_bar()
        self._bar = self._progress.add_task("reading the source", total=None)
        self._start_seconds = self._told_at_seconds = time.monotonic()
        self._on_page = RunProgress()
        self.counts: Counter[str] = Counter()
        self.slices: dict[Slice, None] = {}  # in their order, each once

    def __enter__(self) -> Self:
        """Show the bar."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the bar."""
        self._progress.stop()
        if error is None:
            self._on_page.end(self.so_far())

    def expect(self, steps: int) -> None:
        """Add steps to the ones that are still to come."""
        task = self._progress.tasks[0]
        self._progress.update(self._bar, total=(task.total or 0) + steps)

    def done(self, stage: str, span: Slice, counts: Counts) -> None:
        """Add the counts of one stage of one slice, and move the bar on."""
        self.add(counts)
        self.slices[span] = None
        self._progress.update(self._bar, advance=1, description=f"{stage} {span.window}")
        if self._progress.disable and time.monotonic() - self._told_at_seconds >= _LINE_SECONDS:
            self._told_at_seconds = time.monotonic()
            say(f"{stage} {span.window}: {self.so_far()}")
        if len(self.slices) > 1:
            task = self._progress.tasks[0]
            ratio = min(1.0, task.completed / (task.total or task.completed))
            self._on_page.show(ratio, f"{stage} {span.window}: {self.so_far()}")

    def so_far(self) -> str:
        """Return the steps that are done, the items they brought by second, and the time left.

        More steps may be expected later, so the time is that of the steps known by now.
        """
        task, seconds = self._progress.tasks[0], max(self.elapsed_seconds, 0.001)
        items = self.counts["item_count"]
        left = seconds / max(task.completed, 1) * ((task.total or 0) - task.completed)
        return (
            f"{task.completed:.0f} of {task.total or 0:.0f} steps, {items:,} items"
            f" ({items / seconds:,.0f} a second), about {left:,.0f} s left"
        )

    def add(self, counts: Counts) -> None:
        """Add counts that belong to no slice."""
        self.counts.update(counts if isinstance(counts, Mapping) else as_dict(counts))

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the tally began."""
        return time.monotonic() - self._start_seconds
