"""What the documents claim."""

import re
import subprocess

import yaml

from market_opinion.settings import Settings
from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text()


def test_the_readme_lists_the_deployments_there_are():
    """With their schedules."""
    deployments = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]
    listed = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", README, re.MULTILINE))
    assert sorted(listed) == sorted(entry["name"] for entry in deployments)
    for entry in deployments:
        for schedule in entry["schedules"]:
            assert f"`{schedule['cron']}`" in listed[entry["name"]]


def test_every_setting_is_in_the_example():
    """By the name of its variable, and no other."""
    wanted = {(info.alias or name).upper() for name, info in Settings.model_fields.items()}
    shown = set(re.findall(r"^#? ?([A-Z_]+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE))
    assert shown == wanted


def test_links_of_the_documents_lead_somewhere():
    """Files of this repository."""
    for document in [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("**/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_folders_of_the_readme_exist():
    """The table of what to open."""
    for folder in ("flows", "tasks", "market_opinion", "domains"):
        assert f"`{folder}/`" in README
        assert (REPOSITORY / folder).is_dir()


def test_the_image_holds_every_package():
    """What runs here runs there: each top-level package is copied, and what the README says of the user is so."""
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    packages = [path.parent.name for path in REPOSITORY.glob("*/__init__.py") if path.parent.name not in {"tests", "benchmarks"}]
    for name in [*packages, "domains"]:
        assert f"COPY {name} {name}" in dockerfile
        assert f"!{name}" in (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert "USER 10001" in dockerfile
    assert "--require-hashes" in dockerfile


def test_no_secret_is_in_the_repository():
    """Keys by the forms that those who give them out give them."""
    forms = {
        "AWS": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
        "private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s*[A-Za-z0-9+/]{40}",
        "OpenAI": r"\bsk-[A-Za-z0-9_-]*[A-Za-z0-9]{32,}\b",
        "Prefect": r"\bpn[ub]_[A-Za-z0-9]{32,}\b",
        "GitHub": r"\bgh[pousr]_[A-Za-z0-9]{36,}\b",
        "Slack": r"hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/",
    }
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True).stdout.decode().split("\0")
    texts = {name: (REPOSITORY / name).read_bytes().decode(errors="ignore") for name in listed if (REPOSITORY / name).is_file()}
    assert [(name, kind) for name, text in texts.items() for kind, form in forms.items() if re.search(form, text)] == []
