"""The login to Snowflake, as Prefect's own credentials block does it."""

from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

from prefect_snowflake import SnowflakeCredentials
from pydantic import ValidationError
from snowflake.connector import SnowflakeConnection

from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.settings import Settings
from market_opinion.serving.mart.publication import Publication
from market_opinion.serving.mart.snowflake import SnowflakeMart

# The connector repeats lost requests for this long: an hourly load would rather be tried again
# than hang.
_TIMEOUT_SECONDS = 60


def open_warehouse(settings: Settings) -> SnowflakeMart:
    """Return the mart that MART_URI names; nothing is asked of it before it is needed."""
    return SnowflakeMart(
        partial(connect, settings),
        access=settings.snowflake.access,
        publication=Publication.of(settings),
    )


def connect(settings: Settings, *, database: bool = True) -> SnowflakeConnection:
    """Return a connection as the configured user, to the mart's database if `database`.

    Raises SettingsInvalid for settings that are missing or contradict each other.
    """
    account, database_name = settings.mart.snowflake_place
    target: dict[str, Any] = (
        {"database": database_name, "warehouse": settings.snowflake.warehouse} if database else {}
    )
    if settings.snowflake.url:
        url = urlsplit(settings.snowflake.url)
        target |= {
            "host": url.hostname,
            "port": url.port or (443 if url.scheme == "https" else 80),
            "protocol": url.scheme,
        }
    connection: SnowflakeConnection = _credentials(settings, account).get_client(
        **target,
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
    """Return the credentials of SNOWFLAKE_BLOCK, else those of the environment."""
    if settings.snowflake.block:
        return cast("SnowflakeCredentials", SnowflakeCredentials.load(settings.snowflake.block))
    key = settings.snowflake.private_key
    derived = (
        "snowflake_jwt"
        if key or settings.snowflake.private_key_path
        else "workload_identity"
        if settings.snowflake.workload_identity_provider
        else "oauth"
        if settings.snowflake.token
        else "snowflake"
    )
    parts = {
        "user": settings.snowflake.user,
        "private_key": key.get_secret_value().encode() if key else None,
        "private_key_path": settings.snowflake.private_key_path,
        "private_key_passphrase": settings.snowflake.private_key_passphrase,
        "token": settings.snowflake.token,
        "password": settings.snowflake.password,
        "workload_identity_provider": settings.snowflake.workload_identity_provider,
        "role": settings.snowflake.role,
    }
    try:
        return SnowflakeCredentials(
            account=account,
            authenticator=settings.snowflake.authenticator or derived,
            **{name: value for name, value in parts.items() if value is not None},
        )
    except ValueError as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        message = (
            f"no usable Snowflake credentials ({reason}): set SNOWFLAKE_USER with"
            " SNOWFLAKE_PRIVATE_KEY or SNOWFLAKE_PRIVATE_KEY_PATH,"
            " SNOWFLAKE_WORKLOAD_IDENTITY_PROVIDER, SNOWFLAKE_TOKEN or SNOWFLAKE_PASSWORD,"
            " or name a SNOWFLAKE_BLOCK"
        )
        raise SettingsInvalid(message) from None
