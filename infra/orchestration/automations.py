"""Automations of the Prefect server for runs that crash, fail, come late or hang."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from prefect.automations import AutomationCore
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture

_RUNS = {"prefect.resource.id": "prefect.flow-run.*"}
_ENDED = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Crashed", "Cancelled")}
_HEARTBEAT = "prefect.flow-run.heartbeat"
_TEXT = (
    "{{ flow.name }}/{{ flow_run.name }}: {{ flow_run.state.name }}."
    " {{ flow_run.state.message or '' }} {{ flow_run|ui_url }}"
)


def automations(
    webhook: UUID | None,
    *,
    silence: timedelta = timedelta(minutes=4),
    stuck: timedelta = timedelta(minutes=15),
) -> Iterator[AutomationCore]:
    """Yield all automations; those that send a notice need the webhook's block.

    A killed container reports nothing, so a run without a heartbeat for `silence` is marked as
    crashed. That frees its place in a concurrency limit, and the next run takes its windows again.
    """
    yield AutomationCore(
        name="market-opinion: silent runs are crashed",
        description="marks a run without a heartbeat for four minutes as crashed",
        trigger=EventTrigger(
            posture=Posture.Proactive,
            match=_RUNS,
            after={_HEARTBEAT},
            expect={_HEARTBEAT, *_ENDED},
            for_each={"prefect.resource.id"},
            threshold=1,
            within=silence,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                name="Crashed",
                message="No heartbeat: its process or container is gone.",
            )
        ],
    )
    if webhook is None:
        return
    for name, (description, trigger) in _notices(stuck).items():
        notice = SendNotification(
            block_document_id=webhook, subject=f"market opinion: run {name}", body=_TEXT
        )
        yield AutomationCore(
            name=f"market-opinion: {name} runs",
            description=description,
            trigger=trigger,
            actions=[notice],
        )


def _notices(stuck: timedelta) -> dict[str, tuple[str, EventTrigger]]:
    """Return description and trigger of each notice, by the word for its runs."""
    return {
        "failed": (
            "sends a notice of a run that fails or crashes",
            EventTrigger(
                posture=Posture.Reactive,
                match=_RUNS,
                expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed"},
                threshold=1,
            ),
        ),
        "late": (
            "sends a notice of a run that no worker picks up",
            EventTrigger(
                posture=Posture.Reactive, match=_RUNS, expect={"prefect.flow-run.Late"}, threshold=1
            ),
        ),
        "stuck": (
            "sends a notice of a run that a worker picked up but that does not start",
            EventTrigger(
                posture=Posture.Proactive,
                match=_RUNS,
                after={"prefect.flow-run.Pending"},
                expect={"prefect.flow-run.Running", *_ENDED},
                for_each={"prefect.resource.id"},
                threshold=1,
                within=stuck,
            ),
        ),
    }
