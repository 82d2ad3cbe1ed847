"""Flow runs as containers on ECS: what the real worker registers and starts, from what Terraform gives out."""

import json
from datetime import UTC, datetime

import boto3
import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.deployment.conftest import SECRETS
from tests.patience import wait_for
from tests.prefect_server import PrefectServer, stop

IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/tf-dev-opinions-ecr-image:abc123"
CLUSTER = "tf-dev-opinions-ecs"
API_KEY = "pnu_that_no_definition_may_hold"
SECRETS_OF = {
    "read": {name.upper().replace("-", "_") for name in SECRETS},
    "serve": {"POSTGRES_URI", "PREFECT_API_KEY", "SNOWFLAKE_PRIVATE_KEY"},
}
DEPLOYMENTS = {
    entry["name"]: entry
    for entry in yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]
}


@pytest.fixture(scope="module")
def server(applied, tmp_path_factory):
    """A Prefect server that was told of the account, with every deployment on the ECS pool."""
    home = tmp_path_factory.mktemp("ecs")
    (home / "run.json").write_text(json.dumps(applied.output("30_compute")))
    account = {
        name: value for name, value in applied.environment.items() if name.startswith("AWS_")
    }
    with PrefectServer(home, account) as served:
        served.deploy("local")  # as somebody may have tried before
        served.deploy("ecs", str(home / "run.json"), "--image", IMAGE)
        yield served


def test_a_run_is_a_container_with_our_image_role_limits_and_settings(aws, server):
    """A06, B53, B56, E01, E03, D19, D32, E29: registered by the real worker; secrets by name, never by value."""
    deployed = {each["name"]: each for each in server.ask("deployments/filter")}
    assert deployed.keys() == DEPLOYMENTS.keys()
    assert {each["work_pool_name"] for each in deployed.values()} == {"ecs"}
    observer = "PREFECT_INTEGRATIONS_AWS_ECS_OBSERVER_SQS_QUEUE"
    worker = server.worker(
        "ecs",
        "ecs",
        PREFECT_API_KEY=API_KEY,
        **{f"{observer}_NAME": "tf-dev-opinions-sqs-ended", f"{observer}_REGION": "eu-central-1"},
    )
    try:
        for name in ("publish", "hourly"):
            server.hand_out(name)
        ecs = boto3.client("ecs")
        tasks = wait_for(lambda: _tasks(ecs))
    finally:
        stop(worker)
    for name, family in (("publish", "serve"), ("hourly", "read")):
        variables = DEPLOYMENTS[name]["work_pool"]["job_variables"]
        definition = ecs.describe_task_definition(taskDefinition=f"tf-dev-opinions-task-{name}")[
            "taskDefinition"
        ]
        assert (definition["cpu"], definition["memory"]) == (
            str(variables["cpu"]),
            str(variables["memory"]),
        )
        assert definition["executionRoleArn"].endswith(f":role/tf-dev-opinions-role-start-{family}")
        (container,) = definition["containerDefinitions"]
        assert (container["name"], container["image"]) == ("prefect", IMAGE)
        assert container["logConfiguration"]["options"]["awslogs-group"] == "/tf-dev-opinions/flows"
        told = {secret["name"]: secret["valueFrom"] for secret in container["secrets"]}
        assert told.keys() == SECRETS_OF[family]
        assert all(arn.startswith("arn:aws:secretsmanager:") for arn in told.values())
        task = tasks[name]
        assert task["overrides"]["taskRoleArn"].endswith(f":role/tf-dev-opinions-role-{family}")
        settings = {
            pair["name"]: pair["value"]
            for pair in task["overrides"]["containerOverrides"][0]["environment"]
        }
        assert settings["LANDING_BUCKET_NAME"] == "tf-dev-opinions-s3-landing-123456789012"
        assert settings["STATE_URI"] == "dynamodb:"
        assert API_KEY not in json.dumps([definition, task], default=str)


def _tasks(ecs):
    """The two runs' tasks by deployment, once both are there."""
    arns = ecs.list_tasks(cluster=CLUSTER)["taskArns"]
    found = ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"]
    named = {
        task["taskDefinitionArn"]
        .rpartition("/")[2]
        .partition(":")[0]
        .removeprefix("tf-dev-opinions-task-"): task
        for task in found
    }
    return named if named.keys() >= {"publish", "hourly"} else None


def test_a_file_in_the_inbox_starts_the_flow_that_reads_it(server):
    """C03, D20: the event that the rule sends is what the deployment's trigger waits for."""
    uri = "s3://tf-dev-opinions-s3-landing-123456789012/inbox/archive/RC_2026-03.jsonl.zst"
    event = {
        "id": "5a3c6c64-4f3a-4d1d-9a65-0a4f6bb1d111",
        "occurred": datetime.now(UTC).isoformat(),
        "event": "s3.object.created",
        "resource": {
            "prefect.resource.id": uri,
            "prefect.resource.name": "inbox/archive/RC_2026-03.jsonl.zst",
        },
        "payload": {"bucket": "b", "key": "inbox/archive/RC_2026-03.jsonl.zst", "size": 2},
    }
    server.call("POST", "events", [event])
    (run,) = wait_for(
        lambda: server.ask("flow_runs/filter", deployments={"name": {"any_": ["inbox"]}})
    )
    assert run["parameters"]["domain"] == "smartphones"
