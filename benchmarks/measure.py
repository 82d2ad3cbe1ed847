"""Printing of measures, as lines `name value unit target holds|short`."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

_SHORT: list[str] = []


def report(
    name: str,
    value: float,
    unit: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> None:
    """Print one measure; a measure without a bound always holds."""
    holds = (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
    target = at_least if at_least is not None else at_most
    bound, verdict = "-" if target is None else format(target, "g"), "holds" if holds else "short"
    print(f"{name} {value:.3g} {unit} {bound} {verdict}", flush=True)
    if not holds:
        _SHORT.append(name)


def finish() -> None:
    """Exit with status 1 if a measure missed its target, else 0."""
    sys.exit(1 if _SHORT else 0)


def peak_mb() -> float:
    """Return the peak memory of this process.

    `ru_maxrss` may be the peak of the parent that forked this process, so /proc comes first.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured_by(*command: str, **environment: str) -> dict[str, Any]:
    """Return the JSON that a module prints last, in a process of its own.

    `command` is the module and its arguments, `environment` what it sees beside ours.
    """
    output = subprocess.run(
        [sys.executable, "-m", *command],
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    result: dict[str, Any] = json.loads(output.splitlines()[-1])
    return result
