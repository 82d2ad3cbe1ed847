"""SCORER=llm through the whole pipeline: judged once, paid once, forgotten on request."""

import json
import os
import re
import shutil
import subprocess
from datetime import datetime

import polars as pl
import pytest

from flows.backfill import backfill
from flows.erase import erase
from flows.rebuild import rebuild
from market_opinion.core.contracts import (
    OPS_REJECTIONS,
    SILVER_EXTRACTIONS,
    SILVER_ITEMS,
    SILVER_LABELS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.core.errors import ModelRefused, SettingsInvalid
from market_opinion.ops.adapters import open_adapters
from tests.conftest import REPOSITORY, assert_same, write_archive
from tests.llm_server import ModelServer, comments_of, completion, error, judged, sensible

pytestmark = pytest.mark.usefixtures("without_engine")
NAMES = ("quiet_otter", "someone@example.com", "+49 170 1234567")


@pytest.fixture
def server(monkeypatch):
    with ModelServer() as started:
        for name, value in started.environment().items():
            monkeypatch.setenv(name, value)
        yield started


@pytest.fixture
def archive(tmp_path, make_comment, make_submission):
    """Twelve comments on the Pixel 9, two of them with equal words in different hours, and names in the texts."""
    comments = [
        make_comment(
            f"c{n}", f"Pixel 9 battery number {n} is great", at=f"2026-03-01T1{n % 3}:1{n % 6}:00"
        )
        for n in range(9)
    ]
    comments += [
        make_comment("twin", "PIXEL 9 battery  number 0 is great", at="2026-03-01T15:00:00")
    ]
    comments += [
        make_comment(
            "named",
            f"u/quiet_otter said the Pixel 9 is bad, write to {NAMES[1]} or {NAMES[2]}",
            at="2026-03-01T16:00:00",
        )
    ]
    return write_archive(
        tmp_path / "archive", comments, [make_submission(title="Pixel 9 after a month")]
    )


def run(archive, **options):
    return backfill.fn(source="archive", archive=str(archive), communities=["phones"], **options)


def test_items_are_judged_and_an_unchanged_rerun_makes_no_call(server, archive, tables):
    """D06, M3."""
    summary = run(archive)
    opinions = open_adapters().lake().read(SILVER_OPINIONS)
    assert set(opinions["scorer"]) == {"llm"}
    assert set(opinions["model"]) == {"gpt-4.1-mini"}
    assert {"named", "s1", "twin"} <= set(opinions["item_id"])
    calls, before = len(server.bodies), tables()
    assert summary.counts["model_request_count"] == calls
    assert any("USD" in value for _, value in summary.rows())
    run(archive)
    assert len(server.bodies) == calls
    assert all(before[name].equals(frame) for name, frame in tables().items())


def test_a_share_is_asked_and_the_rest_is_judged_without(server, archive, monkeypatch, tables):
    """M13: routed, each opinion with the name of its judge; a rerun asks and changes nothing."""
    monkeypatch.setenv("SCORER", "routed")
    monkeypatch.setenv("LLM_ROUTED_SHARE", "0.5")
    run(archive)
    opinions = open_adapters().lake().read(SILVER_OPINIONS)
    judges = dict(opinions.group_by("scorer").agg(pl.col("model").unique()).iter_rows())
    assert set(judges) == {"local", "llm"}
    assert judges["llm"] == ["gpt-4.1-mini"]
    asked = [comment["text"] for body in server.bodies for comment in comments_of(body)]
    assert 0 < len(asked) < opinions["item_id"].n_unique()
    calls, before = len(server.bodies), tables()
    run(archive)
    assert len(server.bodies) == calls
    assert all(before[name].equals(frame) for name, frame in tables().items())


def test_what_the_model_says_is_meant_is_the_mention(server, tmp_path, make_comment, make_submission):  # fmt: skip
    """It is told the thread's product and what is answered; both stages pay for one question."""
    comments = [
        make_comment("p1", "Pixel 9 gets so hot", at="2026-03-01T10:01:00"),
        make_comment(
            "c1", "Mine does that too, sadly", at="2026-03-01T10:02:00", parent_id="t1_p1"
        ),
        make_comment("c2", "First we take Manhattan", at="2026-03-01T10:03:00"),
    ]
    archive = write_archive(
        tmp_path / "archive", comments, [make_submission(title="Pixel 9 after a month")]
    )

    def answer(body):
        said = [
            {
                "id": each["id"],
                "meant": []
                if "Manhattan" in each["text"]
                else [{"product_id": "google-pixel-9", "words": ""}],
                "mentions": [],
            }
            for each in comments_of(body)
        ]
        return completion(json.dumps({"items": said}))

    server.answer = answer
    run(archive)
    asked = {each["text"]: each for body in server.bodies for each in comments_of(body)}
    assert asked["Mine does that too, sadly"]["parent"] == "Pixel 9 gets so hot"
    assert asked["First we take Manhattan"]["products"][0] == "google-pixel-9: Google Pixel 9, of the thread"  # fmt: skip
    assert sum(len(comments_of(body)) for body in server.bodies) == len(asked)
    found = open_adapters().lake().read(SILVER_MENTIONS).sort("item_id")
    by_item = dict(found.select("item_id", "reason").iter_rows())
    assert (by_item["c1"], by_item["p1"], "c2" in by_item) == ("referred", "named", False)


def test_equal_words_are_asked_once(server, archive):
    """c0 and its twin: one question, two opinions, each quoting its own text."""
    run(archive)
    texts = [comment["text"] for body in server.bodies for comment in comments_of(body)]
    assert (
        sum(" ".join(text.lower().split()) == "pixel 9 battery number 0 is great" for text in texts)
        == 1
    )
    both = open_adapters().lake().read(SILVER_OPINIONS).filter(item_id="twin")
    assert both["evidence"].to_list() == ["PIXEL 9 battery"]


def test_no_name_leaves_the_machine(server, archive):
    """E16: user names, addresses and numbers are masked before anything is sent, and authors are not sent at all."""
    run(archive)
    sent = json.dumps(server.bodies)
    assert "Pixel 9 is bad" in sent
    assert not any(name in sent for name in NAMES)
    assert "author" not in sent


def test_what_is_said_without_proof_becomes_a_rejection(server, archive):
    def answer(body):
        items = judged(body)
        items[0]["mentions"] += [
            {
                "product_id": "nobody",
                "aspect": "battery",
                "label": "positive",
                "score": 1,
                "evidence": "Pixel 9",
            },
            {
                "product_id": "google-pixel-9",
                "aspect": "camera",
                "label": "positive",
                "score": -1,
                "evidence": "Pixel 9",
            },
            {
                "product_id": "google-pixel-9",
                "aspect": "price",
                "label": "positive",
                "score": 1,
                "evidence": "never said",
            },
        ]
        return completion(json.dumps({"items": items}))

    server.answer = answer
    run(archive)
    reasons = set(open_adapters().lake().read(OPS_REJECTIONS, {"stage": "opinions"})["reason"])
    assert reasons == {"unknown_product", "sign_disagrees", "evidence_not_in_text"}
    assert set(open_adapters().lake().read(SILVER_OPINIONS)["aspect"]) == {"battery"}


def test_a_question_that_was_given_up_is_a_rejection_and_not_asked_again(server, archive):
    server.answer = lambda body: (
        completion(None, refusal="no")
        if "is bad" in json.dumps(comments_of(body))
        else sensible(body)
    )
    run(archive)
    refused = open_adapters().lake().read(OPS_REJECTIONS, {"stage": "opinions"})
    assert (refused["item_id"].to_list(), refused["reason"].to_list()) == (["named"], ["refused"])
    calls = len(server.bodies)
    run(archive)
    assert len(server.bodies) == calls


def test_a_run_that_breaks_off_is_not_paid_again(server, archive, monkeypatch):
    """D29: what was answered is in the ledger, though the run failed."""
    monkeypatch.setenv("LLM_ITEMS_PER_REQUEST", "1")
    monkeypatch.setenv("LLM_MAX_IN_FLIGHT", "2")
    left = [5]

    def answer(body):
        left[0] -= 1
        return sensible(body) if left[0] >= 0 else error(401, "invalid_api_key")

    server.answer = answer
    with pytest.raises(ModelRefused):
        run(archive)
    answered = 5
    assert open_adapters().lake().read(SILVER_EXTRACTIONS).height == answered
    server.answer, before = sensible, len(server.bodies)
    run(archive)
    asked = [comment["text"] for body in server.bodies for comment in comments_of(body)]
    assert len(server.bodies) - before == len(set(map(str.lower, asked))) - answered


def test_a_budget_leaves_items_unjudged_and_says_so(server, archive, monkeypatch):
    """The next run with more goes on where it ended."""
    monkeypatch.setenv("LLM_ITEMS_PER_REQUEST", "1")
    monkeypatch.setenv("LLM_BUDGET_USD_PER_DAY", "0.0025")
    monkeypatch.setenv("LLM_MAX_IN_FLIGHT", "2")
    summary = run(archive)
    left = summary.counts["unjudged_item_count"]
    assert 0 < left < 12
    assert any(f"{left:,} items left" in value for _, value in summary.rows())
    monkeypatch.setenv("LLM_BUDGET_USD_PER_DAY", "1")
    assert run(archive).counts["unjudged_item_count"] == 0
    assert (
        open_adapters().lake().read(SILVER_EXTRACTIONS)["question_key"].is_duplicated().any()
        is False
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"LLM_API_KEY": ""}, "LLM_API_KEY"),
        ({"LLM_MODEL": "nobody-sells-this", "LLM_BUDGET_USD": "1"}, "LLM_PRICES"),
        ({"LLM_ALLOWED_HOSTS": "api.openai.com"}, "LLM_ALLOWED_HOSTS"),
    ],
)
def test_a_model_that_is_not_configured_is_named(server, archive, monkeypatch, changes, words):
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid, match=words):
        run(archive)
    assert server.bodies == []


