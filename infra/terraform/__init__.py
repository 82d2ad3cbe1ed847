"""The AWS account in numbered stages, applied in order, each with a Terraform state of its own.

A stage reads the outputs of earlier stages. `globals.tf`, linked into each stage, holds what they
share; a file of `environments/` holds the variables of one installation.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from market_opinion.core.errors import InvalidRequest, SettingsInvalid

FOLDER = Path(__file__).parent
# An administrator applies this stage once; the roles it creates apply the others.
BOOTSTRAP = "00_bootstrap"
_STATE_BUCKET = "module.state.aws_s3_bucket.this"
_ASSIGNMENT = re.compile(r'^(\w+)\s*=\s*(?:"([^"]*)"|(\w+)\s*(?:#.*)?$)', re.MULTILINE)
# The default region of S3, which refuses to be named as a location.
_HOME_REGION = "us-east-1"
# Exit status of `terraform plan -detailed-exitcode` when there are changes.
_CHANGES = 2


@dataclass(frozen=True)
class Environment:
    """One installation: its file of variables, its region, account and the bucket of its states.

    `values` are the variables of the file that are a text, a number or a truth value, as text;
    `changes` are variables that the file does not decide, such as the tag of the image.
    """

    name: str
    variables: Path
    region: str
    account: str
    state_bucket: str
    values: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """The beginning of every name in the account, as in tf-prod-opinions."""
        return _base(self.values)

    def options(self) -> list[str]:
        """Return Terraform's options for the variables."""
        changes = (f"-var={name}={value}" for name, value in self.changes.items())
        return [f"-var-file={self.variables}", *changes]


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
    """Return the environment of this name, in the account of the current credentials.

    Raises InvalidRequest for an unknown environment, SettingsInvalid without usable credentials, or
    with those of another account than the file's `account`.
    """
    path = FOLDER / "environments" / f"{name}.tfvars"
    if not path.is_file():
        existing = ", ".join(sorted(file.stem for file in path.parent.glob("*.tfvars")))
        message = (
            f"no environment {name}: choose from {existing},"
            " or copy a file of infra/terraform/environments"
        )
        raise InvalidRequest(message)
    values = read_values(path)
    if missing := [key for key in ("environment", "region") if key not in values]:
        message = f"{path} lacks {', '.join(missing)}: add them, as other environments have them"
        raise InvalidRequest(message)
    account = _signed_in_account(values["region"])
    if values.get("account", account) != account:
        message = (
            f"these credentials are of account {account}, and {path.name} names"
            f" {values['account']}: sign in to that one, for example with AWS_PROFILE"
        )
        raise SettingsInvalid(message)
    bucket = state_bucket(values, account)
    return Environment(name, path.resolve(), values["region"], account, bucket, values)


def read_values(path: Path) -> dict[str, str]:
    """Return the simple variables of an environment's file, with the defaults of names."""
    assigned = _ASSIGNMENT.findall(path.read_text(encoding="utf-8"))
    values = {name: text or word for name, text, word in assigned}
    return {"prefix": "tf-", "name": "opinions", **values}


def state_bucket(values: Mapping[str, str], account: str) -> str:
    """Return the name of the bucket that holds an environment's states in an account."""
    return f"{_base(values)}-s3-tfstate-{account}"


def _base(values: Mapping[str, str]) -> str:
    return f"{values['prefix']}{values['environment']}-{values['name']}"


def _signed_in_account(region: str) -> str:
    try:
        client = boto3.client("sts", region_name=region)
        return str(client.get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        message = f"no usable AWS credentials ({error}): sign in, for example by `aws sso login`"
        raise SettingsInvalid(message) from error


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
            *place.options(),
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
    return _terraform(FOLDER / stage, "plan", "-detailed-exitcode", *place.options()) == _CHANGES


def apply(stage: str, place: Environment) -> None:
    """Apply the stage to the account."""
    _terraform(FOLDER / stage, "apply", "-auto-approve", *place.options())


def destroy(stage: str, place: Environment) -> None:
    """Destroy everything that the stage created."""
    _terraform(FOLDER / stage, "destroy", "-auto-approve", *place.options())


def outputs(stage: str) -> dict[str, object]:
    """Return the outputs of a stage by name."""
    return {
        name: output["value"]
        for name, output in msgspec.json.decode(_read(stage, "output", "-json")).items()
    }


def _read(stage: str, *arguments: str) -> str:
    """Run Terraform and return its standard output."""
    process = subprocess.run(  # noqa: S603, the arguments are ours
        [command(), *arguments],
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
        [command(), verb, "-input=false", *arguments],
        cwd=stage,
        env=_quiet_environment(),
        stdout=sys.stderr,
        check=False,
    ).returncode
    if status not in {0, _CHANGES} or (status == _CHANGES and verb != "plan"):
        message = f"terraform {verb} of {stage.name} ended with {status}: see its output above"
        raise InvalidRequest(message)
    return status


def command() -> str:
    """Return the path of Terraform; raise SettingsInvalid if it is not installed."""
    if (path := shutil.which("terraform")) is None:
        message = (
            "terraform is not installed: get 1.11 or newer from HashiCorp or your package manager"
        )
        raise SettingsInvalid(message)
    return path


def _quiet_environment() -> dict[str, str]:
    return {**os.environ, "TF_IN_AUTOMATION": "1"}
