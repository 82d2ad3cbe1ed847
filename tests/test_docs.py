"""Claims of the documents."""

import re
import subprocess
import tomllib

import yaml

from flows.__main__ import make_app
from market_opinion.core.settings import variables
from market_opinion.domain.definition import FileMapping, domain_names, load_domain
from market_opinion.sources import catalogue
from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text()


def test_the_readme_lists_the_deployments_there_are():
    """With their schedules."""
    deployments = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]
    listed = dict(
        re.findall(r"^\| `(\w+)` \| (.*?) \|", README.partition("## Deployments")[2], re.MULTILINE)
    )
    assert sorted(listed) == sorted(entry["name"] for entry in deployments)
    for entry in deployments:
        for schedule in entry["schedules"]:
            assert f"`{schedule['cron']}`" in listed[entry["name"]]


def test_the_readme_lists_the_sources_there_are():
    """With what each says a person has to have."""
    listed = dict(
        re.findall(
            r"^\| `(\w+)` \| .*? \| (.*?) \|$",
            README.partition("## Where it reads")[2].partition("## ")[0],
            re.MULTILINE,
        )
    )
    assert listed == {name: catalogue.source_type(name).access for name in catalogue.names()}


def test_the_readme_lists_the_domains_there_are():
    """With their aspects and products, of which each has enough (A02, A16 to A18)."""
    listed = re.findall(
        r"^\| `(\w+)` \| (\d+) \| (\d+) \|", README.partition("## Domains")[2], re.MULTILINE
    )
    folder = REPOSITORY / "domains"
    known = [load_domain(name, folder) for name in domain_names(folder)]
    assert listed == [
        (each.name, str(len(each.aspects)), str(len(each.products))) for each in known
    ]
    assert all(len(each.aspects) >= 10 and len(each.products) >= 100 for each in known)


def test_the_mapping_of_the_documents_is_one():
    """As written."""
    document = (REPOSITORY / "docs" / "sources.md").read_text()
    text = re.search(r"^\[files\.survey\]\n.*?(?=^```)", document, re.MULTILINE | re.DOTALL)[0]
    mapping = FileMapping.model_validate(tomllib.loads(text)["files"]["survey"])
    assert mapping.fields.rating_range == (0, 10)


def test_every_setting_is_in_the_example():
    """By the name of its variable, and no other."""
    shown = set(
        re.findall(r"^#? ?([A-Z_]+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE)
    )
    assert shown == variables() | catalogue.setting_variables().keys()


def test_commands_of_the_documents_have_the_options_they_name():
    """Those of flows are their parameters."""
    text = "\n".join(
        path.read_text() for path in [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]
    ).replace("\\\n", " ")
    commands = re.findall(
        r"(?:python -m (flows\.\w+|market_opinion)|bin/market-opinion)((?: +[^\s#`;|]+)*)", text
    )
    assert len(commands) > 30
    app = make_app()
    for module, line in commands:
        words = f"{module.removeprefix('flows.')} {line}" if "flows." in module else line
        command = app
        for word in words.split():
            if word.startswith(("-", '"')) or word not in command:
                break
            command = command[word]
        arguments = command.assemble_argument_collection() if command.default_command else ()
        known = {name for each in arguments for name in each.names} | set(app)
        assert [option for option in re.findall(r"--[\w-]+", line) if option not in known] == [], (
            module,
            line,
        )
        assert command is not app or not words or words.split()[0] in app, line


def test_the_documents_list_the_rules_of_alerts():
    """By their names, or the beginnings of those that are made of states."""
    listed = (REPOSITORY / "docs" / "alerts.md").read_text()
    code = "".join(
        path.read_text()
        for folder in ("market_opinion", "tasks", "flows")
        for path in (REPOSITORY / folder).rglob("*.py")
    )
    rules = set(re.findall(r'Alert\(\s*"(\w+)"', code))
    assert len(rules) > 3
    assert [rule for rule in rules if f"`{rule}" not in listed] == []


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
    """Each top-level package is copied, packages are locked, and the user is unprivileged."""
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    packages = [
        path.parent.name
        for path in REPOSITORY.glob("*/__init__.py")
        if path.parent.name not in {"tests", "benchmarks"}
    ]
    for name in [*packages, "domains"]:
        assert f"COPY {name} {name}" in dockerfile
        assert f"!{name}" in (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert "USER 10001" in dockerfile
    assert "--require-hashes" in dockerfile


def test_no_secret_is_in_the_repository():
    """Known forms of keys do not occur in any file."""
    forms = {
        "AWS": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
        "private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s*[A-Za-z0-9+/]{40}",
        "OpenAI": r"\bsk-[A-Za-z0-9_-]*[A-Za-z0-9]{32,}\b",
        "Prefect": r"\bpn[ub]_[A-Za-z0-9]{32,}\b",
        "GitHub": r"\bgh[pousr]_[A-Za-z0-9]{36,}\b",
        "Slack": r"hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/",
    }
    listed = (
        subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True)
        .stdout.decode()
        .split("\0")
    )
    texts = {
        name: (REPOSITORY / name).read_bytes().decode(errors="ignore")
        for name in listed
        if (REPOSITORY / name).is_file()
    }
    assert [
        (name, kind)
        for name, text in texts.items()
        for kind, form in forms.items()
        if re.search(form, text)
    ] == []


def test_the_tests_that_pages_name_are_there():
    """A claim of privacy.md or security.md names the test that holds it."""
    pages = [REPOSITORY / "docs" / f"{name}.md" for name in ("privacy", "security")]
    named = {test for page in pages for test in re.findall(r"`(test_\w+)`", page.read_text())}
    tests = "\n".join(path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py"))
    assert {test for test in named if f"def {test}(" not in tests} == set()
    assert len(named) > 25
    links = [
        page.parent / link
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    ]
    assert [link for link in links if not link.exists()] == []
