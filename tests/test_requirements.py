"""The page of requirements is what the tests cite, and every id is shown or said to be open."""

from collections import Counter

import pytest

from docs import make_requirements
from tests.conftest import REPOSITORY

SIZES = {"A": 43, "B": 64, "C": 23, "D": 32, "E": 38, "X": 15, "M": 14, "S": 18}


def test_the_list_has_every_id_once():
    """Ids of a group run on from 1; each has its few words."""
    rows = make_requirements.requirements()
    assert Counter(row.id[0] for row in rows) == SIZES
    for letter, size in SIZES.items():
        ids = [row.id for row in rows if row.id[0] == letter]
        assert [int(each[1:]) for each in ids] == list(range(1, size + 1))
    assert [row.id for row in rows if not row.capability] == []


def test_every_id_is_shown_by_a_test_or_said_to_be_open():
    """C02: what is open and has a test is said to be open in vain; no test cites an unknown id."""
    rows, tests = make_requirements.requirements(), make_requirements.citations()
    assert [row.id for row in rows if bool(row.open) == (row.id in tests)] == []
    assert set(tests) - {row.id for row in rows} == set()


def test_the_page_is_current():
    """`make docs` writes it."""
    assert make_requirements.render() == make_requirements.PAGE.read_text()


@pytest.mark.parametrize(
    ("docstring", "ids"),
    [
        ("B23.", ["B23"]),
        ("B24, B25: as many as the setting says.", ["B24", "B25"]),
        ("B35 to B38, X4: a rerun does not erase the history.", "B35 B36 B37 B38 X4".split()),
        ("X5, and the rest of it.", ["X5"]),
        ("With their aspects (A02, A16 to A18).", ["A02", "A16", "A17", "A18"]),
        ("M9: a proof.", ["M9"]),
        ("A phone called S24 is none: nor is the S9 of 2018.", []),
        ("Nothing.", []),
    ],
)
def test_ids_are_read_from_docstrings(docstring, ids):
    """Ranges hold the ids within them; names of phones are no ids."""
    assert ids == list(make_requirements.cited(docstring))


def test_a_test_that_cites_nothing_leaves_its_id_without_one(tmp_path):
    """A citation of a module counts for the file, one of a test for the test."""
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_a.py").write_text('"""M4: words."""\n\ndef test_b():\n    """A01: b."""\n')
    assert make_requirements.citations(folder) == {
        "M4": ["test_a.py"],
        "A01": ["test_a.py::test_b"],
    }


def test_decisions_of_the_list_are_there():
    """By their numbers."""
    numbers = {int(path.name[:4]) for path in (REPOSITORY / "docs" / "decisions").glob("*.md")}
    named = {int(row.decision) for row in make_requirements.requirements() if row.decision}
    assert named <= numbers
