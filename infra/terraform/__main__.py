"""The stages of an environment: `python -m infra.terraform bootstrap|plan|apply|destroy|output prod`."""

import sys
from typing import Annotated

import cyclopts
import msgspec

from infra import terraform
from market_opinion.core.console import run, say

Stages = Annotated[list[str], cyclopts.Parameter(name="--stages", consume_multiple=True)]
app = cyclopts.App(
    name="python -m infra.terraform", help="The account on AWS, stage by stage.", version_flags=()
)


@app.command
def bootstrap(environment: str) -> None:
    """Make the bucket of the states, and the roles of the workflows; once, by a person who may do everything."""
    terraform.bootstrap(terraform.environment(environment))


@app.command
def plan(environment: str, *, stages: Stages = [], strict: bool = False) -> None:  # noqa: B006, it is never changed
    """Show what an apply would change.

    Args:
        environment: A file of infra/terraform/environments.
        stages: Only these, as 10_storage 11_state.
        strict: End with 2 if anything would change, to find what was changed by hand.
    """
    place = terraform.environment(environment)
    changed = []
    for stage in terraform.stages(chosen=stages):
        terraform.initialise(stage, place)
        if terraform.plan(stage, place):
            changed.append(stage)
    say(
        f"an apply would change {', '.join(changed)}"
        if changed
        else "an apply would change nothing"
    )
    if changed and strict:
        sys.exit(2)


@app.command
def apply(environment: str, *, stages: Stages = []) -> None:  # noqa: B006
    """Make the account what the stages say, in their order, after the bootstrap; may be run again."""
    place = terraform.environment(environment)
    for stage in terraform.stages(chosen=stages):
        terraform.initialise(stage, place)
        terraform.apply(stage, place)


@app.command
def destroy(environment: str, *, stages: Stages = [], yes: bool = False) -> None:  # noqa: B006
    """Take away what the stages made, last first; an environment with protect = true keeps what holds data.

    Args:
        environment: A file of infra/terraform/environments.
        stages: Only these.
        yes: Do it without asking.
    """
    place = terraform.environment(environment)
    if not yes and input(f"Type {environment} to destroy it: ") != environment:
        sys.exit(1)
    for stage in reversed(terraform.stages(chosen=stages)):
        terraform.initialise(stage, place)
        terraform.destroy(stage, place)


@app.command
def output(environment: str, stage: str) -> None:
    """Print what a stage gave out, as JSON."""
    place = terraform.environment(environment)
    (stage,) = terraform.stages(chosen=[stage])
    terraform.initialise(stage, place)
    print(msgspec.json.format(msgspec.json.encode(terraform.outputs(stage))).decode())


if __name__ == "__main__":
    run(app)
