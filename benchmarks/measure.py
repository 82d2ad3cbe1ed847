"""How measures are printed: `name value unit target holds|short`."""

import resource
import sys
from pathlib import Path

_SHORT: list[str] = []


def report(
    name: str,
    value: float,
    unit: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> None:
    """Print one measure; without a bound it always holds."""
    holds = (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
    target = at_least if at_least is not None else at_most
    print(
        f"{name} {value:.3g} {unit} {'-' if target is None else format(target, 'g')} {'holds' if holds else 'short'}",
        flush=True,
    )
    if not holds:
        _SHORT.append(name)


def finish() -> None:
    """End the process: with 1 where a measure fell short."""
    sys.exit(1 if _SHORT else 0)


def peak_mb() -> float:
    """Most memory this process ever held; `ru_maxrss` would remember that of the process it was forked from."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
