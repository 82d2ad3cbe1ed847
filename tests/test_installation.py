"""The command that deploys: its steps, what is left to do, its refusals. The emulator holds the record."""

import io
import os
import re
from contextlib import contextmanager
from dataclasses import replace

import boto3
import pytest

from flows.__main__ import make_app
from infra import terraform
from infra.deployment import checks, costs, image, secrets
from infra.deployment.plan import Plan, carry_out, make_plan, stages_to_destroy
from infra.deployment.record import read_record
from infra.deployment.steps import Step, all_steps
from infra.orchestration.__main__ import app as orchestration
from market_opinion.core.errors import InvalidRequest, SettingsInvalid
from tests.cloud import ACCOUNT, Cloud, needs_aws
from tests.conftest import REPOSITORY

OWN = {"github_repository": "somebody/market-opinion", "prefect_api_url": "https://p.somebody.dev"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """An emulator of these tests."""
    with Cloud(tmp_path_factory.mktemp("cloud") / "server.log") as served:
        yield served


@pytest.fixture
def place(cloud, monkeypatch, request):
    """Environment dev with values of its own, in an account of this test."""
    number = f"{abs(hash(request.node.name)) % 10**12:012}"
    for name, value in cloud.environment(number).items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "PREFECT_API_URL", "TF_VAR_secrets"):
        monkeypatch.delenv(name, raising=False)
    boto3.setup_default_session()
    dev = terraform.environment("dev")
    return replace(dev, values={**dev.values, **OWN})


def make_bucket(place, name=None):
    where = {"LocationConstraint": place.region}
    boto3.client("s3").create_bucket(
        Bucket=name or place.state_bucket, CreateBucketConfiguration=where
    )


@needs_aws
def test_the_order_is_that_of_the_guide(place):
    """D26: the account, secrets and image before what needs them, the server last; the guide names each command."""
    names = [step.name for step in all_steps(place, tag="1", source="sample")]
    stages = terraform.stages()
    cut = stages.index("30_compute")
    assert names == [
        *("00_bootstrap", *stages[:cut], "secrets", "image", *stages[cut:]),
        *("server", "deployments", "doctor"),
    ]
    warehouse = replace(place, values={**place.values, "mart_uri": "snowflake://a-b/M"})
    with_mart = [step.name for step in all_steps(warehouse, tag="1", source="sample")]
    assert [name for name in with_mart if name not in names] == ["snowflake"]
    assert (
        with_mart.index("60_snowflake") < with_mart.index("snowflake") < with_mart.index("server")
    )
    assert make_plan(place, tag="1", source="sample").done == frozenset()


@needs_aws
def test_a_failed_step_is_tried_again_and_a_done_one_is_not(place):
    """D26: until what it is made of changes, or what it left is gone; `record` outlives the process."""
    make_bucket(place)
    made, broken, there = [], {"image"}, {"image": ""}

    def plan(tag="1"):
        record = read_record(place)

        def make(name):
            made.append(name)
            if name in broken:
                message = "no push"
                raise InvalidRequest(message)
            there[name] = "there"

        steps = [
            Step("10_storage", "files", lambda: make("10_storage")),
            Step("image", tag, lambda: make("image"), lambda: there["image"], seen=True),
            Step("30_compute", tag, lambda: make("30_compute")),
        ]
        done = frozenset(step.name for step in steps if step.is_done(record))
        return Plan(place, record, steps, done)

    with pytest.raises(InvalidRequest, match=r"step image failed: no push. The same command goes"):
        list(carry_out(plan()))
    assert made == ["10_storage", "image"]
    broken.clear()
    assert list(carry_out(plan())) == ["image", "30_compute"]
    assert list(carry_out(plan())) == []
    there["image"] = ""
    assert list(carry_out(plan("2"))) == ["image", "30_compute"]


@needs_aws
def test_a_stage_is_done_until_its_files_or_its_state_change(place, monkeypatch):
    """D26: an apply or destroy by hand changes the state, and the stage is to do again."""
    make_bucket(place)
    s3, bucket = boto3.client("s3"), place.state_bucket

    def write_state(text):
        s3.put_object(Bucket=bucket, Key="11_state/terraform.tfstate", Body=text)

    def is_done(tag="1"):
        plan = make_plan(place, tag=tag, source="sample")
        return {name for name in ("11_state", "30_compute") if name in plan.done}

    plan = make_plan(place, tag="1", source="sample")
    steps = [
        replace(step, make=lambda: write_state('{"resources": [1]}'))
        for step in plan.steps
        if step.name == "11_state"
    ]
    assert list(carry_out(replace(plan, steps=steps))) == ["11_state"]
    assert is_done() == is_done(tag="2") == {"11_state"}
    assert stages_to_destroy(place) == ["11_state"]
    monkeypatch.setenv("TF_VAR_owner", "somebody else")
    all_steps.__globals__["_shared"].cache_clear()
    assert is_done() == set()
    monkeypatch.delenv("TF_VAR_owner")
    all_steps.__globals__["_shared"].cache_clear()
    assert is_done() == {"11_state"}
    write_state('{"resources": []}')
    assert is_done() == set()
    assert stages_to_destroy(place) == []


