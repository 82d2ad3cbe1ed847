"""One account, many workers: the model is asked under a Prefect global concurrency limit."""

import threading
import time

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.testing.utilities import prefect_test_harness

from market_opinion.core.errors import SettingsInvalid
from market_opinion.ops import orchestrator
from market_opinion.ops.orchestrator import turn

pytestmark = pytest.mark.integration


def test_a_limit_lets_one_ask_at_a_time_and_is_waited_for(monkeypatch, caplog):
    """A missing one is named with the command that brings it; the real server holds the slots."""
    with prefect_test_harness(server_startup_timeout=120):
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
            client.create_global_concurrency_limit(
                GlobalConcurrencyLimitCreate(name="model", limit=1)
            )
        for thread in threads:
            thread.join(60)
        assert most == [1, 1, 1]


def test_without_a_limit_nothing_is_asked_of_prefect():
    with turn(None):
        pass
