"""An account on which everything was applied: the real Terraform and the real provider against an AWS emulator."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.terraform import BOOTSTRAP, FOLDER
from tests.cloud import ACCOUNT, COMMAND, Cloud, sign_in
from tests.conftest import REPOSITORY

_READS = re.compile(r"reads\s*= toset\(\[(.*?)\]\)")
# The stages, and what each needs to be there before it.
NEEDS = {
    path.parent.name: re.findall(r'"(\w+)"', _READS.search(path.read_text())[1])
    for path in sorted(FOLDER.glob("*/main.tf"))
}
# Secrets that containers may start with.
SECRETS = (
    *json.loads((FOLDER / "source_secrets.json").read_text()),
    "author-pepper",
    "kafka-password",
    "llm-api-key",
    "postgres-uri",
    "prefect-api-key",
    "snowflake-private-key",
)
# Stages that are applied at once.
_AT_ONCE = 5
_PLUGINS = [
    os.environ.get("TF_PLUGIN_DIR", ""),
    "/opt/tf-plugins",
    "/usr/local/share/terraform/plugins",
    str(Path.home() / ".terraform.d/plugins"),
]


def missing() -> str | None:
    """What this machine lacks to apply anything."""
    if shutil.which("terraform") is None:
        return "no terraform on this machine"
    if plugins() is None:
        return "no mirror of the provider hashicorp/aws: set TF_PLUGIN_DIR to the folder that holds registry.terraform.io"
    return None if COMMAND.exists() else f"no AWS emulator at {COMMAND}: run make .venv/dev"


def plugins() -> Path | None:
    """A folder of providers."""
    found = (Path(place) for place in _PLUGINS if place)
    return next(
        (
            place
            for place in found
            if (place / "registry.terraform.io" / "hashicorp" / "aws").is_dir()
        ),
        None,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Skips are shown."""
    config.option.reportchars += "s"


@dataclass(frozen=True)
class Account:
    """The emulator with what was applied, a copy of the stages that knows their state, and the environment that leads there."""

    folder: Path
    environment: dict[str, str]

    def terraform(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python -m infra.terraform`, as a person would run it."""
        command = [sys.executable, "-m", "infra.terraform", *arguments]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    def aws(self, service: str, verb: str, **arguments: str) -> Any:
        """One request to the emulator."""
        keys = {
            "aws_access_key_id": ACCOUNT,
            "aws_secret_access_key": "test",
            "region_name": "eu-central-1",
        }
        return getattr(
            boto3.client(service, endpoint_url=self.environment["AWS_ENDPOINT_URL"], **keys), verb
        )(**arguments)

    def output(self, stage: str) -> dict[str, Any]:
        done = self.terraform("output", "dev", stage)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def terraform_environment() -> dict[str, str]:
    """No provider is downloaded, and no file of the person who runs the tests is read."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_"))
    }
    return {
        **kept,
        "TF_CLI_ARGS_init": f"-plugin-dir={plugins()} -backend-config=use_path_style=true",
        "TF_VAR_s3_path_style": "true",
    }


def copy_stages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of infra/, so that nothing is written beside the sources; skips, and says why, where nothing can be applied."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("stages")
    shutil.copytree(
        REPOSITORY / "infra",
        folder / "infra",
        symlinks=True,
        ignore=shutil.ignore_patterns(".terraform*"),
    )
    return folder


@pytest.fixture(autouse=True)
def _small_runs():
    """Leave runs as they are: they are compared with those of production."""


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Every stage of environment dev, applied in the order of their needs."""
    stages = copy_stages(tmp_path_factory)
    with Cloud(tmp_path_factory.mktemp("cloud") / "server.log") as cloud:
        environment = terraform_environment() | cloud.environment(ACCOUNT)
        environment["TF_VAR_secrets"] = json.dumps(SECRETS)
        account = Account(stages, environment | {"PYTHONPATH": f"{stages}:{REPOSITORY}"})
        _apply_all(account)
        yield account


def _apply_all(account: Account) -> None:
    """Each stage as soon as what it reads is there: most of the time is the provider's, waiting for AWS to agree with itself."""
    started: dict[str, Future[subprocess.CompletedProcess[str]]] = {}

    def apply(stage: str) -> subprocess.CompletedProcess[str]:
        if stage == BOOTSTRAP:
            return account.terraform("bootstrap", "dev")
        for need in (BOOTSTRAP, *NEEDS[stage]):
            assert started[need].result().returncode == 0, need
        done = account.terraform("apply", "dev", "--stages", stage)
        if done.returncode == 0:
            return done
        # The emulator loses an answer now and then; where it was to a role that it had made, the provider asks again in vain.
        if doubled := re.search(r"Role with name (\S+?)\s+already exists", done.stderr):
            account.aws("iam", "delete_role", RoleName=doubled[1])
        return account.terraform("apply", "dev", "--stages", stage)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for stage in NEEDS:  # in order of their numbers, so what a stage needs is started before it
            started[stage] = threads.submit(apply, stage)
        for stage, future in started.items():
            assert future.result().returncode == 0, f"{stage}: {future.result().stderr}"


@pytest.fixture
def aws(applied: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """The account, with this process signed in to it."""
    for name, value in applied.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    sign_in()
    return applied
