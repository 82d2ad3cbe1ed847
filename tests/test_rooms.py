"""The README of each room says what the import contracts hold."""

import re
import tomllib

import pytest

from tests.conftest import REPOSITORY

_CONTRACTS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]
(_ROOMS,) = (each for each in _CONTRACTS["contracts"] if each.get("containers"))
ROOMS = list(reversed(_ROOMS["layers"]))
LINES_MAX = 15


def listed(text):
    return re.findall(r"`(\w+)`", text)


@pytest.mark.parametrize("room", ROOMS)
def test_the_readme_of_a_room_names_its_modules_and_its_neighbours(room):
    """D28: every module once; the rooms below and above, in the order of the contract."""
    folder = REPOSITORY / "market_opinion" / room
    text = (folder / "README.md").read_text()
    modules = re.search(r"^In reading order: (.*?)\.$", text, re.MULTILINE | re.DOTALL)[1]
    there = [
        path.stem
        for path in folder.iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists()) and path.stem[0] != "_"
    ]
    assert sorted(there) == sorted(listed(modules))
    place = ROOMS.index(room)
    assert ROOMS[:place] == listed(
        re.search(r"^- imports: (.*?)^- ", text, re.MULTILINE | re.DOTALL)[1]
    )
    above = listed(re.search(r"^- imported by: (.*)", text, re.MULTILINE | re.DOTALL)[1])
    assert above == [*ROOMS[place + 1 :], "tasks", "flows", "infra"]
    assert len(text.splitlines()) <= LINES_MAX


def test_every_room_has_one():
    """And each is a room."""
    folders = {path.parent.name for path in (REPOSITORY / "market_opinion").glob("*/README.md")}
    assert set(ROOMS) == folders
