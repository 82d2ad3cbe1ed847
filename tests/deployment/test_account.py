"""The account as it was applied: without drift, of least privilege, and doing what its parts are there for."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from tests.deployment.conftest import NEEDS, SECRETS

# What the emulator forgets or does not tell, though the call that sets it succeeded: a second plan would set it again.
ARTEFACTS = {
    "30_compute": {"aws_ecs_service.worker"},  # it does not tell availability_zone_rebalancing
    # Alarms are read by a protocol it does not speak (boto3 shows them as they should be), and it forgets a trail's tags.
    "50_monitoring": {
        "aws_cloudtrail.data",
        *(f"aws_cloudwatch_metric_alarm.{name}" for name in ("dead", "worker", "failed")),
    },
}
FAMILIES = ("change", "collect", "judge", "maintain", "read", "receive", "serve", "watch")
ROLES = (
    "start",
    "worker",
    *FAMILIES,
    *(f"start-{family}" for family in FAMILIES),
    "engineer",
    "analyst",
    "bi",
    "snowflake",
    "events",
)
# Statements about everything, and why: they take no resource.
EVERYTHING = {
    ("start", "SignIn"),
    *((f"start-{family}", "SignIn") for family in FAMILIES),
    ("worker", "WithoutResources"),
}


def test_a_second_plan_changes_nothing(applied):
    """B44, B45, C16: but for what the emulator does not keep, each named above."""
    with ThreadPoolExecutor(2) as threads:
        plans = dict(
            zip(
                NEEDS,
                threads.map(
                    lambda stage: applied.terraform("plan", "dev", "--stages", stage), NEEDS
                ),
                strict=True,
            )
        )
    for stage, done in plans.items():
        assert done.returncode == 0, done.stderr
        drifted = re.findall(
            r"# (\w+\.\w+)\S* (?:will be|must be)", re.sub(r"\x1b\[\d+m", "", done.stderr)
        )
        assert set(drifted) <= ARTEFACTS.get(stage, set()), stage


def test_names_follow_one_rule(aws):
    """B64, B54: PREFIX ENVIRONMENT - NAME - KIND - WHAT, tagged with owner, environment and what manages them."""
    buckets = [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]
    roles = [role["RoleName"] for role in boto3.client("iam").list_roles()["Roles"]]
    queues = [url.rpartition("/")[2] for url in boto3.client("sqs").list_queues()["QueueUrls"]]
    assert [
        name
        for name in (*buckets, *roles, *queues)
        if not re.match(r"tf-dev-opinions-(s3|role|sqs)-[a-z0-9-]+$", name)
    ] == []
    tags = boto3.client("s3").get_bucket_tagging(
        Bucket=next(name for name in buckets if "landing" in name)
    )["TagSet"]
    assert {tag["Key"] for tag in tags} >= {"Owner", "Environment", "ManagedBy"}


def test_no_role_may_do_more_than_it_needs(aws):
    """B53, E32: of the roles as they were made: no wildcard among actions, and none of resources without a written reason."""
    for role in ROLES:
        for sid, actions, resources in _statements(role):
            assert not [action for action in actions if "*" in action], (role, sid)
            assert "*" not in resources or (role, sid) in EVERYTHING, (role, sid)


def _statements(role):
    iam, name = boto3.client("iam"), f"tf-dev-opinions-role-{role}"
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        for statement in iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"][
            "Statement"
        ]:
            actions, resources = (
                [one] if isinstance(one, str) else one
                for one in (statement["Action"], statement["Resource"])
            )
            yield statement["Sid"], actions, resources


@pytest.mark.parametrize(
    ("role", "action", "resource", "decision"),
    [
        ("analyst", "s3:GetObject", "silver/silver/items/x.parquet", "allowed"),
        ("analyst", "s3:GetObject", "bronze/bronze/items/x.parquet", "implicitDeny"),
        ("bi", "s3:GetObject", "gold/gold/daily_brand/x.parquet", "allowed"),
        ("bi", "s3:GetObject", "silver/silver/items/x.parquet", "implicitDeny"),
        ("snowflake", "s3:GetObject", "silver/silver/items/x.parquet", "allowed"),
        ("snowflake", "s3:PutObject", "silver/silver/items/x.parquet", "implicitDeny"),
        ("engineer", "s3:GetObject", "landing/raw/reddit/x.jsonl", "allowed"),
        ("worker", "s3:GetObject", "silver/silver/items/x.parquet", "implicitDeny"),
    ],
)
def test_who_may_reach_what(aws, role, action, resource, decision):
    """E07, E08, E09, A24: by AWS's own question about a role."""
    layer, _, key = resource.partition("/")
    answer = boto3.client("iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::123456789012:role/tf-dev-opinions-role-{role}",
        ActionNames=[action],
        ResourceArns=[f"arn:aws:s3:::tf-dev-opinions-s3-{layer}-123456789012/{key}"],
    )
    assert answer["EvaluationResults"][0]["EvalDecision"] == decision


