"""Write docs/requirements.md: each capability of docs/requirements.csv, and the tests that cite it.

A test cites by the ids in its docstring, or in that of its module, which counts for all its tests:
`A02, A16 to A18`. An id that no test cites needs a note, which says what is open.
"""

import ast
import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "requirements.md"
GROUPS = {
    "A": "Engine and lakehouse",
    "B": "Ingestion of Reddit, as its callers know it",
    "C": "Reviews, events, Snowflake",
    "D": "Enrichment",
    "E": "Production",
    "X": "Contradictions, settled",
    "M": "Beyond the usual",
    "S": "The first day",
}
_ID = r"[A-FMRSX]\d{1,2}"
# Only at the beginning, before a colon or the end, in brackets, or after the last colon: elsewhere
# S24 is a phone.
_IDS = rf"{_ID}(?:(?:, | to | and ){_ID})*"
_CITED = re.compile(rf"^{_IDS}(?=[,:.])|(?<=\(){_IDS}(?=\))|(?<=: ){_IDS}(?=[.,:;])")
_TESTS_SHOWN = 3


@dataclass(frozen=True)
class Requirement:
    """One capability: its id, a few words, the decision that explains it, and what is open."""

    id: str
    capability: str
    decision: str
    open: str


def requirements(root: Path = ROOT) -> list[Requirement]:
    """Return the capabilities in the order of the file."""
    with (root / "docs" / "requirements.csv").open(newline="") as file:
        return [Requirement(**row) for row in csv.DictReader(file)]


def cited(docstring: str) -> Iterator[str]:
    """Yield the ids that a docstring cites; a range stands for all ids within it."""
    for match in _CITED.finditer(docstring):
        for first, last in re.findall(rf"({_ID})(?: to ({_ID}))?", match[0]):
            letter, width = first[0], len(first) - 1
            numbers = range(int(first[1:]), int((last or first)[1:]) + 1)
            yield from (f"{letter}{number:0{width}}" for number in numbers)


def citations(tests: Path = ROOT / "tests") -> dict[str, list[str]]:
    """Return the names of tests by the ids they cite, each as `file::test`."""
    by_id: dict[str, list[str]] = defaultdict(list)
    for path in sorted(tests.rglob("test_*.py")):
        module = ast.parse(path.read_text())
        name = path.relative_to(tests)
        for each in cited(ast.get_docstring(module) or ""):
            by_id[each].append(str(name))
        for node in module.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for each in cited(ast.get_docstring(node) or ""):
                    by_id[each].append(f"{name}::{node.name}")
    return by_id


def render(root: Path = ROOT) -> str:
    """Return the whole page."""
    tests = citations(root / "tests")
    rows = requirements(root)
    shown = [row for row in rows if row.id in tests]
    lines = [
        "# Requirements",
        "",
        "Every capability by its id, and the tests that show it: docstrings of tests cite ids.",
        "`make docs` writes this page from [requirements.csv](requirements.csv) and the tests.",
        "",
        f"{len(shown)} of {len(rows)} are shown by a test.",
    ]
    for letter, title in GROUPS.items():
        lines += [
            "",
            f"## {letter}: {title}",
            "",
            "| id | capability | shown by |",
            "|---|---|---|",
        ]
        lines += [
            f"| {row.id} | {row.capability} | {_evidence(row, tests.get(row.id, []), root)} |"
            for row in rows
            if row.id[0] == letter
        ]
    return "\n".join(lines) + "\n"


def _evidence(row: Requirement, tests: list[str], root: Path) -> str:
    parts = [f"`{name.rpartition('/')[2]}`" for name in tests[:_TESTS_SHOWN]]
    if len(tests) > _TESTS_SHOWN:
        parts.append(f"{len(tests) - _TESTS_SHOWN} more")
    if row.decision:
        (path,) = (root / "docs" / "decisions").glob(f"{int(row.decision):04}-*.md")
        parts.append(f"[decision {row.decision}](decisions/{path.name})")
    if row.open:
        parts.append(f"**open**: {row.open}")
    return ", ".join(parts)


if __name__ == "__main__":
    PAGE.write_text(render())
