"""Plan of a deployment: its steps, those that are done, and the way through the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infra import terraform
from infra.deployment.record import DoneStep, Record, has_resources, read_record
from infra.deployment.steps import Step, all_steps
from infra.terraform import BOOTSTRAP, Environment
from market_opinion.core.errors import InvalidRequest, MarketOpinionError, SettingsInvalid


@dataclass(frozen=True)
class Plan:
    """The steps of a deployment, and those of them that are done."""

    place: Environment
    record: Record
    steps: Sequence[Step]
    done: frozenset[str]


def make_plan(place: Environment, *, tag: str, source: str | None, again: bool = False) -> Plan:
    """Return the plan of a deployment; `again` makes every step once more.

    The source that was said before counts where none is given.
    """
    record = read_record(place)
    record.source = source or record.source
    steps = all_steps(place, tag=tag, source=record.source)
    done = frozenset() if again else frozenset(step.name for step in steps if step.is_done(record))
    return Plan(place, record, steps, done)


def carry_out(plan: Plan) -> Iterator[str]:
    """Make the steps that are not done, in order; yield the name of each before it is made.

    A step is recorded as soon as it is made. Raises InvalidRequest for the first that fails, and
    the next deployment goes on there.
    """
    for step in plan.steps:
        if step.name in plan.done:
            continue
        yield step.name
        try:
            step.make()
        except MarketOpinionError as error:
            message = (
                f"step {step.name} failed: {error}. The same command goes on here; what is done is"
                " not done again"
            )
            raise InvalidRequest(message) from error
        if mark := step.mark():
            plan.record.steps[step.name] = DoneStep(step.inputs, mark)
            plan.record.save()


def stages_to_destroy(place: Environment) -> list[str]:
    """Return the stages that have resources, last first; the bootstrap stays.

    Raises SettingsInvalid while the environment's file protects what holds data.
    """
    if place.values.get("protect", "true") != "false":
        message = (
            f"{place.variables.name} protects what holds data: set `protect = false` there, deploy"
            " it, and destroy then"
        )
        raise SettingsInvalid(message)
    return [stage for stage in reversed(terraform.stages()) if has_resources(place, stage)]


def destroy(place: Environment, stages: Sequence[str]) -> Iterator[str]:
    """Destroy the stages in this order; yield the name of each before it goes."""
    record = read_record(place)
    for stage in stages:
        yield stage
        terraform.initialise(stage, place)
        terraform.destroy(stage, place)
        record.steps.pop(stage, None)
        record.save()
    # What other steps made lies in the stages, or is of use with them alone.
    record.steps = {name: done for name, done in record.steps.items() if name == BOOTSTRAP}
    record.save()
