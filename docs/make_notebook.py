"""Write docs/notebook.ipynb, with the answers of the home that is here: `make demo` first.

A test runs its cells and compares the answers.
"""

import ast
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

PATH = Path(__file__).with_name("notebook.ipynb")
# Text and code in turn.
CELLS = (
    "# Questions in Python\n\n"
    "On the bundled sample: run `market-opinion backfill` in this folder first. Items of the sample"
    " were written for it; no real person said them.",
    "import polars as pl\n\nfrom market_opinion import open_home\n\n"
    'home = open_home(domain="smartphones")',
    "## Who is spoken of?\n\nA share is one of all brands of the week.",
    'home.share_of_voice(brand=["Google", "Apple"], by="week")',
    "## In which tone?\n\nNet sentiment is the share of praise minus the share of complaint, among"
    ' judged mentions. `each="product"` asks by product.',
    'home.net_sentiment(since="2026-02-28").sort("mention_count", descending=True).head(4)',
    "## On which side of it?",
    'home.aspects(brand="Google").filter(pl.col("opinion_count") >= 10)',
    "## What exactly do they say?\n\nEvery figure leads to its words; `permalink` to the comment.",
    'home.quotes(brand="Google", aspect="battery", limit=3).select("product", "label", "evidence")',
    "## Anything else\n\nSQL reads all views and tables of `docs/tables.md`.",
    'home.query("SELECT reason, COUNT(*) n FROM mart.fact_brand_mentions GROUP BY 1 ORDER BY 1")',
)


def evaluate(codes: Sequence[str]) -> list[Any]:
    """Return the value of each cell's last line, None for a cell without one."""
    names: dict[str, Any] = {}
    values = []
    for code in codes:
        *lines, last = ast.parse(code).body
        is_value = isinstance(last, ast.Expr)
        body = ast.Module(lines if is_value else [*lines, last], type_ignores=[])
        exec(compile(body, "cell", "exec"), names)
        ending = ast.unparse(last) if is_value else "None"
        values.append(eval(ending, names))
    return values


def as_text(frame: pl.DataFrame) -> str:
    """Return a frame as Polars prints it, with whole words."""
    with pl.Config(fmt_str_lengths=60, tbl_width_chars=120, tbl_rows=10):
        return str(frame)


def _cell(kind: str, place: int, source: str, value: pl.DataFrame | None) -> dict[str, Any]:
    cell = {"cell_type": kind, "id": f"cell-{place}", "metadata": {}, "source": source}
    if kind == "markdown":
        return cell
    outputs = [] if value is None else [_output(place, value)]
    return cell | {"execution_count": place // 2 + 1, "outputs": outputs}


def _output(place: int, value: pl.DataFrame) -> dict[str, Any]:
    with pl.Config(fmt_str_lengths=60):
        shown = {"text/plain": as_text(value), "text/html": value._repr_html_()}
    count = place // 2 + 1
    return {
        "output_type": "execute_result",
        "execution_count": count,
        "data": shown,
        "metadata": {},
    }


def main() -> None:
    """Run the cells and write the file."""
    values = evaluate(CELLS[1::2])
    cells = [
        _cell("code" if place % 2 else "markdown", place, text, values[place // 2])
        for place, text in enumerate(CELLS)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    PATH.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
