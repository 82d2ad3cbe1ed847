"""The AWS account in numbered stages, applied in order, each with a Terraform state of its own.

A stage reads the outputs of earlier stages. `globals.tf`, linked into each stage, holds what they
share; a file of `environments/` holds the variables of one installation.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import boto3
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from market_opinion.core.errors import InvalidRequest, SettingsInvalid

FOLDER = Path(__file__).parent
# An administrator applies this stage once; the roles it creates apply the others.
BOOTSTRAP = "00_bootstrap"
_STATE_BUCKET = "module.state.aws_s3_bucket.this"
_ASSIGNMENT = re.compile(r'^(\w+)\s*=\s*"([^"]*)"', re.MULTILINE)
# The default region of S3, which refuses to be named as a location.
_HOME_REGION = "us-east-1"
# Exit status of `terraform plan -detailed-exitcode` when there are changes.
_CHANGES = 2


@dataclass(frozen=True)
class Environment:
    """One installation: its file of variables, its region and the bucket of its states."""

    name: str
    variables: Path
    region: str
    state_bucket: str


def stages(chosen: Sequence[str] = ()) -> list[str]:
    """Return the chosen stages in order, or all stages except the bootstrap.

    Raises InvalidRequest for a stage that does not exist.
    """
    existing = sorted(path.parent.name for path in FOLDER.glob("[0-9][0-9]_*/main.tf"))
    if unknown := sorted(set(chosen) - set(existing)):
        message = f"no stage {', '.join(unknown)}: choose from {', '.join(existing)}"
        raise InvalidRequest(message)
    return [stage for stage in existing if (stage in chosen if chosen else stage != BOOTSTRAP)]


def environment(name: str) -> Environment:
    """Return the environment of this name, in the account of the current credentials."""
    path = FOLDER / "environments" / f"{name}.tfvars"
    if not path.is_file():
        existing = ", ".join(sorted(file.stem for file in path.parent.glob("*.tfvars")))
        message = (
            f"no environment {name}: choose from {existing},"
            " or copy a file of infra/terraform/environments"
        )
        raise InvalidRequest(message)
    variables = {
        "prefix": "tf-",
        "name": "opinions",
        **dict(_ASSIGNMENT.findall(path.read_text(encoding="utf-8"))),
    }
    if missing := [key for key in ("environment", "region") if key not in variables]:
        message = f"{path} lacks {', '.join(missing)}: add them, as other environments have them"
        raise InvalidRequest(message)
    try:
        account = boto3.client("sts", region_name=variables["region"]).get_caller_identity()[
            "Account"
        ]
    except (BotoCoreError, ClientError) as error:
        message = f"no usable AWS credentials ({error}): sign in, for example by `aws sso login`"
        raise SettingsInvalid(message) from error
    stem = f"{variables['prefix']}{variables['environment']}-{variables['name']}"
    return Environment(name, path.resolve(), variables["region"], f"{stem}-s3-tfstate-{account}")


def bootstrap(place: Environment) -> None:
    """Create the bucket of all states, import it into the bootstrap stage and apply the stage.

    The bucket comes first, since it holds the state of the bootstrap stage as well.
    """
    _make_state_bucket(place)
    initialise(BOOTSTRAP, place)
    if _STATE_BUCKET not in _read(BOOTSTRAP, "state", "list").split():
        _terraform(
            FOLDER / BOOTSTRAP,
            "import",
            f"-var-file={place.variables}",
            _STATE_BUCKET,
            place.state_bucket,
        )
    apply(BOOTSTRAP, place)


def _make_state_bucket(place: Environment) -> None:
    client = boto3.client("s3", region_name=place.region)
    try:
        client.head_bucket(Bucket=place.state_bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            raise
        where = (
            {}
            if place.region == _HOME_REGION
            else {"CreateBucketConfiguration": {"LocationConstraint": place.region}}
        )
        client.create_bucket(Bucket=place.state_bucket, **where)


def initialise(stage: str, place: Environment) -> None:
    """Run `terraform init` for the stage in this environment."""
    backend = {
        "bucket": place.state_bucket,
        "key": f"{stage}/terraform.tfstate",
        "region": place.region,
    }
    _terraform(
        FOLDER / stage,
        "init",
        "-reconfigure",
        *(f"-backend-config={name}={value}" for name, value in backend.items()),
    )


def plan(stage: str, place: Environment) -> bool:
    """Show the changes of an apply; return whether there are any."""
    return (
        _terraform(FOLDER / stage, "plan", "-detailed-exitcode", f"-var-file={place.variables}")
        == _CHANGES
    )


def apply(stage: str, place: Environment) -> None:
    """Apply the stage to the account."""
    _terraform(FOLDER / stage, "apply", "-auto-approve", f"-var-file={place.variables}")


def destroy(stage: str, place: Environment) -> None:
    """Destroy everything that the stage created."""
    _terraform(FOLDER / stage, "destroy", "-auto-approve", f"-var-file={place.variables}")


def outputs(stage: str) -> dict[str, object]:
    """Return the outputs of a stage by name."""
    return {
        name: output["value"]
        for name, output in msgspec.json.decode(_read(stage, "output", "-json")).items()
    }


def _read(stage: str, *arguments: str) -> str:
    """Run Terraform and return its standard output."""
    process = subprocess.run(  # noqa: S603, the arguments are ours
        [_command(), *arguments],
        cwd=FOLDER / stage,
        env=_quiet_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode and "No state file was found" not in process.stderr:
        message = f"terraform {' '.join(arguments)} of {stage} failed: {process.stderr.strip()}"
        raise InvalidRequest(message)
    return process.stdout


def _terraform(stage: Path, verb: str, *arguments: str) -> int:
    """Run Terraform, show its output and return its exit status; raise InvalidRequest on failure.

    The output goes to standard error, since standard output belongs to our own commands.
    """
    status = subprocess.run(  # noqa: S603, the arguments are ours
        [_command(), verb, "-input=false", *arguments],
        cwd=stage,
        env=_quiet_environment(),
        stdout=sys.stderr,
        check=False,
    ).returncode
    if status not in {0, _CHANGES} or (status == _CHANGES and verb != "plan"):
        message = f"terraform {verb} of {stage.name} ended with {status}: see its output above"
        raise InvalidRequest(message)
    return status


def _command() -> str:
    if (command := shutil.which("terraform")) is None:
        message = (
            "terraform is not installed: get 1.11 or newer from HashiCorp or your package manager"
        )
        raise SettingsInvalid(message)
    return command


def _quiet_environment() -> dict[str, str]:
    return {**os.environ, "TF_IN_AUTOMATION": "1"}
