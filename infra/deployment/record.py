"""Record of a deployment: the steps that are done, in an object beside Terraform's states.

It lies in the account, so another machine goes on where the first one stopped, and an account that
is taken away takes its record with it.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from infra.terraform import Environment
from market_opinion.core import aws
from market_opinion.core.errors import CloudRefused, SettingsInvalid

_KEY = "deployment.json"
# Codes by which S3, Secrets Manager and ECR say that something does not exist.
_ABSENT = {
    "404",
    "NoSuchBucket",
    "NoSuchKey",
    "ResourceNotFoundException",
    "RepositoryNotFoundException",
    "ImageNotFoundException",
}


class DoneStep(msgspec.Struct, frozen=True):
    """Hash of what a step was made of, and the mark it left: the ETag of a stage's state."""

    inputs: str
    mark: str


@dataclass
class Record:
    """The steps that are done, by name, and the source that was said last."""

    place: Environment
    steps: dict[str, DoneStep] = field(default_factory=dict)
    source: str | None = None

    def save(self) -> None:
        """Replace the stored record."""
        body = msgspec.json.encode({"steps": self.steps, "source": self.source})
        aws.call(
            "s3",
            "put_object",
            region=self.place.region,
            Bucket=self.place.state_bucket,
            Key=_KEY,
            Body=body,
        )


class _Stored(msgspec.Struct):
    steps: dict[str, DoneStep] = {}
    source: str | None = None


def read_record(place: Environment) -> Record:
    """Return the stored record, or an empty one before the first deployment.

    Raises SettingsInvalid for a record that cannot be read.
    """
    body = read_object(place, _KEY)
    if body is None:
        return Record(place)
    try:
        stored = msgspec.json.decode(body, type=_Stored)
    except msgspec.MsgspecError as error:
        message = (
            f"s3://{place.state_bucket}/{_KEY} is no record ({error}): delete it, and every step"
            " is made again"
        )
        raise SettingsInvalid(message) from error
    return Record(place, stored.steps, stored.source)


def state_mark(place: Environment, stage: str) -> str:
    """Return the ETag of a stage's state, which changes with each apply and destroy; or ""."""
    answer = _ask(place, "head_object", f"{stage}/terraform.tfstate")
    return "" if answer is None else str(answer["ETag"])


def has_resources(place: Environment, stage: str) -> bool:
    """Return whether the stage's state holds any resource."""
    body = read_object(place, f"{stage}/terraform.tfstate")
    return body is not None and bool(msgspec.json.decode(body).get("resources"))


def read_object(place: Environment, key: str) -> bytes | None:
    """Return an object of the state bucket; None if it or the bucket is not there."""
    answer = _ask(place, "get_object", key)
    return None if answer is None else bytes(answer["Body"].read())


def _ask(place: Environment, operation: str, key: str) -> dict[str, Any] | None:
    return find("s3", operation, place.region, Bucket=place.state_bucket, Key=key)


def find(service: str, operation: str, region: str, **arguments: object) -> dict[str, Any] | None:
    """Return AWS's answer, or None if what is asked for does not exist.

    Raises CloudRefused for any other answer.
    """
    try:
        answer: dict[str, Any] = aws.call(service, operation, region=region, **arguments)
    except CloudRefused as error:
        response = getattr(error.__cause__, "response", None) or {}
        if response.get("Error", {}).get("Code") in _ABSENT:
            return None
        raise
    return answer
