"""The questions of docs/questions.md have the answers of the document."""

import re

from flows.backfill import backfill
from market_opinion.ops.adapters import open_adapters
from tests.conftest import REPOSITORY

_QUESTION = re.compile(
    r"^## \d+\. (?P<title>.*?)\n```sql\n(?P<sql>.*?)\n```\n\n(?P<answer>(?:\|[^\n]*\n?)+)",
    re.MULTILINE | re.DOTALL,
)
TEXT = (REPOSITORY / "docs" / "questions.md").read_text()
QUESTIONS = list(_QUESTION.finditer(TEXT))


def shown(value):
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_ten_questions_are_answered_on_the_sample(without_engine):
    """Row for row."""
    assert len(QUESTIONS) == len(re.findall(r"^## ", TEXT, re.MULTILINE)) == 10
    backfill.fn()
    for question in QUESTIONS:
        found = open_adapters().mart().query(question["sql"])
        head, _, *rows = question["answer"].strip().splitlines()
        assert [name.strip() for name in head.strip("|").split("|")] == found.columns, question[
            "title"
        ]
        assert [tuple(cell.strip() for cell in row[1:-1].split("|")) for row in rows] == [
            tuple(map(shown, row)) for row in found.rows()
        ], question["title"]
