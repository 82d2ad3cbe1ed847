"""Rights of each deployment's containers, asked of the account as it was applied: what its flow does is allowed, and the rest is not."""

import re

import boto3
import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.deployment.conftest import SECRETS

DEPLOYMENTS = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]
S3, GLUE = "arn:aws:s3:::tf-dev-opinions-s3", "arn:aws:glue:eu-central-1:123456789012"
OWN = "eu-central-1:123456789012:tf-dev-opinions"
TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/tf-dev-opinions-dynamodb-runs"
LOGS = "arn:aws:logs:eu-central-1:123456789012:log-group:/tf-dev-opinions/flows:log-stream:x"


def in_layer(layer, key):
    return f"{S3}-{layer}-123456789012/{key}"


REDDIT, OTHERS = (
    in_layer("landing", f"raw/{platform}/phones/2026-03-01/000000/comments.jsonl")
    for platform in ("reddit", "steam")
)
# One thing that a run may do: its action, and to what.
THINGS = {
    "see the inbox": ("s3:GetObject", in_layer("landing", "inbox/archive/RC_2026-03.zst")),
    "see what was landed": ("s3:GetObject", OTHERS),
    "land from Reddit": ("s3:PutObject", REDDIT),
    "land": ("s3:PutObject", OTHERS),
    "delete landed words": ("s3:DeleteObject", OTHERS),
    "read names": ("s3:GetObject", in_layer("bronze", "bronze/items/data/x.parquet")),
    "write names": ("s3:PutObject", in_layer("bronze", "bronze/items/data/x.parquet")),
    "read refusals": ("s3:GetObject", in_layer("bronze", "ops/rejections/data/x.parquet")),
    "read words": ("s3:GetObject", in_layer("silver", "silver/items/data/x.parquet")),
    "write words": ("s3:PutObject", in_layer("silver", "silver/items/data/x.parquet")),
    "delete words": ("s3:DeleteObject", in_layer("silver", "silver/items/data/x.parquet")),
    "commit words": ("glue:UpdateTable", f"{GLUE}:table/silver/items"),
    "export": (
        "s3:PutObject",
        in_layer("silver", "export/items/created_date=2026-03-01/x.parquet"),
    ),
    "write figures": ("s3:PutObject", in_layer("gold", "gold/daily_brand/data/x.parquet")),
    "commit figures": ("glue:UpdateTable", f"{GLUE}:table/gold/daily_brand"),
    "drop a table": ("glue:DeleteTable", f"{GLUE}:table/silver/items"),
    "look up a table": ("glue:GetTable", f"{GLUE}:table/silver/items"),
    "read the state": ("dynamodb:Query", TABLE),
    "read many of the state": ("dynamodb:BatchGetItem", TABLE),
    "write the state": ("dynamodb:BatchWriteItem", TABLE),
    "alert": ("sns:Publish", f"arn:aws:sns:{OWN}-sns-alerts"),
    "empty the queue": ("sqs:ReceiveMessage", f"arn:aws:sqs:{OWN}-sqs-inbox"),
    "move a watermark": (
        "ssm:PutParameter",
        "arn:aws:ssm:eu-central-1:123456789012:parameter/reddit-ingest/dev/phones/last_run_ts",
    ),
    # What no flow does.
    "write into the inbox": ("s3:PutObject", in_layer("landing", "inbox/archive/x.zst")),
    "ask the state by PartiQL": ("dynamodb:PartiQLSelect", TABLE),
    "scan the state": ("dynamodb:Scan", TABLE),
    "export the state": ("dynamodb:ExportTableToPointInTime", TABLE),
    "query logs": ("logs:StartQuery", LOGS),
    "read logs": ("logs:GetLogEvents", LOGS),
    "read Terraform's states": ("s3:GetObject", f"{S3}-tfstate-123456789012/30_compute/x"),
}
ALL = {"look up a table", "read the state", "read many of the state", "write the state", "alert"}
WORDS = {"read words", "write words", "delete words", "commit words"}
FIGURES = {"write figures", "commit figures", "export"}
LANDING = {"see what was landed", "land from Reddit", "land", "delete landed words"}
CARRIED = ALL | LANDING | WORDS | FIGURES | {"read names", "write names", "read refusals"}
MODEL, PEPPER, KAFKA = {"llm-api-key"}, {"author-pepper"}, {"kafka-password"}
MARTS = {"postgres-uri", "snowflake-private-key"}
PLATFORMS = {name for name in SECRETS if re.search("(access|bearer)-token$", name)}
READ = (
    CARRIED | {"see the inbox", "move a watermark"},
    PLATFORMS | MODEL | PEPPER | KAFKA | MARTS | {"reddit"},
)
RECEIVE = CARRIED | {"see the inbox", "empty the queue"}, MODEL | PEPPER | KAFKA | MARTS
CHANGE = CARRIED | {"drop a table"}, MODEL | PEPPER | MARTS
SERVE = ALL | FIGURES | {"read words", "read refusals"}, MARTS
# What each flow does, and the secrets that it needs, but for that of Prefect's API.
MAY = {
    "hourly": READ,
    "backfill": READ,
    "campaign": READ,
    "refresh": READ,
    "sweep": READ,
    "collect": (ALL | {"land from Reddit"}, {"reddit"}),
    "inbox": RECEIVE,
    "stream": RECEIVE,
    "erase": CHANGE,
    "purge": CHANGE,
    "rebuild": CHANGE,
    "rescore": CHANGE,
    "enrich": (
        ALL | WORDS | {"see what was landed", "read names", "read refusals"},
        MODEL | PEPPER,
    ),
    "watch": (ALL | WORDS | FIGURES | {"read refusals"}, MODEL | MARTS),
    "mart": SERVE,
    "publish": SERVE,
    "maintain": (
        ALL | WORDS | FIGURES - {"export"} | {"read names", "write names", "read refusals"},
        set(),
    ),
}