def test_buckets_are_shut_and_encrypted(aws):
    """B43, E10, E28, B02, B42: of every layer, by a key of its own."""
    s3, keys = boto3.client("s3"), set()
    for layer in ("landing", "bronze", "silver", "gold"):
        bucket = f"tf-dev-opinions-s3-{layer}-123456789012"
        assert all(
            s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()
        )
        rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"][
            "Rules"
        ][0]["ApplyServerSideEncryptionByDefault"]
        assert rule["SSEAlgorithm"] == "aws:kms"
        keys.add(rule["KMSMasterKeyID"])
        (statement,) = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
        assert (statement["Effect"], statement["Condition"]) == (
            "Deny",
            {"Bool": {"aws:SecureTransport": "false"}},
        )
        assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        assert (
            s3.get_bucket_versioning(Bucket=bucket).get("Status") is None
        )  # what is erased is gone
    assert len(keys) == 4


def test_a_file_that_arrives_is_a_message_within_a_second(aws):
    """C03: in the inbox, and nowhere else."""
    sqs, s3 = boto3.client("sqs"), boto3.client("s3")
    queue = sqs.get_queue_url(QueueName="tf-dev-opinions-sqs-inbox")["QueueUrl"]
    bucket = "tf-dev-opinions-s3-landing-123456789012"
    s3.put_object(Bucket=bucket, Key="raw/reddit/x.jsonl", Body=b"{}")
    s3.put_object(Bucket=bucket, Key="inbox/archive/RC_2026-03.jsonl", Body=b"{}")
    started = time.monotonic()
    messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5, MaxNumberOfMessages=10)[
        "Messages"
    ]
    assert time.monotonic() - started < 1
    assert [json.loads(message["Body"])["detail"]["object"]["key"] for message in messages] == [
        "inbox/archive/RC_2026-03.jsonl"
    ]


def test_nothing_secret_is_in_the_states(aws):
    """Secrets are places without values; who fills them does so by hand."""
    s3 = boto3.client("s3")
    bucket = "tf-dev-opinions-s3-tfstate-123456789012"
    for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        state = json.loads(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())
        kinds = {resource["type"] for resource in state["resources"]}
        assert not kinds & {
            "aws_secretsmanager_secret_version",
            "aws_iam_access_key",
            "aws_ssm_parameter",
        }
        for resource in state["resources"]:
            if resource["type"] == "aws_cloudwatch_event_connection":
                value = resource["instances"][0]["attributes"]["auth_parameters"][0]["api_key"][0][
                    "value"
                ]
                assert value == "set by hand"
    listed = {
        secret["Name"].removeprefix("tf-dev-opinions-secret-")
        for secret in boto3.client("secretsmanager").list_secrets()["SecretList"]
    }
    assert listed == {*SECRETS, "reddit"}


def test_mistakes_are_answered(applied):
    """A33: an environment, a stage that is not there."""
    done = applied.terraform("plan", "staging")
    assert done.returncode == 2
    assert "no environment staging: choose from dev, prod" in done.stderr
    done = applied.terraform("apply", "dev", "--stages", "99_nothing")
    assert "no stage 99_nothing" in done.stderr
