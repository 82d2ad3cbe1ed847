"""Set-up of a Snowflake account before the first load: SQL files, rendered from the settings.

The files run in the order of their numbers, and every statement may be repeated. The setting
SNOWFLAKE_ACCESS chooses the files. `cortex.sql` is no part of the set-up: it costs credits, so it
is printed alone, for a person to run.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template

from market_opinion.core.errors import InvalidRequest, SettingsInvalid
from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain
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
# Bounds of AI_SENTIMENT (Snowflake's documentation of the function): categories a call, and letters
# of each.
_CATEGORIES_MAX, _CATEGORY_LETTERS_MAX = 10, 30


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


def cortex(settings: Settings, domain: Domain, *, texts_max: int) -> str:
    """Return the SQL by which Snowflake Cortex judges at most so many texts of a domain.

    Raises SettingsInvalid where Snowflake has no texts, InvalidRequest for less than one text and
    for an aspect whose title is too long for a category.
    """
    if settings.snowflake.access != "iceberg":
        message = "Cortex needs texts, which Snowflake reads with SNOWFLAKE_ACCESS=iceberg alone"
        raise SettingsInvalid(message)
    if texts_max < 1:
        message = f"--texts {texts_max}: from 1"
        raise InvalidRequest(message)
    for name, aspect in domain.aspects.items():
        if len(aspect.title) > _CATEGORY_LETTERS_MAX:
            message = (
                f"aspect {name} of {domain.name}: Cortex takes titles of at most"
                f" {_CATEGORY_LETTERS_MAX} letters, not {aspect.title!r}"
            )
            raise InvalidRequest(message)
    aspects = [(_quoted(name), _quoted(aspect.title)) for name, aspect in domain.aspects.items()]
    values = {
        "domain": _quoted(domain.name),
        "texts_max": str(texts_max),
        "calls": _calls(settings.mart.snowflake_place[1], _quoted(domain.name), aspects),
        "aspects": ",\n  ".join(f"({name}, {title})" for name, title in aspects),
    }
    return _rendered("cortex", settings, values)


def statements(sql: str) -> Iterator[str]:
    """Yield the statements of a rendered text, without comments."""
    code = "\n".join(line for line in sql.splitlines() if not line.startswith("--"))
    return (statement.strip() for statement in code.split(";") if statement.strip())


def _rendered(name: str, settings: Settings, more: Mapping[str, str] | None = None) -> str:
    values = {
        "database": settings.mart.snowflake_place[1],
        "warehouse": settings.snowflake.warehouse,
        "lake_uri": settings.snowflake.lake_uri,
        "role_arn": settings.snowflake.aws_role_arn,
        "external_id": settings.snowflake.aws_external_id,
        "account_id": settings.aws.account_id,
        "region": settings.aws.region,
        **{f"{table.partition('.')[2]}_columns": _external(table) for table in SILVER_COLUMNS},
        **(more or {}),
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


def _quoted(text: str) -> str:
    """Return a text as Snowflake's literal, where a backslash escapes as well."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _calls(database: str, domain: str, aspects: list[tuple[str, str]]) -> str:
    """Return a query a part of the aspects, of the texts that were not judged on that part."""
    queries = []
    for first in range(0, len(aspects), _CATEGORIES_MAX):
        part = aspects[first : first + _CATEGORIES_MAX]
        titles = ", ".join(title for _, title in part)
        query = f"""SELECT d.*, AI_SENTIMENT(d.text, [{titles}]) AS answer
  FROM drawn AS d
  WHERE d.text_key NOT IN (SELECT text_key FROM {database}.cortex.judgements
                           WHERE domain = {domain} AND aspect = {part[0][0]})"""  # noqa: S608, our names
        queries.append(query)
    return "\n  UNION ALL\n  ".join(queries)


def _external(table: str) -> str:
    """Return the columns of an external table over exported rows, by the table of types."""
    kinds = {column.name: column.kind.snowflake for column in SILVER_COLUMNS[table]}
    return ",\n  ".join(f"{name} {kind} AS (VALUE:{name}::{kind})" for name, kind in kinds.items())
