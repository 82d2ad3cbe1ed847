"""One command from an empty account to deployments, and back: the real Terraform, on an account of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.deployment.costs import KEYS, SECRETS
from infra.terraform import stages
from tests.cloud import ACCOUNT, Cloud
from tests.conftest import REPOSITORY
from tests.deployment.conftest import Account, copy_stages, terraform_environment
from tests.patience import wait_for
from tests.prefect_server import PrefectServer, stop

# A container engine is not where tests run. This client hands the registry an image with nothing in it.
DOCKER = f"""#!{sys.executable}
import os, sys, boto3
if sys.argv[1] == "push":
    if os.path.exists(os.environ["NO_PUSH"]):
        sys.exit("denied: the registry does not let you in")
    name, tag = sys.argv[2].rpartition("/")[2].split(":")
    boto3.client("ecr").put_image(repositoryName=name, imageManifest="{{}}", imageTag=tag)
elif sys.argv[1] == "login":
    assert sys.stdin.read()
"""
SECONDS = 1800
BEFORE = [stage for stage in stages() if stage < "30_compute"]
AFTER = [stage for stage in stages() if stage >= "30_compute"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout whose environment dev has values of its own, an empty account, and a Prefect server."""
    folder = copy_stages(tmp_path_factory)
    for name in ("flows", "tasks", "market_opinion", "domains", "Dockerfile", "prefect.yaml"):
        (folder / name).symlink_to(REPOSITORY / name)
    variables = folder / "infra" / "terraform" / "environments" / "dev.tfvars"
    text = variables.read_text().replace("your-organisation", "somebody")
    variables.write_text(text.replace("prefect.example.com", "prefect.somebody.dev"))
    programs = tmp_path_factory.mktemp("programs")
    (programs / "docker").write_text(DOCKER)
    (programs / "docker").chmod(0o755)
    home = tmp_path_factory.mktemp("home")
    with Cloud(home / "cloud.log") as cloud, PrefectServer(home) as server:
        environment = {
            **server.environment,
            **terraform_environment(),
            **cloud.environment(ACCOUNT),
            "PREFECT_API_URL": server.url,
            "MARKET_OPINION_HOME": str(home),
            "TF_VAR_secrets": '["author-pepper"]',
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(folder),
            "NO_PUSH": str(home / "no-push"),
        }
        yield Account(folder, environment), server


def deployment(account, *arguments):
    """`python -m infra.deployment`, and the steps that it made."""
    done = subprocess.run(
        [sys.executable, "-m", "infra.deployment", *arguments],
        cwd=account.folder,
        env=account.environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    plain = re.sub(r"\x1b\[\d*m", "", done.stderr)  # Terraform's colours
    return done, re.findall(r"^(\w+) …$", plain, re.MULTILINE)


def looked_at_with_a_worker(account, server):
    """Deploy once more while a worker serves the pool, as the service of stage 30_compute does on AWS."""
    observer = "PREFECT_INTEGRATIONS_AWS_ECS_OBSERVER_SQS_QUEUE"
    names = {f"{observer}_NAME": "tf-dev-opinions-sqs-ended", f"{observer}_REGION": "eu-central-1"}
    signed_in = {
        name: value for name, value in account.environment.items() if name.startswith("AWS_")
    }
    worker = server.worker("ecs", "ecs", **signed_in, **names)
    try:
        wait_for(lambda: server.ask("work_pools/ecs/workers/filter"))
        return deployment(account, "apply", "dev", "--tag", "1", "--yes")
    finally:
        stop(worker)


def test_one_command_deploys_goes_on_where_it_failed_and_takes_all_away(checkout):
    """D26: a step that failed is tried again, one that is done is not, and what it costs is what is there."""
    account, server = checkout
    no_push = Path(account.environment["NO_PUSH"])
    no_push.touch()
    done, made = deployment(account, "apply", "dev", "--tag", "1", "--source", "sample", "--yes")
    assert done.returncode == 2, done.stderr
    assert "denied: the registry does not let you in" in done.stderr
    assert "step image failed" in done.stderr
    assert made == ["00_bootstrap", *BEFORE, "secrets", "image"]
    pepper = account.aws(
        "secretsmanager", "get_secret_value", SecretId="tf-dev-opinions-secret-author-pepper"
    )
    no_push.unlink()
    done, made = deployment(account, "apply", "dev", "--tag", "1", "--yes")
    assert made == ["image", *AFTER, "server", "deployments", "doctor"], done.stderr
    assert "no worker serves pool ecs" in done.stderr  # the emulator runs no container
    assert "step doctor failed" in done.stderr
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/tf-dev-opinions-ecr-image:1"
    assert (
        server.call("GET", "variables/name/market_opinion_image")["value"].rpartition("/")[2]
        == image.rpartition("/")[2]
    )
    assert {each["work_pool_name"] for each in server.ask("deployments/filter")} == {"ecs"}
    assert len(account.aws("kms", "list_keys")["Keys"]) == sum(KEYS.values())
    assert len(account.aws("secretsmanager", "list_secrets")["SecretList"]) == SECRETS
    done, made = looked_at_with_a_worker(account, server)
    assert (done.returncode, made) == (0, ["doctor"]), done.stderr
    assert (
        account.aws("secretsmanager", "get_secret_value", SecretId=pepper["Name"])["SecretString"]
        == pepper["SecretString"]
    )
    done, made = deployment(account, "destroy", "dev", "--yes")
    assert done.returncode == 0, done.stderr
    assert made == [*reversed(AFTER), *reversed(BEFORE)]
    done, made = deployment(account, "destroy", "dev", "--yes")
    assert made == []
    assert "nothing of dev is left" in done.stderr
    bucket = f"tf-dev-opinions-s3-tfstate-{ACCOUNT}"
    record = account.aws("s3", "get_object", Bucket=bucket, Key="deployment.json")["Body"].read()
    assert list(json.loads(record)["steps"]) == ["00_bootstrap"]
