"""One account, many workers: the model is asked under a Prefect global concurrency limit."""

import threading
import time

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.testing.utilities import prefect_test_harness

from market_opinion.core.errors import SettingsInvalid
from market_opinion.ops.orchestrator import turn

pytestmark = pytest.mark.integration


def test_a_limit_lets_one_ask_at_a_time_and_is_named_when_missing():
    """As the message says, by a command; the real server holds the slots."""
    with prefect_test_harness(server_startup_timeout=120):
        with (
            pytest.raises(SettingsInvalid, match="prefect gcl create model --limit 1"),
            turn("model"),
        ):
            pass
        with get_client(sync_client=True) as client:
            client.create_global_concurrency_limit(
                GlobalConcurrencyLimitCreate(name="model", limit=1)
            )
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
        for thread in threads:
            thread.join(60)
        assert most == [1, 1, 1]


def test_without_a_limit_nothing_is_asked_of_prefect():
    with turn(None):
        pass
