"""Command for the AWS stages: `python -m infra.terraform bootstrap|plan|apply|destroy|output`."""

import sys
from typing import Annotated

import cyclopts
import msgspec

from infra import terraform
from market_opinion.core.console import run, say

Stages = Annotated[list[str], cyclopts.Parameter(name="--stages", consume_multiple=True)]
app = cyclopts.App(
    name="python -m infra.terraform",
    help="Manage the AWS account, stage by stage.",
    version_flags=(),
)


@app.command
def bootstrap(environment: str) -> None:
    """Create the bucket of the states and the roles of the workflows; once, as administrator."""
    terraform.bootstrap(terraform.environment(environment))


@app.command
def plan(environment: str, *, stages: Stages = [], strict: bool = False) -> None:  # noqa: B006, never changed
    """Show the changes of an apply.

    Args:
        environment: Name of a file of infra/terraform/environments, such as prod.
        stages: Only these stages, for example 10_storage 11_state.
        strict: Exit with status 2 if there are changes, to detect manual changes.
    """
    place = terraform.environment(environment)
    changes = []
    for stage in terraform.stages(chosen=stages):
        terraform.initialise(stage, place)
        if terraform.plan(stage, place):
            changes.append(stage)
    say(
        f"an apply would change {', '.join(changes)}"
        if changes
        else "an apply would change nothing"
    )
    if changes and strict:
        sys.exit(2)


@app.command
def apply(environment: str, *, stages: Stages = []) -> None:  # noqa: B006
    """Apply the stages in order, after the bootstrap; repeating it is safe."""
    place = terraform.environment(environment)
    for stage in terraform.stages(chosen=stages):
        terraform.initialise(stage, place)
        terraform.apply(stage, place)


@app.command
def destroy(environment: str, *, stages: Stages = [], yes: bool = False) -> None:  # noqa: B006
    """Destroy what the stages created, last stage first; `protect = true` keeps what holds data.

    Args:
        environment: Name of a file of infra/terraform/environments, such as prod.
        stages: Only these stages.
        yes: Destroy without asking for confirmation.
    """
    place = terraform.environment(environment)
    if not yes and input(f"Type {environment} to destroy it: ") != environment:
        sys.exit(1)
    for stage in reversed(terraform.stages(chosen=stages)):
        terraform.initialise(stage, place)
        terraform.destroy(stage, place)


@app.command
def output(environment: str, stage: str) -> None:
    """Print the outputs of a stage as JSON."""
    place = terraform.environment(environment)
    (stage,) = terraform.stages(chosen=[stage])
    terraform.initialise(stage, place)
    print(msgspec.json.format(msgspec.json.encode(terraform.outputs(stage))).decode())


if __name__ == "__main__":
    run(app)
