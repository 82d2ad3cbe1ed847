"""Commands of other programs, whose output goes to standard error."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from market_opinion.core.errors import InvalidRequest

REPOSITORY = Path(__file__).parent.parent.parent


def call(*command: str, text: str = "", variables: Mapping[str, str] | None = None) -> None:
    """Run a command in the checkout, with `text` as its input; raise InvalidRequest if it fails."""
    status = subprocess.run(  # noqa: S603, the arguments are ours
        command,
        cwd=REPOSITORY,
        env={**os.environ, **(variables or {})},
        input=text,
        text=True,
        stdout=sys.stderr,
        check=False,
    ).returncode
    if status:
        message = f"`{shlex.join(command)}` ended with {status}: see its output above"
        raise InvalidRequest(message)
