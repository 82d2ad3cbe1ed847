"""One step of a history in a process of its own: `python -m benchmarks.histories.killed_run JSON`.

The process kills itself at the given moment, or prints the number of moments that it counted.
"""

import json
import sys
from pathlib import Path

from benchmarks.histories.platform_run import NOW, Step, settings
from benchmarks.histories.stops import kill, stops
from benchmarks.plain_flows import environment, plain_flows


def main() -> None:
    """Run the step that the first argument describes."""
    order = json.loads(sys.argv[1])
    with (
        environment(settings(Path(order["folder"]))),
        plain_flows(NOW, with_report=False),
        stops(kill) as counter,
    ):
        counter.arm(order["at"])
        Step(**order["step"]).run()
        print(counter.count)


if __name__ == "__main__":
    main()
