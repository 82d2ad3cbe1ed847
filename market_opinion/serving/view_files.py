"""Rows as a file: CSV, Parquet, Excel or JSON, by the ending of the file's name."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from market_opinion.core.errors import InvalidRequest

_EXCEL_ROWS_MAX = 1_048_575
# What a spreadsheet runs, at the start of a cell. Where its language parts cells by semicolons, a
# cell starts behind each of them too. Full-width signs count as the others do.
_FORMULA = r"^(\s*[=@+\-＝＠＋－]|[\t\r\n])"
_FORMULA_BEHIND = r"(;\s*)([=@＝＠]|[+\-＋－]\w)"


def write_rows(frame: pl.DataFrame, path: Path) -> None:
    """Replace the file by the rows; it is there whole or not at all.

    Raises InvalidRequest for an ending that means no format, a folder that is absent, and more rows
    than an Excel sheet holds.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        message = f"{path}: its ending says the format; there are {', '.join(_WRITERS)}"
        raise InvalidRequest(message)
    if not path.parent.is_dir():
        message = f"{path}: there is no folder {path.parent}: create it"
        raise InvalidRequest(message)
    partial = path.with_name(f".{path.stem}.part{path.suffix}")
    write(frame, partial)
    partial.replace(path)


def rewrite_rows(frame: pl.DataFrame, path: Path) -> None:
    """Replace a file of rows by some of its own, which stay as they were written.

    A file of CSV was read as texts, so that its negative numbers must not be taken for formulas.
    """
    if path.suffix.lower() == ".csv":
        partial = path.with_name(f".{path.stem}.part{path.suffix}")
        frame.write_csv(partial)
        partial.replace(path)
    else:
        write_rows(frame, path)


def csv_of(frame: pl.DataFrame) -> str:
    """Return the rows as CSV, the one form in which rows of ours leave for a spreadsheet.

    A `'` stands before each text, and each name of a column, that would be run as a formula.
    """
    names = pl.DataFrame({"name": frame.columns}, schema={"name": pl.String})
    headings = names.select(_guarded(pl.col("name")))["name"]
    texts = pl.col(pl.String, pl.Categorical, pl.Enum).cast(pl.String)
    rows = frame.with_columns(_guarded(texts))
    return rows.rename(dict(zip(frame.columns, headings, strict=True))).write_csv()


def _guarded(texts: pl.Expr) -> pl.Expr:
    return texts.str.replace(_FORMULA, "'$1").str.replace_all(_FORMULA_BEHIND, "$1'$2")


def _write_excel(frame: pl.DataFrame, path: Path) -> None:
    """Write one sheet, whose texts stay texts: none is run as a formula or opened as a link."""
    import xlsxwriter  # few need it

    if frame.height > _EXCEL_ROWS_MAX:
        message = (
            f"{frame.height:,} rows are more than the {_EXCEL_ROWS_MAX:,} of an Excel sheet:"
            " filter them, or write .csv or .parquet"
        )
        raise InvalidRequest(message)
    options = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with xlsxwriter.Workbook(str(path), options) as workbook:
        frame.write_excel(workbook, worksheet="rows", autofit=True, freeze_panes="A2")


_WRITERS: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    ".csv": lambda frame, path: path.write_bytes(csv_of(frame).encode()),
    ".parquet": lambda frame, path: frame.write_parquet(path),
    ".xlsx": _write_excel,
    ".json": lambda frame, path: frame.write_json(path),
}
