"""Prose and sizes that every module keeps."""

import ast
import re

import pytest

from tests.conftest import REPOSITORY

PACKAGES = ("market_opinion", "tasks", "flows", "infra")
MODULES = sorted(path for name in PACKAGES for path in (REPOSITORY / name).rglob("*.py"))
LINES_MAX = 60
WIDTH_MAX = 100
DOCUMENTS = [
    REPOSITORY / "README.md",
    REPOSITORY / "CHANGELOG.md",
    # tables.md is generated, one table after another.
    *sorted(path for path in (REPOSITORY / "docs").rglob("*.md") if path.name != "tables.md"),
    *sorted((REPOSITORY / "market_opinion").glob("*/README.md")),
]
_RIDDLE = re.compile(r"(What|Which|Where|Who|Whom|Whose|How)\b")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def nodes(path):
    """All modules, classes and functions of a file."""
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, _DOCUMENTED)]


def place(path, node):
    return f"{path.relative_to(REPOSITORY)}:{getattr(node, 'lineno', 1)}"


def riddles(path):
    return [
        place(path, node)
        for node in nodes(path)
        if _RIDDLE.match((ast.get_docstring(node) or "").lstrip())
    ]


def long_functions(path):
    return [
        place(path, node)
        for node in nodes(path)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno - node.lineno + 1 > LINES_MAX
    ]


def test_no_docstring_begins_with_a_question_word():
    """A docstring is a sentence or a noun phrase, and says what comes back or changes."""
    assert [found for path in MODULES for found in riddles(path)] == []


def test_no_function_is_longer_than_sixty_lines():
    """Decorators aside."""
    assert [found for path in MODULES for found in long_functions(path)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_lines_of_documents_are_at_most_100_wide(path):
    """Except tables, code and what cannot be broken."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert [
        line
        for line in text.splitlines()
        if len(line) > WIDTH_MAX and not line.startswith("|") and " " in line.strip("-* ")
    ] == []


def test_the_checks_find_what_they_look_for(tmp_path, monkeypatch):
    """A planted riddle and a planted long function."""
    monkeypatch.setitem(globals(), "REPOSITORY", tmp_path)
    path = tmp_path / "planted.py"
    body = "\n".join(f"    x = {number}" for number in range(LINES_MAX))
    path.write_text(f'"""What it is."""\n\n\ndef long():\n    """How it goes."""\n{body}\n')
    assert riddles(path) == ["planted.py:1", "planted.py:4"]
    assert long_functions(path) == ["planted.py:4"]
