"""The import contracts find what they forbid: imports are planted into a copy of the packages."""

import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PACKAGES = ("infra", "flows", "tasks", "market_opinion")
# A module, and the import that is written into it.
FORBIDDEN = [
    *(
        ("market_opinion.core.window", client)
        for client in (
            "pyiceberg",
            "praw",
            "prawcore",
            "openai",
            "tweepy",
            "confluent_kafka",
            "boto3",
            "botocore",
            "snowflake.connector",
            "prefect_snowflake",
            "prefect",
            "prefect_aws",
        )
    ),
    ("tasks.bronze", "pyiceberg"),
    ("flows.backfill", "boto3"),
    ("flows.backfill", "polars"),
    ("infra.snowflake.__init__", "openai"),
    ("market_opinion.sources.files", "praw"),
    ("market_opinion.scorers.lexicon", "openai"),
    ("market_opinion.storage.export", "pyiceberg"),
    ("market_opinion.serving.charts", "snowflake.connector"),
    ("market_opinion.storage.export", "market_opinion.stages.silver"),
    ("market_opinion.stages.bronze", "market_opinion.ops.alerts"),
    ("market_opinion.sources.quota", "market_opinion.scorers.lexicon"),
    ("market_opinion.ops.alerts", "tasks.bronze"),
    ("tasks.bronze", "flows.backfill"),
    ("tasks.silver", "tasks.bronze"),
]


@pytest.fixture
def lint(tmp_path):
    """Run lint-imports over a copy of the packages, and return its exit status and output."""
    for name in PACKAGES:
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)

    def run():
        command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return result.returncode, result.stdout

    return tmp_path, run


def test_every_planted_import_is_found(lint):
    """A12, A40: by the module it stands in and by its name; without one, all contracts are kept."""
    folder, run = lint
    status, output = run()
    assert status == 0, output
    for module, target in FORBIDDEN:
        path = folder / (module.replace(".", "/") + ".py")
        path.write_text(f"{path.read_text()}\n\nimport {target}\n")
    status, output = run()
    assert status == 1
    shown = re.sub(r"\s+", " ", output)
    missed = [
        (module, target)
        for module, target in FORBIDDEN
        if f"{module.removesuffix('.__init__')} -> {_shown(target)} (l." not in shown
    ]
    assert missed == [], output


def test_a_room_without_a_place_is_found(lint):
    """D16, A40: a folder beside the nine is refused until the layers name it."""
    folder, run = lint
    (folder / "market_opinion" / "cellar").mkdir()
    (folder / "market_opinion" / "cellar" / "__init__.py").write_text("")
    status, output = run()
    assert status == 1
    assert "cellar" in output


def _shown(target: str) -> str:
    """Return the name under which import-linter knows the target: of a client, the package alone."""
    return target if target.startswith(PACKAGES) else target.partition(".")[0]


def test_tasks_hold_tasks():
    """Every module has a task, none calls another's function, and the settings are read in one place."""
    modules = sorted((REPOSITORY / "tasks").glob("[!_]*.py"))
    texts = {path.stem: path.read_text() for path in modules}
    assert [
        name for name, text in texts.items() if not re.search(r"^@(task|stage)", text, re.MULTILINE)
    ] == []
    assert [name for name, text in texts.items() if re.search(r"\.fn\b", text)] == []
    calls = [name for name, text in texts.items() for _ in re.findall(r"load_settings\(", text)]
    assert calls == ["request"]


def test_a_module_name_stands_in_at_most_two_packages():
    """A reader who searches for a name finds the flow, or the task, and what they call."""
    places = defaultdict(set)
    for package in PACKAGES:
        for path in (REPOSITORY / package).rglob("*.py"):
            name = path.parent.name if path.stem == "__init__" else path.stem
            if not name.startswith("__"):
                places[name].add(path.parent.parent if path.stem == "__init__" else path.parent)
    assert {name: sorted(map(str, found)) for name, found in places.items() if len(found) > 2} == {}
