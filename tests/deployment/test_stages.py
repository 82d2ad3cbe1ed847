"""Terraform's stages by themselves: formatted, valid by the real provider's schema, and of least privilege. Nothing is applied."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.terraform import FOLDER
from tests.deployment.conftest import NEEDS, copy_stages, terraform_environment


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """Every stage with its provider, and no backend."""
    stages = copy_stages(tmp_path_factory)
    environment = terraform_environment()
    environment["TF_CLI_ARGS_init"] = environment["TF_CLI_ARGS_init"].split(" ")[0]

    def run(stage, *arguments):
        return subprocess.run(
            ["terraform", *arguments],
            cwd=stages / "infra" / "terraform" / stage,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    with ThreadPoolExecutor(2) as threads:
        done = list(
            threads.map(
                lambda stage: run(stage, "init", "-backend=false", "-input=false", "-no-color"),
                NEEDS,
            )
        )
    assert [each.stderr for each in done if each.returncode] == []
    return run


def test_they_are_formatted_and_valid(ready):
    """A32, C04: against the real provider's schema."""
    assert ready("..", "fmt", "-check", "-recursive").stdout == ""
    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(lambda stage: ready(stage, "validate", "-no-color"), NEEDS))
    assert [each.stdout + each.stderr for each in done if each.returncode] == []


@pytest.mark.parametrize(
    "stage", [path.parent.name for path in sorted(FOLDER.glob("*/*.tftest.hcl"))]
)
def test_least_privilege_in_the_policies_themselves(ready, stage):
    """B53, C06, E07 to E09, B51: `terraform test`, by the policies as the provider computes them."""
    done = ready(stage, "test", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr
