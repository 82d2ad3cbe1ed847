"""The wheel, by which the platform runs outside of its checkout."""

import subprocess
import sys
import zipfile

import pytest

from tests.conftest import REPOSITORY

PACKAGES = ("flows", "tasks", "domains", "infra", "market_opinion")


@pytest.fixture
def wheel(tmp_path):
    """The wheel of this checkout."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as file:
        yield file


def test_the_wheel_holds_every_file_of_its_packages(wheel):
    """A31, S18: domains with their samples, SQL, templates and weights; and the command."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *PACKAGES],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    present = [name for name in listed if name and (REPOSITORY / name).is_file()]
    names = set(wheel.namelist())
    assert len(present) > 300
    assert [name for name in present if name not in names] == []
    (entries,) = (name for name in names if name.endswith("entry_points.txt"))
    assert "market-opinion = flows.__main__:main" in wheel.read(entries).decode()
