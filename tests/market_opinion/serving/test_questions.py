"""What documents say of the bundled sample: questions, notebook and README."""

import json
import re

import polars as pl
import pytest

from docs.make_notebook import PATH, as_text, evaluate
from flows.backfill import backfill
from market_opinion import open_home
from market_opinion.ops.adapters import open_adapters
from tests.conftest import REPOSITORY, runs_in

_QUESTION = re.compile(
    r"^## \d+\. (?P<title>.*?)\n```sql\n(?P<sql>.*?)\n```\n\n(?P<answer>(?:\|[^\n]*\n?)+)"
    r"\n```python\n(?P<python>.*?)\n```\nDashboard: ",
    re.MULTILINE | re.DOTALL,
)
TEXT = (REPOSITORY / "docs" / "questions.md").read_text()
QUESTIONS = list(_QUESTION.finditer(TEXT))


def shown(value):
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A home that holds the bundled sample, as `make demo` fills it."""
    home = tmp_path_factory.mktemp("filled") / "home"
    with runs_in(home, small=False):
        backfill.fn()
    return home


@pytest.fixture
def sample(filled, monkeypatch):
    """The same home as that of a test."""
    monkeypatch.setenv("MARKET_OPINION_HOME", str(filled))
    return filled


def test_the_bundled_sample_is_what_the_readme_says(sample, tables):
    """S1: at least 800 items in 60 threads over 72 hours."""
    items = tables()["silver.items"]
    assert items.height >= 800
    assert items.filter(kind="submission").height == 60
    assert items["window_start"].n_unique() == 72
    report = (sample / "report.html").read_text()
    assert "Brands by aspect" in report
    assert 'src="http' not in report
    assert re.search(r"[0-9.]+% of the usable comments of the last 30 days", report)


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
