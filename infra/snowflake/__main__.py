"""Command that sets up a Snowflake account: `python -m infra.snowflake render|apply|status`."""

import cyclopts
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from snowflake.connector.errors import Error

from infra import snowflake
from market_opinion.core.console import run
from market_opinion.core.settings import Settings, load_settings
from market_opinion.domain.definition import load_domain
from market_opinion.serving.mart.snowflake import mart_error

app = cyclopts.App(
    name="python -m infra.snowflake",
    help="Set up a Snowflake account before the first load.",
    version_flags=(),
)


@app.command
def render(*, cortex: str | None = None, texts: int = 1000) -> None:
    """Print the set-up SQL for SNOWFLAKE_ACCESS, to be read and run by hand.

    Args:
        cortex: Domain whose texts Snowflake Cortex shall judge, for credits; print that SQL alone.
        texts: Texts that Cortex judges at most; a larger number goes on with the first ones.
    """
    settings = load_settings()
    if cortex is None:
        print(snowflake.setup(settings))
    else:
        domain = load_domain(cortex, settings.domains_path)
        print(snowflake.cortex(settings, domain, texts_max=texts))


@app.command
def apply() -> None:
    """Run the set-up SQL as a user who may use ACCOUNTADMIN; repeating it is safe."""
    settings = load_settings()
    _run(settings, snowflake.setup(settings), show=False)


@app.command
def status() -> None:
    """Show the AWS principals to trust, and whether the tables follow the lake."""
    settings = load_settings()
    _run(settings, snowflake.status(settings), show=True)


def _run(settings: Settings, sql: str, *, show: bool) -> None:
    from market_opinion.serving.mart.snowflake_login import connect  # takes seconds to import

    console = Console()
    try:
        with connect(settings, database=False) as connection, connection.cursor() as cursor:
            for statement in snowflake.statements(sql):
                console.print(
                    f"[dim]{escape(' '.join(statement.split())[:120])}[/]",
                    highlight=False,
                    soft_wrap=True,
                )
                cursor.execute(statement)
                if show:
                    table = Table(*[column.name for column in cursor.description])
                    for row in cursor.fetchall():
                        table.add_row(*(escape(str(value)) for value in row))
                    console.print(table)
    except Error as error:
        raise mart_error(error) from error


if __name__ == "__main__":
    run(app)
