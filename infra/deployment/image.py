"""Image of the checkout's commit, in the registry of stage 13_registry."""

import base64
import shutil
import subprocess

from infra.deployment.record import find
from infra.deployment.shell import REPOSITORY, call
from infra.terraform import Environment
from market_opinion.core import aws
from market_opinion.core.errors import InvalidRequest, SettingsInvalid


def tag_of_checkout() -> str:
    """Return the commit of the checkout, which the image is tagged with.

    A tag is written once, so a checkout with changes needs a tag of its own: InvalidRequest.
    """
    commit = _git("rev-parse", "--short=12", "HEAD")
    if commit is None or _git("status", "--porcelain") != "":
        state = "has changes that are not committed" if commit else "is no Git repository"
        message = f"{REPOSITORY} {state}: commit, or name the image with --tag"
        raise InvalidRequest(message)
    return commit


def is_pushed(place: Environment, tag: str) -> bool:
    """Return whether the registry has an image of this tag."""
    arguments = {"repositoryName": f"{place.base}-ecr-image", "imageIds": [{"imageTag": tag}]}
    answer = find("ecr", "describe_images", place.region, **arguments)
    return bool((answer or {}).get("imageDetails"))


def check_docker() -> None:
    """Raise SettingsInvalid if no image can be built here."""
    if (docker := shutil.which("docker")) is None:
        message = "Docker is not installed: install it, or push the image and name it with --tag"
        raise SettingsInvalid(message)
    answer = subprocess.run([docker, "info"], capture_output=True, text=True, check=False)  # noqa: S603, ours
    if answer.returncode:
        lines = answer.stderr.strip().splitlines()
        message = f"Docker does not answer ({lines[-1] if lines else 'no reason given'}): start it"
        raise SettingsInvalid(message)


def push(place: Environment, url: str, tag: str) -> None:
    """Sign in to the registry, build the image of the checkout and push it."""
    token = aws.call("ecr", "get_authorization_token", region=place.region)
    secret = base64.b64decode(token["authorizationData"][0]["authorizationToken"]).decode()
    user, _, password = secret.partition(":")
    host = url.partition("/")[0]
    call("docker", "login", "--username", user, "--password-stdin", host, text=password)
    call("docker", "build", "--tag", f"{url}:{tag}", str(REPOSITORY))
    call("docker", "push", f"{url}:{tag}")


def _git(*arguments: str) -> str | None:
    """Return what Git answers, or None if it is not installed or refuses."""
    if (git := shutil.which("git")) is None:
        return None
    answer = subprocess.run(  # noqa: S603, the arguments are ours
        [git, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return None if answer.returncode else answer.stdout.strip()
