"""Command that builds, deploys and takes away: `python -m infra.deployment apply|destroy`."""

import sys
from typing import TYPE_CHECKING

import cyclopts
from rich.table import Table

from market_opinion.core.console import run, say, shown, table_console
from market_opinion.core.errors import InvalidRequest

if TYPE_CHECKING:
    from infra.deployment.plan import Plan

app = cyclopts.App(
    name="python -m infra.deployment",
    help="Deploy an environment as a whole, or take it away.",
    version_flags=(),
    default_parameter=cyclopts.Parameter(negative=()),
)


@app.command
def apply(
    environment: str,
    *,
    source: str | None = None,
    tag: str | None = None,
    yes: bool = False,
    again: bool = False,
) -> None:
    """Build the image and deploy an environment on AWS, from an empty account to the schedules.

    Shows the steps and what they will cost a month, and asks. A step that is done is skipped, and
    one that failed is tried again: repeat the command until it is through.

    Args:
        environment: Name of a file of infra/terraform/environments, such as prod.
        source: What the deployment `hourly` reads; needed the first time, and kept after.
        tag: Tag of the image; the commit where left out. One that is pushed is not built.
        yes: Deploy without asking.
        again: Make every step again, to repair what was changed by hand.
    """
    from infra import terraform
    from infra.deployment import checks, image
    from infra.deployment import plan as plans

    checks.check_machine()
    place = terraform.environment(environment)
    checks.check_account(place)
    tag = tag or image.tag_of_checkout()
    plan = plans.make_plan(place, tag=tag, source=source, again=again)
    checks.check_request(place, tag=tag, source=plan.record.source)
    _show(plan, tag)
    _confirm(environment, "deploy", yes=yes)
    for name in plans.carry_out(plan):
        say(f"[bold]{name}[/] …")
    say(
        f"{environment} is deployed. Next: activate the schedules in Prefect, or run"
        " `prefect deployment run backfill/backfill --watch` for the bundled sample in a container"
    )


@app.command
def destroy(environment: str, *, yes: bool = False) -> None:
    """Take an environment away, last stage first; stages that are gone are skipped.

    The state bucket and the roles of the bootstrap stay. Prefect keeps the deployments.

    Args:
        environment: Name of a file of infra/terraform/environments, such as dev.
        yes: Destroy without asking.
    """
    from infra import terraform
    from infra.deployment import checks
    from infra.deployment import plan as plans

    checks.check_machine()
    place = terraform.environment(environment)
    stages = plans.stages_to_destroy(place)
    if not stages:
        say(f"nothing of {environment} is left in account {place.account}")
        return
    say(f"account {place.account}, {place.region}: {', '.join(stages)}, and all data in them")
    _confirm(environment, "destroy", yes=yes)
    for stage in plans.destroy(place, stages):
        say(f"[bold]{stage}[/] …")
    say(
        f"{environment} is gone but for its bootstrap. In Prefect, delete the work pool and the"
        " deployments, or their schedules make runs that nobody picks up"
    )


def _show(plan: "Plan", tag: str) -> None:
    """Print the steps, which of them are done, and the costs a month."""
    from infra.deployment import costs

    place, console = plan.place, table_console()
    table = Table("step", "state", "USD a month", "for", box=None)
    parts = costs.monthly_costs(place)
    for step in plan.steps:
        own = [cost for cost in parts if cost.stage == step.name]
        table.add_row(
            step.name,
            "done" if step.name in plan.done else "to do",
            f"{costs.total_usd(own):.0f}" if own else "",
            "; ".join(cost.what for cost in own),
        )
    console.print(table, soft_wrap=True)
    console.print(
        shown(
            f"account {place.account}, {place.region}, image {tag}, source {plan.record.source}:"
            f" about {costs.total_usd(parts):.0f} USD a month by list prices, without stored data,"
            " the model, Snowflake and Prefect Cloud"
        ),
        highlight=False,
        soft_wrap=True,
    )


def _confirm(environment: str, verb: str, *, yes: bool) -> None:
    """Ask for the environment's name; exit with 1 for any other answer."""
    if yes:
        return
    if not sys.stdin.isatty():
        message = f"nobody is there to be asked: add --yes to {verb} {environment}"
        raise InvalidRequest(message)
    if input(f"Type {environment} to {verb} it: ") != environment:
        sys.exit(1)


if __name__ == "__main__":
    run(app)
