"""What a person sees while a run goes on: a bar over windows and stages, and the sums of what the stages counted."""

import time
from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from market_opinion.core.window import Slice


class Tally:
    """Counts of all stages of a run, added up as they are done; drawn where a person looks on."""

    def __init__(self) -> None:
        """Begin with nothing to do."""
        columns = (
            TextColumn("{task.description:<44}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        console = Console(stderr=True)
        self._progress = Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        )
        self._bar = self._progress.add_task("reading the source", total=None)
        self._started_seconds = time.monotonic()
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        self._progress.stop()

    def expect(self, steps: int) -> None:
        """So many more steps are known to come."""
        task = self._progress.tasks[0]
        self._progress.update(self._bar, total=(task.total or 0) + steps)

    def done(self, stage: str, span: Slice, counts: dict[str, int]) -> None:
        """One stage of one slice is done."""
        self.counts.update(counts)
        self._progress.update(self._bar, advance=1, description=f"{stage} {span.window}")

    def add(self, counts: dict[str, int]) -> None:
        """Add counts that belong to no stage of a slice."""
        self.counts.update(counts)

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the tally began."""
        return time.monotonic() - self._started_seconds
