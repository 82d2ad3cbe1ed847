"""Shared fixtures: a clean environment, builders of raw items, flows without their engine."""

import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import settings
from prefect import Task
from prefect.logging import disable_run_logger
from prefect.runtime import flow_run

from market_opinion.core.contracts import TABLES
from market_opinion.core.settings import load_settings, variables
from market_opinion.domain.definition import Domain, load_domain
from market_opinion.sources import catalogue

if TYPE_CHECKING:
    from tests.cloud import Cloud
    from tests.warehouse import Warehouse

REPOSITORY = Path(__file__).parent.parent
NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
SCHEMAS = ("mart", "published", "staging", "silver", "lake")
MART_TABLES = (
    "dim_date", "dim_product", "dim_community", "dim_aspect", "dim_submission", "dim_scorer",
    "fact_brand_mentions", "fact_aspect_opinion", "fact_window",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run slow files first, so that short ones fill the cores at the end."""
    items.sort(
        key=lambda item: (
            not (item.path.parent.name == "flows" or item.path.name == "test_deployments.py")
        )
    )


def pytest_configure() -> None:
    """Keep Prefect's telemetry away from the person who runs the tests, and time out of them."""
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    os.environ["DO_NOT_TRACK"] = "1"
    # How long an example takes says how busy the machine is, not whether the code is right.
    settings.register_profile("any machine", deadline=None)
    settings.load_profile("any machine")


def hide_settings(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Hide the machine's settings, and set a home folder."""
    for variable in {*variables(), *catalogue.setting_variables()}:
        patch.delenv(variable, raising=False)
    patch.setenv("MARKET_OPINION_HOME", str(home))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the machine's settings from a test, and give it a home folder of its own."""
    hide_settings(monkeypatch, tmp_path / "home")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home folder of this test."""
    return tmp_path / "home"


@pytest.fixture(scope="session")
def phones() -> Domain:
    """The smartphones domain."""
    return load_domain("smartphones", REPOSITORY / "domains")


@pytest.fixture(scope="session")
def repository_domains() -> Callable[[str], Domain]:
    """Any of the domains by its name."""
    return lambda name: load_domain(name, REPOSITORY / "domains")


def epoch(text: str) -> int:
    """Seconds since 1970 of an ISO time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.fixture
def make_comment() -> Callable[..., dict[str, Any]]:
    """A builder of raw comments."""

    def make(
        item_id: str = "c1",
        body: str = "The iPhone 15 battery is great.",
        at: str = "2026-03-01T10:15:00",
        **fields: Any,
    ):
        base = {
            "id": item_id,
            "subreddit": "phones",
            "author": "quiet_otter",
            "body": body,
            "link_id": "t3_s1",
            "parent_id": "t3_s1",
        }
        return {
            **base,
            "permalink": f"/r/phones/comments/s1/_/{item_id}/",
            "score": 5,
            "created_utc": epoch(at),
            **fields,
        }

    return make


@pytest.fixture
def make_submission() -> Callable[..., dict[str, Any]]:
    """A builder of raw submissions."""

    def make(
        item_id: str = "s1",
        title: str = "Pixel 9 after a month",
        at: str = "2026-03-01T09:05:00",
        **fields: Any,
    ):
        base = {
            "id": item_id,
            "subreddit": "phones",
            "author": "rusty_spoon",
            "title": title,
            "selftext": "",
            "num_comments": 3,
        }
        return {
            **base,
            "permalink": f"/r/phones/comments/{item_id}/",
            "score": 50,
            "created_utc": epoch(at),
            **fields,
        }

    return make


def write_archive(folder: Path, comments: list[Any], submissions: list[Any] = ()) -> Path:
    """Write an archive folder of these lines; bytes stay as they are, other values become JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, items in (("RC_test.jsonl", comments), ("RS_test.jsonl", submissions)):
        lines = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in items]
        (folder / name).write_bytes(b"".join(line + b"\n" for line in lines))
        os.utime(folder / name, (epoch("2026-03-05T00:00:00"),) * 2)
    return folder


@contextmanager
def plain_calls(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make tasks plain calls, so that a flow's function runs without a server."""
    patch.setattr(Task, "__call__", lambda task, *args, **kwargs: task.fn(*args, **kwargs))
    patch.setitem(flow_run.FIELDS, "scheduled_start_time", lambda: NOW)
    with disable_run_logger():
        yield


@pytest.fixture
def without_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run flows as plain calls; see `plain_calls`."""
    with plain_calls(monkeypatch):
        yield


@contextmanager
def runs_in(home: Path, *, small: bool = True, **settings: str) -> Iterator[None]:
    """Run flows as plain calls in a home that the tests of a file share, with these settings."""
    with pytest.MonkeyPatch.context() as patch:
        hide_settings(patch, home)
        if small:
            _draw_nothing(patch)
            patch.setenv("SCORER", "lexicon")
        for name, value in settings.items():
            patch.setenv(name, value)
        with plain_calls(patch):
            yield


@pytest.fixture
def with_report() -> None:
    """For tests that look at the page a run draws."""


@pytest.fixture
def with_default_scorer() -> None:
    """For tests that look at who judges."""


@pytest.fixture(autouse=True)
def _small_runs(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, _clean_environment: None
) -> None:
    """Draw no report, a third of a small run, and judge by rules, which are quick.

    Few tests look at the page. What a flow keeps, repairs and counts does not depend on who judges.
    """
    if "without_engine" in request.fixturenames:
        make_small(request, monkeypatch)


def make_small(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch) -> None:
    """Take from runs what the test does not ask for."""
    if "with_report" not in request.fixturenames:
        _draw_nothing(patch)
    if "with_default_scorer" not in request.fixturenames:
        patch.setenv("SCORER", "lexicon")


def _draw_nothing(patch: pytest.MonkeyPatch) -> None:
    for flow in ("flows.stages", "flows.replay"):
        patch.setattr(f"{flow}.draw_report", lambda _: None)


@pytest.fixture
def tables() -> Callable[[], dict[str, pl.DataFrame]]:
    """A reader of all tables in the lake and the mart of the current home, sorted."""

    def read() -> dict[str, pl.DataFrame]:
        from market_opinion.ops.adapters import open_adapters

        load_settings()
        frames = {table.name: open_adapters().lake().read(table) for table in TABLES}
        frames |= {
            f"mart.{name}": open_adapters().mart().query(f"SELECT * FROM mart.{name}")
            for name in MART_TABLES
        }
        return {name: frame.sort(frame.columns) for name, frame in frames.items()}

    return read


def assert_same(left: dict[str, pl.DataFrame], right: dict[str, pl.DataFrame]) -> None:
    """Assert that every table has the same rows."""
    different = [name for name in left if not left[name].equals(right[name])]
    assert different == []


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[Any], list[int]]]:
    """A webhook: its address, the received bodies, and the status that it answers with."""
    from tests.loopback import Loopback, QuietHandler

    received: list[Any] = []
    status = [200]

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.received()))
            self.send(status[0], b"", {})

    with Loopback(Handler) as server:
        yield f"{server.address}/token-in-the-path", received, status


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Warehouse"]:
    """A server that speaks Snowflake's protocol."""
    from tests.warehouse import Warehouse

    with Warehouse(tmp_path_factory.mktemp("warehouse") / "server.log") as started:
        yield started


@pytest.fixture
def connect(
    warehouse: "Warehouse", monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Callable[[], Any]:
    """A maker of connections to this test's own database, set up as by `infra.snowflake apply`."""
    from market_opinion.serving.mart.snowflake_login import connect as open_connection

    name = "DB_" + "".join(c if c.isalnum() else "_" for c in request.node.name).upper()[:60]
    for key, value in warehouse.environment(name).items():
        monkeypatch.setenv(key, value)
    with open_connection(load_settings(), database=False) as connection:
        for statement in (
            f"CREATE DATABASE {name}",
            f"USE DATABASE {name}",
            *(f"CREATE SCHEMA {s}" for s in SCHEMAS),
        ):
            connection.cursor().execute(statement)
    return lambda: open_connection(load_settings())


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Cloud"]:
    """An AWS emulator."""
    from tests.cloud import Cloud

    with Cloud(tmp_path_factory.mktemp("cloud") / "server.log") as started:
        yield started


_ACCOUNTS = itertools.count(100_000_000_000)


@pytest.fixture
def account(cloud: "Cloud", monkeypatch: pytest.MonkeyPatch) -> None:
    """An account of this test alone, with the table."""
    from tests.cloud import make_runs_table, sign_in

    for name, value in cloud.environment(str(next(_ACCOUNTS))).items():
        monkeypatch.setenv(name, value)
    sign_in()
    make_runs_table()


@pytest.fixture
def on_aws(account: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Production's settings with the emulator's endpoints; returns the buckets."""
    from tests.cloud import make_buckets, production_settings

    buckets = make_buckets()
    for name, value in production_settings(*buckets).items():
        monkeypatch.setenv(name, value)
    return buckets


def everywhere(home, *needles: bytes) -> list[str]:
    """Return the files of the home folder that contain one of the texts, in tables as well."""
    paths = [
        str(path)
        for path in home.rglob("*")
        if path.is_file() and any(n.lower() in path.read_bytes().lower() for n in needles)
    ]
    for path in home.rglob("*.parquet"):
        frame = pl.read_parquet(path)
        text = "\n".join(str(row) for row in frame.rows()).lower().encode()
        paths += [str(path)] if any(n.lower() in text for n in needles) else []
    return paths