def test_an_unknown_price_is_unknown(server, archive, monkeypatch):
    monkeypatch.setenv("LLM_MODEL", "nobody-sells-this")
    summary = run(archive)
    assert (
        open_adapters().lake().read(SILVER_EXTRACTIONS)["usd"].null_count()
        == open_adapters().lake().read(SILVER_EXTRACTIONS).height
    )
    assert any("cost not known" in value for _, value in summary.rows())


def test_what_is_erased_is_erased_from_the_ledger(server, archive, home):
    """What a model quoted of it as well."""
    run(archive)
    kept = open_adapters().lake().read(SILVER_EXTRACTIONS).height
    erase.fn(items=["named"], author=None, now=datetime(2026, 3, 10, 13))
    extractions = open_adapters().lake().read(SILVER_EXTRACTIONS)
    assert extractions.height == kept - 1
    assert open_adapters().lake().read(SILVER_ITEMS).filter(item_id="named")["text"].to_list() == [
        ""
    ]


def test_what_the_copy_of_a_home_holds_gives_all_of_it_back(server, archive, tables, home):
    """A14: by the commands of docs/restore.md; a paid answer and a label are in no landed line."""
    copy, restore = re.findall(
        r"^tar .*", (REPOSITORY / "docs" / "restore.md").read_text(), re.MULTILINE
    )
    variables = {**os.environ, "MARKET_OPINION_HOME": str(home), "COPY": str(archive / "copy.tgz")}
    run(archive)
    label("c1")
    before, calls = tables(), len(server.bodies)
    assert before["silver.extractions"].height > before["silver.labels"].height == 1
    subprocess.run(["sh", "-ec", copy], env=variables, check=True)
    shutil.rmtree(home)
    home.mkdir()
    subprocess.run(["sh", "-ec", restore], env=variables, check=True)
    assert not (home / "market_opinion.duckdb").exists()
    rebuild.fn()
    without_time = [
        {name: frame.drop("as_of", strict=False) for name, frame in each.items()}
        for each in (tables(), before)
    ]
    assert_same(*without_time)
    assert len(server.bodies) == calls
    shutil.rmtree(home / "lake")
    rebuild.fn()
    assert len(server.bodies) > calls, "without the table, answers are paid again"
    assert tables()["silver.labels"].is_empty()


