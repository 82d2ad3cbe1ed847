"""Set-up of a Prefect server before `prefect deploy --all`: work pool, variables, automations.

Each object is found by its name and updated, so a set-up may be repeated, for example with
another image or pool.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from prefect import get_client
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import (
    GlobalConcurrencyLimitCreate,
    VariableCreate,
    VariableUpdate,
    WorkPoolCreate,
)
from prefect.exceptions import ObjectNotFound
from prefect.types import SecretDict
from prefect.workers.process import ProcessWorker
from pydantic import SecretStr

from infra.orchestration.automations import automations
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import Settings
from market_opinion.ops.orchestrator import VARIABLE_PREFIX
from market_opinion.sources import catalogue

_REPOSITORY = Path(__file__).parent.parent.parent
_CODE_IN_IMAGE = "/app"
_WEBHOOK = "market-opinion-alerts"
# An automation marks a run without heartbeats as crashed, see automations.py.
_HEARTBEAT_SECONDS = "60"


class Secret(msgspec.Struct, frozen=True, rename="camel"):
    """A variable of a container, and the ARN of the secret that its value comes from."""

    name: str
    value_from: str


class Family(msgspec.Struct, frozen=True):
    """Flows with the same rights: role of their code, role that starts them, their secrets."""

    role: str
    start: str
    secrets: list[Secret]


class Run(msgspec.Struct, frozen=True):
    """Parameters of a flow run's container on ECS: output `run` of Terraform's stage 30_compute."""

    region: str
    cluster: str
    vpc_id: str
    subnet_ids: list[str]
    security_group_id: str
    execution_role_arn: str
    families: dict[str, Family]
    log_group: str
    repository: str
    family_prefix: str
    work_pool: str
    environment: dict[str, str]
    api_key: str | None = None


def read_run(text: str) -> Run:
    """Parse the output that Terraform prints; raise InvalidRequest for any other text."""
    try:
        return msgspec.convert(msgspec.json.decode(text)["run"], Run)
    except (msgspec.MsgspecError, KeyError, TypeError) as error:
        message = (
            f"OUTPUTS is not the output of stage 30_compute ({error}):"
            " print it with `python -m infra.terraform output ENVIRONMENT 30_compute`"
        )
        raise InvalidRequest(message) from error


def apply_local(settings: Settings, *, pool: str, source: str | None) -> Iterator[str]:
    """Set up runs as processes on the worker's machine, with code of this folder and home of here.

    `source` is what `hourly` reads; None keeps the one that was said before. Yields one line per
    object that it has set. Raises InvalidRequest, before it sets any, where none was said.
    """
    with get_client(sync_client=True) as client:
        yield from _put_source(client, source)
        home = str(settings.home.resolve())
        local = WorkPoolCreate(
            name=pool,
            type="process",
            description=f"Processes on the worker's machine; results are in {home}.",
            base_job_template=local_template(home),
        )
        client.create_work_pool(local, overwrite=True)
        yield f"work pool {pool}: {local.description}"
        yield from _put_variables(client, {"pool": pool, "code_path": str(_REPOSITORY)})
        yield from _put_rest(client, settings)


def apply_ecs(settings: Settings, run: Run, *, image: str, source: str | None) -> Iterator[str]:
    """Set up runs as containers of the image on ECS, each with what its deployment's family may.

    Source and errors are those of `apply_local`.
    """
    with get_client(sync_client=True) as client:
        yield from _put_source(client, source)
        client.create_work_pool(
            WorkPoolCreate(name=run.work_pool, type="ecs", base_job_template=job_template(run)),
            overwrite=True,
        )
        yield f"work pool {run.work_pool}: containers in {run.cluster}"
        yield from _put_variables(
            client,
            {
                "pool": run.work_pool,
                "code_path": _CODE_IN_IMAGE,
                "image": image,
                "family": f"{run.family_prefix}-task",
                **_variables_of_families(run.families),
            },
        )
        yield from _put_rest(client, settings)


def local_template(home: str) -> dict[str, Any]:
    """Return the process worker's own job template, with the home folder in the environment.

    It wins over the shell of the worker, so results do not depend on who started it.
    """
    template = ProcessWorker.get_default_base_job_template()
    template["variables"]["properties"]["env"]["default"] = {"MARKET_OPINION_HOME": home}
    return template


def job_template(run: Run) -> dict[str, Any]:
    """Return the ECS worker's own job template with this account's network and logs.

    A deployment says its roles and its secrets, which stand in it by ARN, never by value; without,
    a container starts with the key of Prefect's API alone.
    """
    from prefect_aws.workers.ecs_worker import ECSWorker  # takes seconds to import

    template = ECSWorker.get_default_base_job_template()
    defaults = {
        "cluster": run.cluster,
        "vpc_id": run.vpc_id,
        "launch_type": "FARGATE",
        "container_name": "prefect",
        "execution_role_arn": run.execution_role_arn,
        "network_configuration": {
            "subnets": run.subnet_ids,
            "securityGroups": [run.security_group_id],
            "assignPublicIp": "ENABLED",
        },
        "configure_cloudwatch_logs": True,
        # Terraform creates the group; containers may not create one.
        "cloudwatch_logs_options": {
            "awslogs-group": run.log_group,
            "awslogs-create-group": "false",
            "awslogs-region": run.region,
        },
        "cloudwatch_logs_prefix": "run",
        "match_latest_revision_in_family": True,
        "env": {**run.environment, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": _HEARTBEAT_SECONDS},
    }
    if run.api_key:
        defaults["prefect_api_key_secret_arn"] = run.api_key
    properties = template["variables"]["properties"]
    properties["secrets"] = {
        "title": "Secrets",
        "description": "Variables of the container by the ARN of the secret with their value.",
        "type": "array",
        "items": {"type": "object"},
        "default": [],
    }
    for name, value in defaults.items():
        properties[name]["default"] = value
    (container,) = template["job_configuration"]["task_definition"]["containerDefinitions"]
    container["secrets"] = "{{ secrets }}"
    return template


def _variables_of_families(families: Mapping[str, Family]) -> dict[str, Any]:
    """Return the variables that the deployments of each family name, as role_read."""
    return {
        f"{kind}_{name}": value
        for name, family in families.items()
        for kind, value in msgspec.to_builtins(family).items()
    }


def _put_rest(client: SyncPrefectClient, settings: Settings) -> Iterator[str]:
    if name := settings.llm.concurrency_limit:
        _put_limit(client, name)
        yield f"concurrency limit {name}: one run at a time asks the model"
    webhook = _put_webhook(settings.alerts.webhook_url) if settings.alerts.webhook_url else None
    if webhook is None:
        yield "ALERT_WEBHOOK_URL is not set: Prefect sends no notice of late, stuck or failed runs"
    for automation in automations(webhook):
        existing = client.read_automations_by_name(automation.name)
        if existing:
            client.update_automation(existing[0].id, automation)
        else:
            client.create_automation(automation)
        yield f"automation {automation.name}: {automation.description}"


def _put_variables(client: SyncPrefectClient, values: Mapping[str, Any]) -> Iterator[str]:
    for own_name, value in values.items():
        name = VARIABLE_PREFIX + own_name
        if client.read_variable_by_name(name) is None:
            client.create_variable(VariableCreate(name=name, value=value))
        else:
            client.update_variable(VariableUpdate(name=name, value=value))
        yield f"variable {name}: {value}"


def _put_source(client: SyncPrefectClient, source: str | None) -> Iterator[str]:
    if source is not None:
        if source not in catalogue.names():
            message = f"there is no source {source}: choose from {', '.join(catalogue.names())}"
            raise InvalidRequest(message)
        yield from _put_variables(client, {"source": source})
    elif client.read_variable_by_name(f"{VARIABLE_PREFIX}source") is None:
        message = (
            "say what the deployment `hourly` reads every hour: --source hackernews, --source"
            " reddit or another; --source sample is for a look, and reads nothing new"
        )
        raise InvalidRequest(message)


def _put_limit(client: SyncPrefectClient, name: str) -> None:
    """Create the limit with one holder at a time; leave an existing limit as it is."""
    try:
        client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))


def _put_webhook(url: SecretStr) -> Any:  # noqa: ANN401, an id of Prefect
    block = CustomWebhookNotificationBlock(
        name=_WEBHOOK,
        url="{{url}}",
        json_data={"text": "{{subject}}\n{{body}}"},
        secrets=SecretDict({"url": url.get_secret_value()}),
    )
    return block.save(_WEBHOOK, overwrite=True)
