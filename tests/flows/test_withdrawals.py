"""What a platform withdraws goes from here too, whatever cuts that off."""

import json
from datetime import timedelta

import pytest

from flows import stages
from flows.backfill import backfill
from flows.refresh import refresh
from market_opinion.core.contracts import SILVER_MENTIONS
from market_opinion.ops.adapters import open_adapters
from tests.conftest import everywhere
from tests.flows.test_live import H10, SUBMISSION, T10, at, bronze, comment, run_hourly

pytestmark = pytest.mark.usefixtures("without_engine")
WORDS = (b"zanzibar", b"samarkand")


def look(reddit, hours):
    refresh.fn(communities=["phones"], now=at(reddit, H10 + timedelta(hours=hours, minutes=5)))


def run_of_another_domain():
    backfill.fn(domain="hotels", source="sample", start=H10, end=H10 + timedelta(hours=1))


@pytest.fixture
def withdrawn(reddit):
    """An hour of Reddit of which one comment was deleted, one is absent again, and one has votes."""
    bodies = [
        "The Pixel 9 zanzibar camera is great",
        "The Pixel 9 samarkand is great",
        "Pixel 9: great",
    ]
    reddit.add([SUBMISSION, *(comment(f"c{n}", T10 + 70 + n, b) for n, b in enumerate(bodies))])
    run_hourly(reddit, H10 + timedelta(minutes=80))
    reddit.posts["t1_c1"].vanished = T10 + 6000
    look(reddit, 2)
    reddit.posts["t1_c0"].deleted = T10 + 8000
    reddit.posts["t1_c2"].score = 77
    return reddit


@pytest.mark.parametrize(
    "stage",
    [
        "market_opinion.ops.second_looks.HourLook._remember",
        "flows.stages.build_gold",
        "flows.stages.end_erasure",
    ],
)
def test_what_was_cut_off_is_finished_by_another_flow(withdrawn, home, monkeypatch, stage):
    """X13: it names ids alone, for its own domain, and nothing is looked up again for it."""
    with monkeypatch.context() as broken:
        broken.setattr(stage, lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            look(withdrawn, 7)
    (begun,) = open_adapters().state().notes("erasures").values()
    assert (begun["item_ids"], begun["domain"]) == (["c0", "c1"], "smartphones")
    assert not any(word in json.dumps(begun).encode() for word in WORDS)
    requests = len(withdrawn.requests)
    run_of_another_domain()
    assert len(withdrawn.requests) == requests
    assert everywhere(home, *WORDS) == []
    assert open_adapters().state().notes("erasures") == {}
    mentions = open_adapters().lake().read(SILVER_MENTIONS).filter(platform="reddit")
    assert set(mentions["domain"]) == {"smartphones"}
    shown = open_adapters().mart().query("SELECT item_id FROM mart.fact_brand_mentions")
    assert not {"c0", "c1"} & set(shown["item_id"])
    # A line that was not landed is found by the next look, since its hour is not noted as seen.
    look(withdrawn, 8)
    assert bronze().filter(item_id="c2")["votes"].to_list() == [77]


def test_a_run_beside_a_look_leaves_what_it_withdraws_to_it(withdrawn, home, monkeypatch):
    """X13: from the first item that is found to be gone."""
    landed, erase_landed, repair_threads = [], stages.erase_landed, stages.repair_threads

    def meanwhile(*arguments):
        if notes := open_adapters().state().notes("erasures"):
            run_of_another_domain()
            assert open_adapters().state().notes("erasures") == notes
        return repair_threads(*arguments)

    monkeypatch.setattr(stages, "repair_threads", meanwhile)
    monkeypatch.setattr(stages, "erase_landed", lambda of: landed.append(of) or erase_landed(of))
    look(withdrawn, 7)
    assert len(landed) == 1
    assert everywhere(home, *WORDS) == []
    assert open_adapters().state().notes("erasures") == {}
