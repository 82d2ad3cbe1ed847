"""Claims of the documents."""

import json
import re
import subprocess
import tomllib

import pytest
import yaml

from docs import make_notes
from flows.__main__ import make_app
from market_opinion.core.settings import variables
from market_opinion.domain.definition import (
    Aspect,
    FileMapping,
    Polarity,
    domain_names,
    load_domain,
)
from market_opinion.sources import catalogue
from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text()


def test_the_readme_lists_the_deployments_there_are():
    """A04, B50, E06: with their schedules."""
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
    """D23: by the name of its variable, and no other."""
    shown = set(
        re.findall(r"^#? ?([A-Z_]+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE)
    )
    assert shown == variables() | catalogue.setting_variables().keys()


def test_commands_of_the_documents_have_the_options_they_name():
    """S17: those of flows are their parameters."""
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
    """C21: files of this repository."""
    for document in [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("**/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_folders_of_the_readme_exist():
    """D31: the table of what to open."""
    for folder in ("flows", "tasks", "market_opinion", "domains"):
        assert f"`{folder}/`" in README
        assert (REPOSITORY / folder).is_dir()


def test_the_image_holds_every_package():
    """D22: each top-level package is copied, packages are locked, and the user is unprivileged."""
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
    """C23: known forms of keys do not occur in any file."""
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
    """E02, S15: a claim of privacy.md or security.md names the test that holds it."""
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


def test_the_readme_shows_the_way_of_the_data_first():
    """A42: a picture in text, before any heading but the title, with each layer in its order."""
    picture = re.search(r"^```\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert "\n## " not in README[: picture.end()]
    layers = ("sources", "landing", "bronze", "silver", "star schema", "report.html")
    places = [picture[1].find(layer) for layer in layers]
    assert -1 not in places
    first_line = picture[1].splitlines()[1]
    assert sorted(first_line.find(layer) for layer in layers[1:4]) == [
        first_line.find(layer) for layer in layers[1:4]
    ]


def test_the_licence_is_mit_wherever_it_is_said():
    """A43: file, package, image and README."""
    assert (REPOSITORY / "LICENSE").read_text().startswith("MIT License")
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["license"] == "MIT"
    assert 'licenses="MIT"' in (REPOSITORY / "Dockerfile").read_text()
    assert "MIT licence" in README


def test_one_command_checks_what_ci_checks():
    """D21, D24, B49: format, lint, types of all packages, contracts, locks; on Python 3.11."""
    makefile = (REPOSITORY / "Makefile").read_text()
    check = makefile.partition("\ncheck:")[2].partition("\n\n")[0]
    for command in ("ruff format --check", "ruff check", "mypy", "lint-imports", "run make lock"):
        assert command in check
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert settings["tool"]["mypy"]["strict"] is True
    assert set(settings["tool"]["mypy"]["packages"]) == {
        "market_opinion", "tasks", "flows", "infra"
    }  # fmt: skip
    assert settings["project"]["requires-python"] == ">=3.11"
    assert "python:3.11" in (REPOSITORY / "Dockerfile").read_text()
    jobs = workflow("ci")["jobs"]
    assert {"make check", "make test", "make test-integration", "make demo"} <= {
        step.get("run") for step in jobs["check"]["steps"]
    }


def test_workflows_deploy_main_by_short_lived_tokens():
    """C05, D30: a role of OpenID Connect, no key of AWS, actions by digest, no rights by default."""
    deploy = workflow("deploy")
    assert deploy[True]["push"]["branches"] == ["main"]  # YAML reads `on` as true
    assert deploy["jobs"]["deploy"]["permissions"] == {"contents": "read", "id-token": "write"}
    for path in (REPOSITORY / ".github" / "workflows").glob("*.yml"):
        text = path.read_text()
        assert yaml.safe_load(text)["permissions"] == {}
        assert not re.search(r"aws[-_](access[-_]key|secret)", text, re.IGNORECASE), path.name
        for action in re.findall(r"uses: (\S+)", text):
            assert re.search(r"@[0-9a-f]{40}$", action), action


def workflow(name):
    return yaml.safe_load((REPOSITORY / ".github" / "workflows" / f"{name}.yml").read_text())


def test_the_account_pays_by_request_and_keeps_a_trail():
    """B52, E34: the table of runs by request, tagged; each access to an object of a data bucket."""
    terraform = REPOSITORY / "infra" / "terraform"
    table = block(terraform / "11_state" / "main.tf", "aws_dynamodb_table")
    assert re.search(r'billing_mode\s+= "PAY_PER_REQUEST"', table)
    assert "default_tags" in (terraform / "globals.tf").read_text()
    trail = block(terraform / "50_monitoring" / "trail.tf", "aws_cloudtrail")
    assert re.search(r'read_write_type\s+= "All"', trail)
    assert re.search(r'type\s+= "AWS::S3::Object"', trail)
    assert 'for bucket in local.of["10_storage"].buckets' in trail


def block(path, resource):
    """A resource of a Terraform file, up to the brace that ends it."""
    return re.search(rf'^resource "{resource}" .*?^}}', path.read_text(), re.MULTILINE | re.DOTALL)[
        0
    ]


def test_the_guides_finished_aspect_is_one_that_a_domain_may_have():
    """S16, M10: as typed there."""
    guide = (REPOSITORY / "docs" / "guide.md").read_text()
    (block,) = re.findall(r"^```\n(\[aspects\.\w+\].*?)^```", guide, re.MULTILINE | re.DOTALL)
    written = tomllib.loads(block)
    (aspect,) = [Aspect(**each) for each in written["aspects"].values()]
    assert len(aspect.cues) > 3
    assert Polarity(**written["polarity"]).turned.keys() == written["aspects"].keys()


def test_the_guide_says_how_to_get_access_to_reddit():
    """S4: where to ask, and the secret as an object that the credentials are read from."""
    guide = (REPOSITORY / "docs" / "guide.md").read_text()
    section = guide.partition("## Reddit, live")[2].partition("\n## ")[0]
    assert "support.reddithelp.com/hc/en-us/requests/new" in section
    secret = json.loads(re.search(r"^\{.*REDDIT.*\}$", section, re.MULTILINE)[0])
    assert sorted(secret) == ["REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET", "REDDIT_USER_AGENT"]
    for variable in {"REDDIT_SECRET_BLOCK", "REDDIT_SECRET_ARN"} & set(re.findall(r"\w+", section)):
        assert variable in variables() | catalogue.setting_variables().keys()


def test_a_tag_releases_the_version_of_the_package_with_its_notes():
    """S18: the wheel, the image with its SBOM, and the changelog's part; no other tag does."""
    release = workflow("release")
    assert release[True] == {"push": {"tags": ["v*"]}}
    steps = "\n".join(step.get("run", "") for step in release["jobs"]["release"]["steps"])
    for command in ("make wheel", "docs.make_notes", "--sbom=true", "gh release create"):
        assert command in steps
    for base in re.findall(
        r"^ARG (\w+_IMAGE)=\S+:", (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE
    ):
        assert base in steps
    assert "@$(docker buildx imagetools inspect" in steps
    changelog = "# C\n\n## Unreleased\n\n- a\n\n## 1.2.0 - 2026-01-02\n\n### Added\n\n- b\n\n## 1.1.0 - 2026-01-01\n- c\n"
    assert make_notes.notes("v1.2.0", changelog, "1.2.0") == "### Added\n\n- b\n"
    for tag, version, wrong in (
        ("v1.3.0", "1.2.0", "is not v1.2.0"),
        ("v1.3.0", "1.3.0", "says nothing of 1.3.0"),
    ):
        with pytest.raises(ValueError, match=wrong):
            make_notes.notes(tag, changelog, version)
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert make_notes.notes(f"v{version}", (REPOSITORY / "CHANGELOG.md").read_text(), version)
