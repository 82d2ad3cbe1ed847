"""The Snowflake mart, signed in to as Prefect's own block for it does."""

from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

from prefect_snowflake import SnowflakeCredentials
from pydantic import ValidationError
from snowflake.connector import SnowflakeConnection

from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.settings import Settings
from market_opinion.serving.mart.snowflake import SnowflakeMart

# An hourly load would rather be tried again than hang: the connector repeats what the network lost for so long.
_TIMEOUT_SECONDS = 60


def open_warehouse(settings: Settings) -> SnowflakeMart:
    """The mart that MART_URI names; nothing is asked before it is needed."""
    return SnowflakeMart(partial(connect, settings), access=settings.snowflake_road)


def connect(settings: Settings, *, database: bool = True) -> SnowflakeConnection:
    """A connection as the configured user, to the mart's database; raises SettingsInvalid for what is missing or contradicts itself."""
    account, name = settings.snowflake_place
    place: dict[str, Any] = (
        {"database": name, "warehouse": settings.snowflake_warehouse} if database else {}
    )
    if settings.snowflake_url:
        url = urlsplit(settings.snowflake_url)
        place |= {
            "host": url.hostname,
            "port": url.port or (443 if url.scheme == "https" else 80),
            "protocol": url.scheme,
        }
    connection: SnowflakeConnection = _credentials(settings, account).get_client(
        **place,
        autocommit=False,
        application="market_opinion",
        login_timeout=_TIMEOUT_SECONDS,
        network_timeout=_TIMEOUT_SECONDS,
        session_parameters={
            "QUERY_TAG": f"market_opinion/{settings.environment}",
            "TIMEZONE": "UTC",
            "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
            "CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False,
        },
    )
    return connection


def _credentials(settings: Settings, account: str) -> SnowflakeCredentials:
    """From a Prefect block where one is named, else from the environment."""
    if settings.snowflake_block:
        return cast("SnowflakeCredentials", SnowflakeCredentials.load(settings.snowflake_block))
    key = settings.snowflake_private_key
    derived = (
        "snowflake_jwt"
        if key or settings.snowflake_private_key_path
        else "workload_identity"
        if settings.snowflake_workload_identity_provider
        else "oauth"
        if settings.snowflake_token
        else "snowflake"
    )
    given = {
        "user": settings.snowflake_user,
        "private_key": key.get_secret_value().encode() if key else None,
        "private_key_path": settings.snowflake_private_key_path,
        "private_key_passphrase": settings.snowflake_private_key_passphrase,
        "token": settings.snowflake_token,
        "password": settings.snowflake_password,
        "workload_identity_provider": settings.snowflake_workload_identity_provider,
        "role": settings.snowflake_role,
    }
    try:
        return SnowflakeCredentials(
            account=account,
            authenticator=settings.snowflake_authenticator or derived,
            **{name: value for name, value in given.items() if value is not None},
        )
    except ValueError as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        message = (
            f"no usable Snowflake credentials ({reason}): set SNOWFLAKE_USER with SNOWFLAKE_PRIVATE_KEY or SNOWFLAKE_PRIVATE_KEY_PATH,"
            " SNOWFLAKE_WORKLOAD_IDENTITY_PROVIDER, SNOWFLAKE_TOKEN or SNOWFLAKE_PASSWORD, or name a SNOWFLAKE_BLOCK"
        )
        raise SettingsInvalid(message) from None
