"""Print, run or look at what a Snowflake account needs: `python -m infra.snowflake render|apply|status`."""

import cyclopts
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from snowflake.connector.errors import Error

from infra import snowflake
from market_opinion.core.console import run
from market_opinion.core.settings import Settings, load_settings
from market_opinion.serving.mart.snowflake import explained

app = cyclopts.App(
    name="python -m infra.snowflake",
    help="What a Snowflake account needs before the first load.",
    version_flags=(),
)


@app.command
def render() -> None:
    """Print the SQL for SNOWFLAKE_ACCESS, for somebody to read and run."""
    print(snowflake.setup(load_settings()))


@app.command
def apply() -> None:
    """Run it, statement by statement, as a user who may; all of it may be run again."""
    settings = load_settings()
    _run(settings, snowflake.setup(settings), show=False)


@app.command
def status() -> None:
    """Show whom AWS has to trust, and whether the tables follow the lake."""
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
        raise explained(error) from error


if __name__ == "__main__":
    run(app)
