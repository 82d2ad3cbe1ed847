"""Set-up of a Snowflake account before the first load: SQL files, rendered from the settings.

The files run in the order of their numbers, and every statement may be repeated. The setting
SNOWFLAKE_ACCESS chooses the files.
"""

from collections.abc import Iterator
from pathlib import Path
from string import Template

from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.settings import Settings
from market_opinion.serving.mart.columns import SILVER_COLUMNS

_FOLDER = Path(__file__).parent
_ALWAYS = ("01_roles", "02_warehouse", "03_database", "07_grants")
_BY_ACCESS = {
    "iceberg": (
        "04_volume_iceberg",
        "05_catalog_{catalog}",
        "06_lake_iceberg",
        "08_grants_iceberg",
    ),
    "external": ("04_volume_external", "06_lake_external", "08_grants_external"),
    "copy": (),
}


def setup(settings: Settings) -> str:
    """Return the SQL that sets up an account; raise SettingsInvalid for a missing setting."""
    names = (
        *_ALWAYS,
        *(
            name.format(catalog=settings.snowflake.catalog)
            for name in _BY_ACCESS[settings.snowflake.access]
        ),
    )
    return "\n".join(_rendered(name, settings) for name in sorted(names))


def status(settings: Settings) -> str:
    """Return the SQL that shows the state of the set-up."""
    return _rendered(f"status_{settings.snowflake.access}", settings)


def statements(sql: str) -> Iterator[str]:
    """Yield the statements of a rendered text, without comments."""
    code = "\n".join(line for line in sql.splitlines() if not line.startswith("--"))
    return (statement.strip() for statement in code.split(";") if statement.strip())


def _rendered(name: str, settings: Settings) -> str:
    values = {
        "database": settings.mart.snowflake_place[1],
        "warehouse": settings.snowflake.warehouse,
        "lake_uri": settings.snowflake.lake_uri,
        "role_arn": settings.snowflake.aws_role_arn,
        "external_id": settings.snowflake.aws_external_id,
        "account_id": settings.aws.account_id,
        "region": settings.aws.region,
        **{f"{table.partition('.')[2]}_columns": _external(table) for table in SILVER_COLUMNS},
    }
    variables = {
        "lake_uri": "SNOWFLAKE_LAKE_URI",
        "role_arn": "SNOWFLAKE_AWS_ROLE_ARN",
        "external_id": "SNOWFLAKE_AWS_EXTERNAL_ID",
    }
    template = Template((_FOLDER / f"{name}.sql").read_text(encoding="utf-8"))
    missing = [
        variables.get(key, f"AWS_{key.upper()}")
        for key in template.get_identifiers()
        if values[key] is None
    ]
    if missing:
        message = (
            f"infra/snowflake/{name}.sql needs {', '.join(missing)}:"
            " set them, or choose another SNOWFLAKE_ACCESS"
        )
        raise SettingsInvalid(message)
    return template.substitute(values)


def _external(table: str) -> str:
    """Return the columns of an external table over exported rows, by the table of types."""
    kinds = {column.name: column.kind.snowflake for column in SILVER_COLUMNS[table]}
    return ",\n  ".join(f"{name} {kind} AS (VALUE:{name}::{kind})" for name, kind in kinds.items())
