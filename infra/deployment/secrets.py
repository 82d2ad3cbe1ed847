"""Values of the secrets that containers need, put once into the places of stage 12_config.

A value that is there is never replaced: the pepper of authors must not change.
"""

import json
import os
import re
import secrets
from collections.abc import Iterator

from infra.deployment.record import find
from infra.terraform import FOLDER, Environment
from market_opinion.core import aws
from market_opinion.core.errors import SettingsInvalid

_PEPPER = "author-pepper"
_REDDIT = "reddit"
_REDDIT_VARIABLES = ("REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET", "REDDIT_USER_AGENT")
_IN_FILE = re.compile(r"^secrets\s*=\s*(\[[^\]]*\])", re.MULTILINE)
_DEFAULT = re.compile(
    r'^variable "secrets" \{.*?default\s*=\s*(\[[^\]]*\])', re.MULTILINE | re.DOTALL
)


def needed_secrets(place: Environment, source: str | None) -> list[str]:
    """Return the secrets that need a value: `secrets` of stage 30_compute, and the source's."""
    stage = (FOLDER / "30_compute" / "main.tf").read_text(encoding="utf-8")
    # As Terraform decides: the environment's file, then the shell, then the default.
    chosen = _IN_FILE.search(place.variables.read_text(encoding="utf-8"))
    default = _DEFAULT.search(stage)
    shell = os.environ.get("TF_VAR_secrets")  # noqa: SIM112, as Terraform spells it
    text = chosen[1] if chosen else shell or (default[1] if default else "[]")
    names = set(json.loads(text)) | ({_REDDIT} if source == _REDDIT else set())
    return sorted(names)


def check_values(place: Environment, source: str | None) -> None:
    """Raise SettingsInvalid if a secret has no value, and this shell has none for it."""
    for name in missing_values(place, source):
        _value(place, name)


def put_values(place: Environment, source: str | None) -> None:
    """Put a value into each secret that has none."""
    for name in missing_values(place, source):
        aws.call(
            "secretsmanager",
            "put_secret_value",
            region=place.region,
            SecretId=_identifier(place, name),
            SecretString=_value(place, name),
        )


def missing_values(place: Environment, source: str | None) -> Iterator[str]:
    """Yield the needed secrets that have no value yet."""
    for name in needed_secrets(place, source):
        answer = find(
            "secretsmanager", "get_secret_value", place.region, SecretId=_identifier(place, name)
        )
        if not (answer or {}).get("SecretString"):
            yield name


def _identifier(place: Environment, name: str) -> str:
    return f"{place.base}-secret-{name}"


def _value(place: Environment, name: str) -> str:
    """Return a new pepper, or the value that this shell has for the secret."""
    if name == _PEPPER:
        return os.environ.get("AUTHOR_PEPPER") or secrets.token_hex(32)
    variables = _REDDIT_VARIABLES if name == _REDDIT else (name.upper().replace("-", "_"),)
    values = {variable: os.environ.get(variable, "") for variable in variables}
    if missing := [variable for variable, value in values.items() if not value]:
        message = (
            f"the secret {_identifier(place, name)} has no value: set {', '.join(missing)} in this"
            " shell, or leave it out of TF_VAR_secrets (docs/deploy.md)"
        )
        raise SettingsInvalid(message)
    return json.dumps(values) if name == _REDDIT else values[variables[0]]
