"""Rows as files."""

import zipfile
from datetime import UTC, date, datetime

import polars as pl
import pytest

from market_opinion.core.errors import InvalidRequest
from market_opinion.serving.view_files import csv_of, write_rows
from tests.conftest import REPOSITORY

FRAME = pl.DataFrame(
    {
        "brand": ["Google", "Apple"],
        "full_date": [date(2026, 3, 1), date(2026, 3, 2)],
        "share": [0.25, None],
    }
)
READERS = {".csv": pl.read_csv, ".parquet": pl.read_parquet, ".json": pl.read_json}


@pytest.mark.parametrize("ending", READERS)
def test_the_ending_says_the_format(tmp_path, ending):
    """And all rows come back."""
    path = tmp_path / f"rows{ending}"
    write_rows(FRAME, path)
    assert FRAME.rows() == [
        (brand, day if isinstance(day, date) else date.fromisoformat(day), share)
        for brand, day, share in READERS[ending](path).rows()
    ]
    assert [path] == list(tmp_path.iterdir())


def test_no_text_of_an_excel_file_is_a_formula_or_a_link(tmp_path):
    """Whoever wrote it in a comment."""
    texts = ['=HYPERLINK("https://evil.example","x")', "{=1+1}", "+1+cmd|' /C calc'!A0", "@SUM(1)"]
    path = tmp_path / "rows.xlsx"
    write_rows(
        pl.DataFrame({"evidence": [*texts, "https://e.example"], "n": [1, 2, 3, 4, 5]}), path
    )
    with zipfile.ZipFile(path) as file:
        sheet = file.read("xl/worksheets/sheet1.xml").decode()
        strings = file.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert all(text.replace('"', "&quot;") in strings.replace('"', "&quot;") for text in texts)


def test_an_excel_file_has_a_row_a_row(tmp_path):
    """Times without a zone and empty cells too."""
    path = tmp_path / "rows.xlsx"
    frame = FRAME.with_columns(at=pl.lit(datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None)))
    write_rows(frame, path)
    with zipfile.ZipFile(path) as file:
        assert file.read("xl/worksheets/sheet1.xml").count(b"<row ") == 1 + frame.height


@pytest.mark.parametrize(
    ("name", "reason"),
    [("rows.txt", "there are .csv, .parquet, .xlsx, .json"), ("absent/rows.csv", "no folder")],
)
def test_a_file_that_cannot_be_is_refused(tmp_path, name, reason):
    """With what to do instead."""
    with pytest.raises(InvalidRequest, match=reason):
        write_rows(FRAME, tmp_path / name)


def test_more_rows_than_a_sheet_holds_are_refused(tmp_path, monkeypatch):
    """And leave no file behind."""
    monkeypatch.setattr("market_opinion.serving.view_files._EXCEL_ROWS_MAX", 1)
    with pytest.raises(InvalidRequest, match="2 rows are more than the 1"):
        write_rows(FRAME, tmp_path / "rows.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_a_csv_file_holds_no_formula(tmp_path):
    """E16: words of strangers are opened in spreadsheets; numbers stay numbers."""
    words = ["=HYPERLINK(1)", "+1", "-2+3", "@SUM(1)", "\t=1", "plain = words"]
    write_rows(pl.DataFrame({"evidence": words, "net": [-1.0] * 6}), tmp_path / "rows.csv")
    written = pl.read_csv(tmp_path / "rows.csv")
    assert written["evidence"].to_list() == [f"'{word}" for word in words[:5]] + words[5:]
    assert written["net"].to_list() == [-1.0] * 6


FORMULAS = {
    "=1": "'=1",
    "＝1": "'＝1",
    "  +1": "'  +1",
    "\r=1": "'\r=1",
    "\n=1": "'\n=1",
    "so;=1": "so;'=1",
    "so; +cmd|' /C calc'!A0": "so; '+cmd|' /C calc'!A0",
    "so; @SUM(1)": "so; '@SUM(1)",
    "fine ;-) a-b = c": "fine ;-) a-b = c",
}


def test_every_cell_that_a_spreadsheet_would_run_is_text():
    """In other widths, behind blanks, and behind what parts cells elsewhere; words stay as they are."""
    frame = pl.DataFrame({"words": list(FORMULAS), "=SUM(A1)": [-1.5] * len(FORMULAS)})
    written = pl.read_csv(csv_of(frame).encode())
    assert written.columns == ["words", "'=SUM(A1)"]
    assert written["words"].to_list() == list(FORMULAS.values())
    assert written["'=SUM(A1)"].to_list() == [-1.5] * len(FORMULAS)


def test_there_is_one_way_out_as_csv():
    """Whatever writes rows for people writes them by `csv_of`; hashes of rows are for nobody."""
    writers = [
        path.name
        for room in ("market_opinion/serving", "market_opinion/ops", "tasks", "flows")
        for path in (REPOSITORY / room).rglob("*.py")
        if ".write_csv(" in path.read_text(encoding="utf-8")
    ]
    assert sorted(writers) == ["score_sets.py", "view_files.py"]
