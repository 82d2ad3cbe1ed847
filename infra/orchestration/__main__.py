"""Command that prepares a Prefect server: `python -m infra.orchestration local|ecs`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import cyclopts
import httpx
from rich.markup import escape

from infra import orchestration
from market_opinion.core.console import run, say
from market_opinion.core.errors import InvalidRequest, SettingsInvalid
from market_opinion.core.settings import load_settings

# A path, or - for standard input.
OutputFile = Annotated[Path, cyclopts.Parameter(allow_leading_hyphen=True)]
app = cyclopts.App(
    name="python -m infra.orchestration",
    help="Prepare a Prefect server for `prefect deploy --all`.",
    version_flags=(),
)


@app.command
def local(*, source: str | None = None, pool: str = "local") -> None:
    """Run flows as processes, on the machine of `prefect worker start --pool local`.

    Args:
        source: What the deployment `hourly` reads; needed the first time, and kept after. `sample`
            is for a look: its hours are in the past, so it has nothing new to read.
        pool: Name of the work pool.
    """
    _show(orchestration.apply_local(load_settings(), pool=pool, source=source))


@app.command
def ecs(outputs: OutputFile, *, image: str, source: str | None = None) -> None:
    """Run flows as containers on ECS.

    Args:
        source: What the deployment `hourly` reads; needed the first time, and kept after.
        outputs: File with the output of `python -m infra.terraform output ENVIRONMENT 30_compute`,
            or - for standard input.
        image: Image with its tag, for example
            123456789012.dkr.ecr.eu-central-1.amazonaws.com/tf-prod-opinions-ecr-image:3f2c1ab.
    """
    if ":" not in image.rpartition("/")[2] and "@" not in image:
        message = f"--image {image} has no tag: add the tag of the image that was pushed"
        raise InvalidRequest(message)
    text = sys.stdin.read() if str(outputs) == "-" else outputs.read_text(encoding="utf-8")
    run = orchestration.read_run(text)
    _show(orchestration.apply_ecs(load_settings(), run, image=image, source=source))


def _show(lines: Iterator[str]) -> None:
    try:
        for line in lines:
            say(escape(line))
    except httpx.TransportError as error:
        message = (
            f"no Prefect server answers ({error}):"
            " set PREFECT_API_URL, for example to http://127.0.0.1:4200/api"
        )
        raise SettingsInvalid(message) from error


if __name__ == "__main__":
    run(app)
