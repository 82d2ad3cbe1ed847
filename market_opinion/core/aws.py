"""Clients of AWS, made when they are needed.

boto3 takes a while to import, and few runs need it.
"""

import os
from typing import Any

from market_opinion.core.errors import CloudRefused


def client(service: str, *, region: str | None = None) -> Any:  # noqa: ANN401, boto3 makes clients at run time
    """Return a client of one service, with the credentials and endpoint of the environment."""
    import boto3

    return boto3.client(service, region_name=region)


def identity() -> frozenset[tuple[str, str]]:
    """Return the variables that say who asks AWS, and where; a client kept for them stays right.

    Credentials that such a client finds elsewhere, as a role's, it renews itself.
    """
    return frozenset(each for each in os.environ.items() if each[0].startswith("AWS_"))


def errors() -> tuple[type[Exception], ...]:
    """Return the errors of boto3, for what must go on whatever AWS says."""
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError


def call(
    service: str,
    operation: str,
    *,
    region: str | None = None,
    **arguments: Any,  # noqa: ANN401, as boto3 has it
) -> Any:  # noqa: ANN401, as boto3 has it
    """Return the answer of one request; raises CloudRefused that names the reason AWS gave."""
    try:
        return getattr(client(service, region=region), operation)(**arguments)
    except errors() as error:
        message = f"AWS {service}: {error}"
        raise CloudRefused(message) from error
