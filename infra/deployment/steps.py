"""Steps of a deployment in order, each by the command that docs/deploy.md names for it.

A step has a hash of what it is made of. The hash of a stage covers its files, its variables and the
hashes of the stages that it reads, so a changed stage is applied again with all that rest on it.
"""

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import msgspec

from infra import terraform
from infra.deployment import image, secrets
from infra.deployment.record import Record, state_mark
from infra.deployment.shell import REPOSITORY, call
from infra.terraform import BOOTSTRAP, FOLDER, Environment

# The image and the secrets come before this stage, whose worker needs both.
_COMPUTE = "30_compute"
_READS = re.compile(r"reads\s*= toset\(\[(.*?)\]\)")
_THERE = "there"


@dataclass(frozen=True)
class Step:
    """One step: the hash of its inputs, how it is made, and the mark that it leaves.

    The mark is empty if there is nothing yet. A step that is `seen` is done as soon as it has left
    its mark, whoever made it and of what.
    """

    name: str
    inputs: str
    make: Callable[[], None]
    mark: Callable[[], str] = lambda: _THERE
    seen: bool = False

    def is_done(self, record: Record) -> bool:
        """Return whether the step was made of the same inputs, and its mark is still there."""
        mark = self.mark()
        if self.seen:
            return bool(mark)
        done = record.steps.get(self.name)
        return bool(mark) and done is not None and (done.inputs, done.mark) == (self.inputs, mark)


def all_steps(place: Environment, *, tag: str, source: str | None) -> list[Step]:
    """Return every step from an empty account to deployments that run, in order."""
    stages = terraform.stages()
    before = [stage for stage in stages if stage < _COMPUTE]
    tagged = replace(place, changes={"image_tag": tag})
    return [
        Step(
            BOOTSTRAP,
            _hash_of(BOOTSTRAP, place),
            lambda: terraform.bootstrap(place),
            _mark(place, BOOTSTRAP),
        ),
        *(_stage(stage, place) for stage in before),
        Step(
            "secrets",
            "",
            lambda: secrets.put_values(place, source),
            lambda: "" if any(secrets.missing_values(place, source)) else _THERE,
            seen=True,
        ),
        Step(
            "image",
            tag,
            lambda: _push(place, tag),
            lambda: _THERE if image.is_pushed(place, tag) else "",
            seen=True,
        ),
        *(_stage(stage, tagged) for stage in stages if stage not in before),
        *_snowflake(place),
        *_server(tagged, tag, source),
    ]


def _stage(stage: str, place: Environment) -> Step:
    def make() -> None:
        terraform.initialise(stage, place)
        terraform.apply(stage, place)

    return Step(stage, _hash_of(stage, place), make, _mark(place, stage))


def _mark(place: Environment, stage: str) -> Callable[[], str]:
    return lambda: state_mark(place, stage)


def _push(place: Environment, tag: str) -> None:
    repository = msgspec.convert(_outputs("13_registry", place)["repository"], dict[str, str])
    image.push(place, repository["url"], tag)


def _snowflake(place: Environment) -> Iterator[Step]:
    """Yield the set-up of the mart's account, if the environment's mart is in Snowflake."""
    uri = place.values.get("mart_uri", "")
    if not uri.startswith("snowflake:"):
        return

    def make() -> None:
        settings = msgspec.convert(_outputs("60_snowflake", place)["settings"], dict[str, str])
        variables = {**settings, "MART_URI": uri}
        call(sys.executable, "-m", "infra.snowflake", "apply", variables=variables)

    files = sorted((FOLDER.parent / "snowflake").glob("*.sql"))
    yield Step("snowflake", _hash(uri, _hash_of("60_snowflake", place), *_contents(files)), make)


def _server(place: Environment, tag: str, source: str | None) -> Iterator[Step]:
    """Yield the set-up of Prefect's server, the deployments and the last look at it all."""
    variables = {"PREFECT_API_URL": api_url(place)}

    def prepare() -> None:
        outputs = _outputs(_COMPUTE, place)
        run = msgspec.convert(outputs["run"], dict[str, object])
        call(
            *(sys.executable, "-m", "infra.orchestration", "ecs", "-"),
            *("--image", f"{run['repository']}:{tag}"),
            *(("--source", source) if source else ()),
            text=msgspec.json.encode(outputs).decode(),
            variables=variables,
        )

    def deploy() -> None:
        call(sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", variables=variables)

    def examine() -> None:
        call(sys.executable, "-m", "market_opinion", "doctor", variables=variables)

    compute = _hash_of(_COMPUTE, place)
    webhook = os.environ.get("ALERT_WEBHOOK_URL", "")
    own = _contents(sorted((FOLDER.parent / "orchestration").glob("*.py")))
    prepared = _hash(compute, tag, source or "", variables["PREFECT_API_URL"], webhook, *own)
    flows = [REPOSITORY / "prefect.yaml", *sorted((REPOSITORY / "flows").glob("*.py"))]
    yield Step("server", prepared, prepare)
    yield Step("deployments", _hash(prepared, *_contents(flows)), deploy)
    yield Step("doctor", "", examine, lambda: "")


def api_url(place: Environment) -> str:
    """Return the address of Prefect's server from here: the shell's, or the environment's."""
    return os.environ.get("PREFECT_API_URL") or place.values.get("prefect_api_url", "")


def _outputs(stage: str, place: Environment) -> dict[str, object]:
    terraform.initialise(stage, place)
    return terraform.outputs(stage)


def _hash_of(stage: str, place: Environment) -> str:
    """Return the hash of a stage's files and variables, and of the stages that it reads."""
    text = (FOLDER / stage / "main.tf").read_text(encoding="utf-8")
    reads = _READS.search(text)
    tag = place.changes.get("image_tag", "") if "var.image_tag" in text else ""
    return _hash(
        *_shared(place.variables),
        *_contents(sorted((FOLDER / stage).glob("*.tf"))),
        tag,
        *(_hash_of(each, place) for each in re.findall(r'"(\w+)"', reads[1] if reads else "")),
    )


@cache
def _shared(variables: Path) -> tuple[str, ...]:
    """Return what every stage is made of: modules, variables of the environment and the shell."""
    files = [variables, FOLDER / "source_secrets.json", *sorted(FOLDER.glob("modules/*/*.tf"))]
    shell = sorted(
        f"{name}={value}"
        for name, value in os.environ.items()
        if name.startswith("TF_VAR_") and name != "TF_VAR_image_tag"  # a deployment names its own
    )
    return (*_contents(files), *shell)


def _contents(files: list[Path]) -> list[str]:
    return [file.read_text(encoding="utf-8") for file in files]


def _hash(*parts: str) -> str:
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]
