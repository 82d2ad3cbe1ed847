"""Commands that ask the mart: a table, a file or the report."""

import logging
import sys
import webbrowser
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import cyclopts
import polars as pl
from rich.table import Table

from market_opinion.core.console import say, shown, table_console
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import load_settings
from market_opinion.serving.filters import Filters, read_view
from market_opinion.serving.home import open_home
from market_opinion.serving.view_files import csv_of, write_rows

_ROWS_SHOWN = 200
# A message of an alert is read on a phone.
_ROWS_SENT = 20
# A filter may be given more than once, or with several values.
_Several = Annotated[tuple[str, ...], cyclopts.Parameter(consume_multiple=True, negative=())]


def query(
    sql: str,
    *,
    json: bool = False,
    csv: bool = False,
    rows: int = _ROWS_SHOWN,
    alert: str | None = None,
) -> None:
    """Ask the mart in SQL, which is read and never changed.

    With --alert the question is a rule: rows that it finds are sent as an alert, and the command
    ends with 1.

    Args:
        sql: One SELECT; views are in the schema mart, as mart.daily_brand.
        json: Print JSON: an array with an object a row.
        csv: Print CSV.
        rows: How many rows of the table are shown at most; JSON and CSV have all.
        alert: Name of the rule; the webhook and the topic of the settings get what it finds.
    """
    if json and csv:
        message = "give --json or --csv, not both"
        raise InvalidRequest(message)
    frame = open_home().query(sql)
    if json or csv:
        sys.stdout.write((frame.write_json() + "\n") if json else csv_of(frame))
    else:
        _show(frame, rows)
    if alert and frame.height:
        _send(alert, frame.head(_ROWS_SENT))
        sys.exit(1)


def export(
    view: str,
    *,
    to: Path,
    domain: str | None = None,
    brand: _Several = (),
    product: _Several = (),
    aspect: _Several = (),
    platform: _Several = (),
    community: _Several = (),
    since: date | None = None,
    until: date | None = None,
) -> None:
    """Write a view of the mart as CSV, Parquet, Excel or JSON, with the filters of the dashboard.

    Args:
        view: Name of the view, as daily_brand or top_evidence; docs/tables.md lists them.
        to: File to write: its ending, .csv, .parquet, .xlsx or .json, says the format.
        domain: Only this domain.
        brand: Only these brands.
        product: Only these products, by name or id.
        aspect: Only these aspects, by name or title.
        platform: Only these platforms.
        community: Only these communities.
        since: From this day, in UTC.
        until: Up to this day, in UTC.
    """
    filters = Filters(domain, brand, product, aspect, platform, community, since, until)
    frame = read_view(open_home().query, view, filters)
    write_rows(frame, to)
    say(f"{frame.height:,} rows of {view} in {shown(str(to))}")
    if frame.is_empty():
        say("[yellow]note[/] nothing matches: look at the names by `market-opinion query`")


def report(domain: str = "smartphones", *, show: bool = False) -> None:
    """Draw the report of a domain again from the mart, and print the path of the page.

    Args:
        domain: Domain that the page is about.
        show: Open the page in the browser.
    """
    # Charts take seconds to import.
    from market_opinion.ops.adapters import open_adapters
    from market_opinion.ops.drawing import draw_report

    path = draw_report(open_adapters(), domain, datetime.now(UTC))
    if path is None:
        message = "the mart is empty: run `market-opinion backfill` first"
        raise InvalidRequest(message)
    sys.stdout.write(f"{path}\n")
    if show:
        webbrowser.open(path.as_uri())


def _send(rule: str, frame: pl.DataFrame) -> None:
    """Send one alert for each row, with its columns in words."""
    from market_opinion.ops.alerts import Alert, raise_alerts

    texts = [
        ", ".join(f"{name} {value}" for name, value in row.items())
        for row in frame.iter_rows(named=True)
    ]
    alerts = [Alert(rule, f"{rule}: {text}") for text in texts]
    raise_alerts(alerts, load_settings(), logging.getLogger(__name__))


def _show(frame: pl.DataFrame, rows_max: int) -> None:
    """Print the first rows as a table, with numbers at the right."""
    table = Table(box=None, header_style="bold")
    for name, dtype in frame.schema.items():
        table.add_column(shown(name), justify="right" if dtype.is_numeric() else "left")
    for row in frame.head(rows_max).iter_rows():
        table.add_row(*(_cell(value) for value in row))
    table_console().print(table)
    left = frame.height - rows_max
    more = f", {left:,} of them not shown: --rows" if left > 0 else ""
    say(f"[dim]{frame.height:,} rows{more}[/]")


def _cell(value: object) -> str:
    """Return a value for a person: whole numbers in groups of three, others to four places."""
    if value is None:
        return "[dim]–[/]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1 else f"{value:,.2f}"
    return shown(str(value))
