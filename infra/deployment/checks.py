"""Refusals before the first step, while nothing has been created and nothing costs."""

from pathlib import Path

from infra import terraform
from infra.deployment import image, secrets
from infra.deployment.record import find
from infra.deployment.shell import REPOSITORY
from infra.deployment.steps import api_url
from infra.terraform import Environment
from market_opinion.core.errors import InvalidRequest, SettingsInvalid
from market_opinion.sources import catalogue

# Parts of the values that the files of environments come with.
_EXAMPLES = {"github_repository": "your-organisation/", "prefect_api_url": "example.com"}


def check_machine() -> None:
    """Raise InvalidRequest outside of a checkout, SettingsInvalid without Terraform."""
    if not (REPOSITORY / "Dockerfile").is_file():
        message = (
            "a deployment is made of a checkout: clone the repository, and run `make deploy` there"
        )
        raise InvalidRequest(message)
    terraform.command()


def check_account(place: Environment) -> None:
    """Raise SettingsInvalid if the account holds another environment.

    An account holds one, since Glue's databases have the same names in each.
    """
    for path in _other_files(place):
        values = terraform.read_values(path)
        if "environment" not in values or values["environment"] == place.values["environment"]:
            continue
        bucket = terraform.state_bucket(values, place.account)
        if find("s3", "head_bucket", place.region, Bucket=bucket) is not None:
            message = (
                f"account {place.account} holds environment {path.stem}, and {place.name} needs one"
                " of its own: sign in to that, for example with AWS_PROFILE"
            )
            raise SettingsInvalid(message)


def check_request(place: Environment, *, tag: str, source: str | None) -> None:
    """Raise what a step would raise later: for values of the examples, secrets, source, Docker."""
    for name, part in _EXAMPLES.items():
        if part in place.values.get(name, part):
            message = f"{place.variables} still has the example's {name}: write your own"
            raise SettingsInvalid(message)
    if not api_url(place):
        message = f"no address of Prefect's API: write prefect_api_url into {place.variables.name}"
        raise SettingsInvalid(message)
    if source is None:
        message = (
            "say what the deployment `hourly` reads every hour: --source hackernews, --source"
            " reddit or another"
        )
        raise InvalidRequest(message)
    if source not in catalogue.names():
        message = f"there is no source {source}: choose from {', '.join(catalogue.names())}"
        raise InvalidRequest(message)
    secrets.check_values(place, source)
    if not image.is_pushed(place, tag):
        image.check_docker()


def _other_files(place: Environment) -> list[Path]:
    return sorted(
        path for path in place.variables.parent.glob("*.tfvars") if path != place.variables
    )