@pytest.fixture(scope="module")
def families(applied):
    """What Terraform gives out for each family of flows."""
    return applied.output("30_compute")["run"]["families"]


def test_each_deployment_is_known():
    assert MAY.keys() == {entry["name"] for entry in DEPLOYMENTS}


@pytest.mark.parametrize("entry", DEPLOYMENTS, ids=lambda entry: entry["name"])
def test_a_run_may_do_what_its_flow_does_and_nothing_else(aws, families, entry):
    """B53, E32, D19: by AWS's own question about both roles of a container."""
    variables = entry["work_pool"]["job_variables"]
    (family,) = {
        re.fullmatch(r"{{ prefect\.variables\.market_opinion_[a-z]+_(\w+) }}", variables[name])[1]
        for name in ("task_role_arn", "execution_role_arn", "secrets")
    }
    role, start = families[family]["role"], families[family]["start"]
    does, needs = MAY[entry["name"]]
    assert {thing for thing, asked in THINGS.items() if is_allowed(role, *asked)} == does
    listed = boto3.client("secretsmanager").list_secrets()["SecretList"]
    arns = {each["Name"].removeprefix("tf-dev-opinions-secret-"): each["ARN"] for each in listed}
    read = "secretsmanager:GetSecretValue"
    # Reddit's is read by the flow itself, the others by what starts its container.
    assert {name for name in arns if is_allowed(role, read, arns[name])} == needs & {"reddit"}
    fetched = {name for name in arns if is_allowed(start, read, arns[name])}
    assert fetched == needs - {"reddit"} | {"prefect-api-key"}
    assert {each["name"].lower().replace("_", "-") for each in families[family]["secrets"]} == (
        needs - {"reddit"}
    )
    assert not is_allowed(start, *THINGS["read the state"])


def is_allowed(role, action, resource):
    answer = boto3.client("iam").simulate_principal_policy(
        PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource]
    )
    return answer["EvaluationResults"][0]["EvalDecision"] == "allowed"
