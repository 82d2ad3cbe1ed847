"""An AWS emulator for the length of a `with`: its own environment, a free port on loopback."""

import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import boto3
import pytest
import s3fs

from tests.conftest import REPOSITORY
from tests.loopback import ServerProcess, free_port

COMMAND = REPOSITORY / ".venv" / "aws-server" / "bin" / "ministack"
needs_aws = pytest.mark.skipif(
    not COMMAND.exists(), reason=f"no AWS emulator at {COMMAND}: run make .venv/dev"
)
REGION, ACCOUNT = "eu-central-1", "123456789012"
_RUNS_TABLE = "runs"
_REQUEST = re.compile(r"^(\S+ \S+) DEBUG .* -> service=(\w+) ")


class Cloud(ServerProcess):
    """The emulator; an account of 12 digits as access key sees nothing of other accounts."""

    def __init__(self, log: Path, *, is_talkative: bool = False) -> None:
        """Name the log, which holds a line for each request where the emulator is talkative."""
        port = free_port()
        self._log_path = log
        settings = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "LOG_LEVEL": "DEBUG" if is_talkative else "INFO",
        }
        super().__init__([COMMAND], port=port, log=log, environment={**os.environ, **settings})

    def environment(self, account: str) -> dict[str, str]:
        """The variables that lead AWS's own clients to an account here."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def requests(self) -> Iterator[tuple[datetime, str]]:
        """Yield the local time and the service of each request, of an emulator that is talkative."""
        with self._log_path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if request := _REQUEST.match(line):
                    yield datetime.fromisoformat(request[1]), request[2]


def sign_in() -> None:
    """Lead this process's clients to the account that its environment names now."""
    boto3.setup_default_session()  # else clients keep the previous account
    s3fs.S3FileSystem.clear_instance_cache()


def make_runs_table() -> None:
    """Make the table of the state in the account of this process."""
    keys = [("pk", "HASH"), ("sk", "RANGE")]
    boto3.client("dynamodb").create_table(
        TableName=_RUNS_TABLE,
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )


def make_buckets() -> list[str]:
    """Make the buckets of landing and lake in the account of this process; return their names."""
    names = [f"{name}-{os.environ['AWS_ACCESS_KEY_ID']}" for name in ("lz", "augmented")]  # global
    for name in names:
        boto3.client("s3").create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    return names


def production_settings(landing: str, augmented: str) -> dict[str, str]:
    """Production's settings for two buckets and the table, with the emulator's endpoints."""
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    return {
        "LANDING_BUCKET_NAME": landing,
        "LANDING_BUCKET_PREFIX": "raw",
        "LAKE_CATALOG": "lakehouse",
        "STATE_URI": "dynamodb:",
        "RUNS_TABLE_NAME": _RUNS_TABLE,
        "PYICEBERG_CATALOG__LAKEHOUSE__TYPE": "glue",
        "PYICEBERG_CATALOG__LAKEHOUSE__WAREHOUSE": f"s3://{augmented}/warehouse",
        "PYICEBERG_CATALOG__LAKEHOUSE__GLUE__ENDPOINT": endpoint,
        "PYICEBERG_CATALOG__LAKEHOUSE__S3__ENDPOINT": endpoint,
        "PYICEBERG_CATALOG__LAKEHOUSE__S3__REGION": REGION,
    }