def label(item_id):
    """Somebody reads an item, and finds nothing."""
    lake = open_adapters().lake()
    (item,) = lake.read(SILVER_ITEMS, {"item_id": item_id}).to_dicts()
    read = {
        "domain": "smartphones",
        "labeller": "ann",
        "labelled_at": item["created_at"],
        "drawn_at": item["created_at"],
        "stratum": "none",
        "inclusion_probability": 0.5,
        "mentions": "[]",
        "opinions": "[]",
    }
    row = {name: (item | read).get(name) for name in SILVER_LABELS.schema}
    rows = pl.DataFrame([row], schema=SILVER_LABELS.schema)
    lake.overwrite(SILVER_LABELS, rows, {"labeller": "ann"}, None, run={"run-id": "r"})


@pytest.fixture
def by_batch(monkeypatch):
    monkeypatch.setenv("LLM_MODE", "batch")
    monkeypatch.setenv("LLM_BATCH_POLL_SECONDS", "0.01")


def test_a_batch_gives_the_same_opinions_at_half_the_price(
    server, archive, monkeypatch, by_batch, tmp_path
):
    """What it left open is asked at once: a line that failed, and a reply nobody can read."""
    broken = []

    def answer(body):
        if not broken:
            broken.append(body)
            return completion("not json")
        return sensible(body)

    server.answer = answer
    summary = run(archive)
    by_batch = open_adapters().lake().read(SILVER_OPINIONS).drop("model")
    assert sum(path.endswith("/chat/completions") for path in server.paths) == 1
    assert summary.counts["unjudged_item_count"] == 0
    assert open_adapters().state().notes("batches") == {}
    assert server.files == {}
    costs = open_adapters().lake().read(SILVER_EXTRACTIONS)["usd"].unique().to_list()
    assert len(costs) >= 2
    monkeypatch.setenv("MARKET_OPINION_HOME", str(tmp_path / "other"))
    monkeypatch.setenv("LLM_MODE", "online")
    run(archive)
    assert open_adapters().lake().read(SILVER_OPINIONS).drop("model").equals(by_batch)


