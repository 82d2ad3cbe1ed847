"""Prefect's server: a limit that many workers share, and what a run shows on its page."""

import threading
import time
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.context import TaskRunContext
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.testing.utilities import prefect_test_harness

from market_opinion.core.errors import SettingsInvalid
from market_opinion.ops import orchestrator
from market_opinion.ops.orchestrator import RunProgress, put_page, turn
from tasks import abreast, task
from tests.loopback import free_port

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server():
    """A server of Prefect with a database of its own."""
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.mark.usefixtures("server")
def test_a_limit_lets_one_ask_at_a_time_and_is_waited_for(monkeypatch, caplog):
    """A missing one is named with the command that brings it; the real server holds the slots."""
    monkeypatch.setattr(orchestrator, "_PATIENCE_SECONDS", 0)
    with (
        pytest.raises(SettingsInvalid, match="prefect gcl create model --limit 1"),
        turn("model"),
    ):
        pass
    monkeypatch.setattr(orchestrator, "_PATIENCE_SECONDS", 60)
    monkeypatch.setattr(orchestrator, "_POLL_SECONDS", 0.2)
    inside, most = [], []

    def ask() -> None:
        with turn("model"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.3)
            inside.pop()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    while "prefect gcl create model" not in caplog.text:
        time.sleep(0.05)
    assert most == []
    with get_client(sync_client=True) as client:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name="model", limit=1))
    for thread in threads:
        thread.join(60)
    assert most == [1, 1, 1]


def test_without_a_limit_nothing_is_asked_of_prefect():
    with turn(None):
        pass


@pytest.mark.usefixtures("server")
def test_steps_are_drawn_after_one_another_and_items_abreast():
    """Not after those whose values they take, and at thirty items as at one."""
    names, after = {}, {}

    @task
    def step(name, _taken=None):
        """Return what many results share, and Prefect knows by its address alone."""
        own = TaskRunContext.get().task_run
        names[own.id] = name
        after[name] = {names[each.id] for inputs in own.task_inputs.values() for each in inputs}
        return ()

    @flow
    def thirty():
        taken = step("first")
        for number in abreast(range(30)):
            step(f"read {number}", taken)
            step(f"judge {number}", _taken=[taken])
        step("last", taken)

    thirty()
    assert after["first"] == set()
    assert after["read 0"] == after["read 29"] == {"first"}
    assert after["judge 12"] == {"read 12"}
    assert after["last"] == {f"judge {number}" for number in range(30)}
    thirty()
    assert after["first"] == set()  # of a run of its own


@pytest.mark.usefixtures("server")
def test_a_run_shows_its_page_and_seldom_its_progress(monkeypatch):
    """One key a flow and domain; the progress ends at 100."""
    monkeypatch.setattr(orchestrator, "_PROGRESS_EVERY_SECONDS", 0.5)

    @flow(name="some flow")
    def some(domain):
        progress = RunProgress()
        progress.show(0.2, "too early")
        assert progress._artifact is None
        time.sleep(0.5)
        progress.show(0.4, "in time")
        progress.show(0.6, "too early")
        progress.end("all")
        put_page("# words", "a run")
        return flow_run.id

    run_id = UUID(some("my_phones"))
    with get_client(sync_client=True) as client:
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
        artifacts = client.read_artifacts(artifact_filter=of_run)
    shown = {each.key: (each.type, each.data, each.description) for each in artifacts}
    assert shown == {
        "some-flow-my-phones": ("markdown", "# words", "a run"),
        "some-flow-my-phones-progress": ("progress", 100.0, "all"),
    }


@pytest.mark.usefixtures("server")
def test_a_server_that_refuses_fails_no_run(caplog):
    """It is asked for progress once, and the log says so."""

    @flow
    def refused():
        with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}):
            progress = RunProgress()
            for number in range(100):
                progress._put(number / 100, "text")
            put_page("# words", "a run")

    refused()
    assert caplog.text.count("took no progress of the run") == 1
    assert caplog.text.count("took no markdown of the run") == 1
