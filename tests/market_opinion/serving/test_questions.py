"""The questions of docs/questions.md, and the notebook, have the answers of the documents."""

import json
import re

import polars as pl
import pytest

from docs.make_notebook import PATH, as_text, evaluate
from flows.backfill import backfill
from market_opinion import open_home
from market_opinion.ops.adapters import open_adapters
from tests.conftest import REPOSITORY

_QUESTION = re.compile(
    r"^## \d+\. (?P<title>.*?)\n```sql\n(?P<sql>.*?)\n```\n\n(?P<answer>(?:\|[^\n]*\n?)+)"
    r"\n```python\n(?P<python>.*?)\n```\nDashboard: ",
    re.MULTILINE | re.DOTALL,
)
TEXT = (REPOSITORY / "docs" / "questions.md").read_text()
QUESTIONS = list(_QUESTION.finditer(TEXT))


def shown(value):
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture
def sample(without_engine):
    """A home that holds the bundled sample."""
    backfill.fn()


def test_the_documents_answer_on_the_sample(sample):
    """Each question in SQL row for row, in Python by the columns of one name, and the notebook."""
    assert len(QUESTIONS) == len(re.findall(r"^## ", TEXT, re.MULTILINE)) == 14
    home = open_home(domain="smartphones")
    for question in QUESTIONS:
        found = open_adapters().mart().query(question["sql"])
        head, _, *lines = question["answer"].strip().splitlines()
        title, rows = question["title"], [line[1:-1].split("|") for line in lines]
        assert [name.strip() for name in head.strip("|").split("|")] == found.columns, title
        assert [tuple(cell.strip() for cell in row) for row in rows] == [
            tuple(map(shown, row)) for row in found.rows()
        ], title
        frame = eval(question["python"], {"home": home, "pl": pl, "sql": question["sql"]})
        common = [name for name in found.columns if name in frame.columns]
        assert common, title
        assert frame.select(common).equals(found.select(common)), title
    cells = [cell for cell in json.loads(PATH.read_text())["cells"] if cell["cell_type"] == "code"]
    values = evaluate(["".join(cell["source"]) for cell in cells])
    assert [cell["outputs"][0]["data"]["text/plain"] for cell in cells if cell["outputs"]] == [
        as_text(value) for value in values if value is not None
    ]
