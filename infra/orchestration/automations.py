"""What Prefect does by itself when runs do not go as they should."""

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
_TEXT = "{{ flow.name }}/{{ flow_run.name }}: {{ flow_run.state.name }}. {{ flow_run.state.message or '' }} {{ flow_run|ui_url }}"


def automations(
    webhook: UUID | None,
    *,
    silence: timedelta = timedelta(minutes=4),
    stuck: timedelta = timedelta(minutes=15),
) -> Iterator[AutomationCore]:
    """All of them; those that tell somebody need a webhook's block.

    A run whose container was killed says nothing of it, so one that is silent for four heartbeats is crashed: what waits
    for its place in a concurrency limit goes on, and the next run of it takes the same windows again.
    """
    yield AutomationCore(
        name="market-opinion: silent runs are crashed",
        description="a run without a sign of life for four minutes is marked as crashed",
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
                message="No sign of life: its process or container is gone.",
            )
        ],
    )
    if webhook is None:
        return
    notices = {
        "failed": (
            "a run that fails or crashes is told",
            EventTrigger(
                posture=Posture.Reactive,
                match=_RUNS,
                expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed"},
                threshold=1,
            ),
        ),
        "late": (
            "a run that no worker takes up is told",
            EventTrigger(
                posture=Posture.Reactive, match=_RUNS, expect={"prefect.flow-run.Late"}, threshold=1
            ),
        ),
        "stuck": (
            "a run that was taken up and does not begin is told",
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
    for name, (description, trigger) in notices.items():
        notice = SendNotification(
            block_document_id=webhook, subject=f"market opinion: run {name}", body=_TEXT
        )
        yield AutomationCore(
            name=f"market-opinion: {name} runs",
            description=description,
            trigger=trigger,
            actions=[notice],
        )
