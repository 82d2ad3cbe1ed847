"""What a stage took and gave, as metrics of its own."""

import time

from market_opinion.core.settings import load_settings
from market_opinion.core.window import Slice
from market_opinion.ops import metrics
from market_opinion.ops.adapters import open_adapters


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        """Start."""
        self._began = time.monotonic()

    def put(self, stage: str, span: Slice, *, rows_in: int, rows_out: int) -> None:
        """Hand on what one stage made of one slice, and how long that took until now."""
        seconds = time.monotonic() - self._began
        told = metrics.of_stage(
            stage,
            span,
            rows_in=rows_in,
            rows_out=rows_out,
            seconds=seconds,
            environment=load_settings().environment,
        )
        open_adapters().metrics().put(told)
