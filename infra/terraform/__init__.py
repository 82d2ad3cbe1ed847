"""The account on AWS, in stages that are applied in the order of their numbers, each with a state of its own.

A stage reads what earlier ones gave out; `globals.tf`, linked into each, holds what they share; `environments/` says how one
installation differs from another.
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
# Applied once by a person who may do everything; the roles it makes do the rest.
BOOTSTRAP = "00_bootstrap"
_STATE_BUCKET = "module.state.aws_s3_bucket.this"
_ASSIGNMENT = re.compile(r'^(\w+)\s*=\s*"([^"]*)"', re.MULTILINE)
# Where AWS makes buckets if nobody says where, and refuses to be told.
_HOME_REGION = "us-east-1"
_CHANGES = 2


@dataclass(frozen=True)
class Environment:
    """One installation: its file of variables, and what names its states."""

    name: str
    variables: Path
    region: str
    state_bucket: str


def stages(chosen: Sequence[str] = ()) -> list[str]:
    """The chosen stages in order, or all but the bootstrap; raises InvalidRequest for one that is not there."""
    known = sorted(path.parent.name for path in FOLDER.glob("[0-9][0-9]_*/main.tf"))
    if unknown := sorted(set(chosen) - set(known)):
        message = f"no stage {', '.join(unknown)}: there are {', '.join(known)}"
        raise InvalidRequest(message)
    return [stage for stage in known if (stage in chosen if chosen else stage != BOOTSTRAP)]


def environment(name: str) -> Environment:
    """The environment of this name, in the account that the credentials are of."""
    path = FOLDER / "environments" / f"{name}.tfvars"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.tfvars")))
        message = (
            f"no environment {name}: there are {known}; copy one of infra/terraform/environments"
        )
        raise InvalidRequest(message)
    given = {
        "prefix": "tf-",
        "name": "opinions",
        **dict(_ASSIGNMENT.findall(path.read_text(encoding="utf-8"))),
    }
    if missing := [key for key in ("environment", "region") if key not in given]:
        message = f"{path}: {', '.join(missing)} missing"
        raise InvalidRequest(message)
    try:
        account = boto3.client("sts", region_name=given["region"]).get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        message = f"AWS does not say who you are ({error}): sign in, as by `aws sso login`"
        raise SettingsInvalid(message) from error
    bucket = f"{given['prefix']}{given['environment']}-{given['name']}-s3-tfstate-{account}"
    return Environment(name, path.resolve(), given["region"], bucket)


def bootstrap(place: Environment) -> None:
    """Make the bucket that all states lie in, this stage's too, and apply the stage, which keeps it as it has to be from then on."""
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
    """Make the stage ready to run in this environment."""
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
    """Show what an apply would change; whether there is anything."""
    return (
        _terraform(FOLDER / stage, "plan", "-detailed-exitcode", f"-var-file={place.variables}")
        == _CHANGES
    )


def apply(stage: str, place: Environment) -> None:
    """Make the account what the stage says."""
    _terraform(FOLDER / stage, "apply", "-auto-approve", f"-var-file={place.variables}")


def destroy(stage: str, place: Environment) -> None:
    """Take away what the stage made."""
    _terraform(FOLDER / stage, "destroy", "-auto-approve", f"-var-file={place.variables}")


def outputs(stage: str) -> dict[str, object]:
    """What a stage gave out, by name."""
    return {
        name: output["value"]
        for name, output in msgspec.json.decode(_read(stage, "output", "-json")).items()
    }


def _read(stage: str, *arguments: str) -> str:
    """What it prints."""
    done = subprocess.run(
        [_command(), *arguments],
        cwd=FOLDER / stage,
        env=_quiet(),
        capture_output=True,
        text=True,
        check=False,
    )  # noqa: S603
    if done.returncode and "No state file was found" not in done.stderr:
        message = f"terraform {' '.join(arguments)} of {stage}: {done.stderr.strip()}"
        raise InvalidRequest(message)
    return done.stdout


def _terraform(stage: Path, verb: str, *arguments: str) -> int:
    """Run it with its output shown; raises InvalidRequest where it fails."""
    # On standard error, since what is asked for, as an output, goes to the other.
    done = subprocess.run(
        [_command(), verb, "-input=false", *arguments],
        cwd=stage,
        env=_quiet(),
        stdout=sys.stderr,
        check=False,
    )  # noqa: S603
    if done.returncode not in {0, _CHANGES} or (done.returncode == _CHANGES and verb != "plan"):
        message = f"terraform {verb} of {stage.name} ended with {done.returncode}: what it said stands above"
        raise InvalidRequest(message)
    return done.returncode


def _command() -> str:
    if (command := shutil.which("terraform")) is None:
        message = (
            "there is no terraform: install 1.11 or newer, from HashiCorp or your package manager"
        )
        raise SettingsInvalid(message)
    return command


def _quiet() -> dict[str, str]:
    return {**os.environ, "TF_IN_AUTOMATION": "1"}