DEATHS = {
    "before the upload": "openai.resources.files.Files.create",
    "after the upload": "openai.resources.batches.Batches.create",
    "before its note": "market_opinion.scorers.llm.batch.BatchRun._collect",
    "while it waits": "openai.resources.batches.Batches.retrieve",
    "while it reads": "openai.resources.files.Files.content",
    "before its files go": "openai.resources.files.Files.delete",
    "before it is forgotten": "market_opinion.scorers.llm.asking._Batches.drop",
}


@pytest.mark.parametrize("dies", DEATHS)
def test_a_crash_leaves_no_file_at_the_provider(server, archive, monkeypatch, by_batch, dies):
    """The next run deletes what it finds, whatever is asked then, and no batch is paid twice."""
    with monkeypatch.context() as broken:
        broken.setattr(DEATHS[dies], lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(archive)
    run(archive)
    works = [batch["metadata"]["work"] for batch in server.batches.values()]
    assert len(works) == len(set(works)) > 0
    assert server.files == {}
    assert open_adapters().state().notes("batches") == {}


def test_files_that_a_provider_keeps_are_tried_again(server, archive, by_batch, caplog):
    """A refusal stops nothing, and is in the log."""
    server.keeps_files = True
    assert run(archive).counts["unjudged_item_count"] == 0
    assert "was not deleted at the provider" in caplog.text
    server.keeps_files = False
    run(archive, start=datetime(2026, 3, 1, 10), end=datetime(2026, 3, 1, 11))
    assert open_adapters().state().notes("batches") == {}
    assert server.files == {}


@pytest.mark.parametrize("dies_at", ["keep", "retrieve"])
def test_a_batch_is_found_again_after_a_crash(server, archive, monkeypatch, by_batch, dies_at):
    """Before it was noted, by its name; after, by the note. Either way it is submitted once."""
    place = {
        "keep": "market_opinion.scorers.llm.batch.BatchRun._collect",
        "retrieve": "openai.resources.batches.Batches.retrieve",
    }[dies_at]
    with monkeypatch.context() as broken:
        broken.setattr(place, lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(archive)
    assert len(server.batches) == 1
    run(archive)
    works = [batch["metadata"]["work"] for batch in server.batches.values()]
    assert len(works) == len(set(works))


def test_a_batch_stays_within_the_budget(server, archive, monkeypatch, by_batch):
    monkeypatch.setenv("LLM_ITEMS_PER_REQUEST", "1")
    monkeypatch.setenv("LLM_BUDGET_USD_PER_DAY", "0.001")
    summary = run(archive)
    assert 0 < summary.counts["unjudged_item_count"] < 12