@needs_aws
def test_secrets_get_a_value_once(place, monkeypatch):
    """The pepper is made, a key comes from the shell, and what is there is never replaced."""
    store = boto3.client("secretsmanager")
    for name in ("author-pepper", "prefect-api-key", "reddit"):
        store.create_secret(Name=f"tf-dev-opinions-secret-{name}")
    with pytest.raises(SettingsInvalid, match="prefect-api-key has no value: set PREFECT_API_KEY"):
        secrets.check_values(place, "sample")
    monkeypatch.setenv("PREFECT_API_KEY", "pnu_first")
    with pytest.raises(SettingsInvalid, match="set REDDIT_CLIENT_ID, REDDIT_CLIENT_SECRET"):
        secrets.check_values(place, "reddit")
    secrets.put_values(place, "sample")
    monkeypatch.setenv("PREFECT_API_KEY", "pnu_second")
    first = [value(store, name) for name in ("author-pepper", "prefect-api-key")]
    secrets.put_values(place, "sample")
    assert [value(store, name) for name in ("author-pepper", "prefect-api-key")] == first
    assert re.fullmatch(r"[0-9a-f]{64}", first[0])
    assert first[1] == "pnu_first"
    monkeypatch.setenv("TF_VAR_secrets", '["author-pepper", "llm-api-key"]')
    assert list(secrets.missing_values(place, "sample")) == ["llm-api-key"]


def value(store, name):
    return store.get_secret_value(SecretId=f"tf-dev-opinions-secret-{name}")["SecretString"]


@contextmanager
def refused(kind, words):
    with pytest.raises(kind) as caught:
        yield
    assert words in str(caught.value)


@needs_aws
def test_what_cannot_be_deployed_is_refused_before_anything_is_made(place, monkeypatch, tmp_path):
    """D26: without credentials, Terraform or Docker; in another account; with the example's values."""
    monkeypatch.setenv("PREFECT_API_KEY", "pnu_key")
    request = {"tag": "1", "source": "sample"}
    example = terraform.environment("dev")
    with refused(SettingsInvalid, "still has the example's github_repository"):
        checks.check_request(example, **request)
    with refused(InvalidRequest, "say what the deployment `hourly` reads"):
        checks.check_request(place, tag="1", source=None)
    with refused(InvalidRequest, "there is no source usenet"):
        checks.check_request(place, tag="1", source="usenet")
    checks.check_account(place)
    make_bucket(place, f"tf-prod-opinions-s3-tfstate-{place.account}")
    with refused(SettingsInvalid, "holds environment prod, and dev needs one of its own"):
        checks.check_account(place)
    with refused(SettingsInvalid, "prod.tfvars protects what holds data"):
        stages_to_destroy(terraform.environment("prod"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with refused(SettingsInvalid, "terraform is not installed"):
        checks.check_machine()
    with refused(SettingsInvalid, "Docker is not installed"):
        checks.check_request(place, **request)
    with refused(InvalidRequest, "name the image with --tag"):
        image.tag_of_checkout()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    boto3.setup_default_session()
    with refused(SettingsInvalid, "no usable AWS credentials"):
        terraform.environment("dev")


@needs_aws
def test_another_account_than_the_file_names_is_refused(place, monkeypatch, tmp_path):
    """D26: by the command, and by the provider (`allowed_account_ids`)."""
    folder = tmp_path / "environments"
    folder.mkdir()
    text = (terraform.FOLDER / "environments" / "dev.tfvars").read_text()
    (folder / "dev.tfvars").write_text(f'{text}account = "{ACCOUNT}"\n')
    monkeypatch.setattr(terraform, "FOLDER", tmp_path)
    with refused(
        SettingsInvalid, f"are of account {place.account}, and dev.tfvars names {ACCOUNT}"
    ):
        terraform.environment("dev")
    assert "allowed_account_ids" in (REPOSITORY / "infra" / "terraform" / "globals.tf").read_text()


@needs_aws
def test_what_it_costs_follows_the_files_and_is_what_the_guide_says(place):
    """D26: a key for each module of one, a secret for each place, a worker for each of the environment."""
    folder = REPOSITORY / "infra" / "terraform"
    keys = {
        stage: sum(
            text.count('source      = "../modules/key"')
            for text in (path.read_text() for path in (folder / stage).glob("*.tf"))
        )
        for stage in ["00_bootstrap", *terraform.stages()]
    }
    keys["10_storage"] *= 4  # one a layer
    assert {stage: count for stage, count in keys.items() if count} == costs.KEYS
    total = costs.total_usd(costs.monthly_costs(place))
    more = replace(place, values={**place.values, "worker_count": "3"})
    assert costs.total_usd(costs.monthly_costs(more)) == total + 32
    guide = (REPOSITORY / "docs" / "deploy.md").read_text()
    assert f"About {total:.0f} USD a month" in guide


def test_the_command_line_and_make_have_it():
    """D26: `market-opinion deploy` and `make deploy` are one command."""
    assert "deploy" in make_app()
    makefile = (REPOSITORY / "Makefile").read_text()
    assert "$(PY) -m infra.deployment apply $(ENVIRONMENT)" in makefile
    assert "$(PY) -m infra.deployment destroy $(ENVIRONMENT)" in makefile


def test_the_outputs_of_a_stage_come_by_standard_input(monkeypatch):
    """D26: as the deployment hands them on; `-` is no option."""
    monkeypatch.setattr("sys.stdin", io.StringIO('{"run": {}}'))
    with refused(InvalidRequest, "OUTPUTS is not the output of stage 30_compute"):
        orchestration(["ecs", "-", "--image", "a/b:1"], exit_on_error=False)
