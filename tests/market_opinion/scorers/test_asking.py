"""Callers of a model that work at the same time: each question is paid for once, within budgets."""

import json
import logging
import threading
import time
from contextlib import nullcontext
from datetime import UTC, datetime

import msgspec
import polars as pl
import pytest

from market_opinion.core.contracts import SILVER_EXTRACTIONS
from market_opinion.core.errors import BudgetMissing, ModelRefused
from market_opinion.core.settings import load_settings
from market_opinion.ops.adapters import open_adapters
from market_opinion.scorers.llm import leases
from market_opinion.scorers.llm.answers import forget_answers, open_journal
from market_opinion.scorers.llm.asking import ModelCaller
from market_opinion.scorers.llm.budgets import SharedPurse
from market_opinion.scorers.llm.prompt import Answer, load_prompt
from tests.llm_server import ModelServer, comments_of, error, sensible

PIXEL = "google-pixel-9"
HOUR = datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.fixture
def server(monkeypatch):
    with ModelServer() as started:
        for name, value in started.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LLM_MAX_IN_FLIGHT", "2")
        open_adapters().lake()  # Two threads that create one catalog are in each other's way.
        monkeypatch.setenv("LLM_ITEMS_PER_REQUEST", "2")
        yield started


def rows(count):
    """Return rows of `to_judge` with different words."""
    return pl.DataFrame(
        {
            "row": range(count),
            "platform": "reddit",
            "community": "phones",
            "item_id": [f"c{n}" for n in range(count)],
            "window_start": HOUR,
            "text": [f"Number {n} has a battery that lasts" for n in range(count)],
            "context_title": "",
            "products": [[PIXEL]] * count,
        }
    )


def caller(run_id="r1", **of_run):
    adapters = open_adapters()
    log = logging.getLogger("asking")
    return ModelCaller(
        load_settings(),
        adapters.lake(),
        adapters.state(),
        lambda _: nullcontext(),
        log,
        {"run-id": run_id, **of_run},
    )


def texts_asked(server):
    return [comment["text"] for body in server.bodies for comment in comments_of(body)]


def all_at_once(work, count):
    """Run the work in threads, and return what each returned."""
    done = {}
    threads = [
        threading.Thread(target=lambda n=n: done.update({n: work(n)}), daemon=True)
        for n in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [done[number] for number in range(count)]


def test_two_callers_of_the_same_questions_ask_each_once(server, phones):
    """Each gets the judgements of all, those of the other as well."""

    def slow(body):
        time.sleep(0.02)
        return sensible(body)

    server.answer = slow
    both = all_at_once(lambda n: caller(f"r{n}").judge(rows(60), phones), 2)
    assert sorted(texts_asked(server)) == sorted(rows(60)["text"])
    assert [one.judgements.height for one in both] == [60, 60]
    assert sum(one.counts["asked_question_count"] for one in both) == 60
    stored = open_adapters().lake().read(SILVER_EXTRACTIONS)
    assert (stored.height, stored["question_key"].n_unique()) == (60, 60)


def test_a_question_of_a_dead_run_is_taken_over_when_its_lease_has_run_out(server, phones):
    """Until then it is waited for."""
    mine = caller()
    prompt = load_prompt(phones, mine.settings.domains_path)
    key = prompt.question("Number 1 has a battery that lasts", "", [PIXEL], model="gpt-4.1-mini").key  # fmt: skip
    now = time.time()
    mine.state.claims.take([key], holder="dead", now=now, until=now + 1.5)
    judged_ = mine.judge(rows(3), phones)
    assert time.time() - now >= 1.5
    assert (judged_.judgements.height, len(texts_asked(server))) == (3, 3)


def test_an_answer_that_a_dead_run_shared_is_not_asked_for_again(server, phones):
    """It is used, and moved to the ledger once it has lain in the state for long."""
    first = caller()
    first.judge(rows(2), phones)
    stored = first.lake.read(SILVER_EXTRACTIONS)
    claims, calls = first.state.claims, len(server.bodies)
    with_answers = _answers(server, phones)
    first.lake.delete(SILVER_EXTRACTIONS, {"model": "gpt-4.1-mini"}, run={})
    claims.answer(with_answers, until=time.time() + 100)
    assert caller().judge(rows(2), phones).judgements.height == 2
    assert first.lake.read(SILVER_EXTRACTIONS).height == 0
    claims.answer(with_answers, until=time.time() - 1)
    assert caller().judge(rows(2), phones).judgements.height == 2
    assert len(server.bodies) == calls
    assert set(first.lake.read(SILVER_EXTRACTIONS)["question_key"]) == set(stored["question_key"])
    assert claims.answers(with_answers) == {}


def _answers(server, phones):
    """Return the ledger's answers as a run shares them in the state."""
    from market_opinion.scorers.llm import ledger

    mine = caller()
    keys = mine.lake.read(SILVER_EXTRACTIONS, columns=["question_key", "text_key"])
    answers = ledger.read(mine.lake, keys["question_key"].to_list())
    return {
        key: msgspec.json.encode(
            msgspec.structs.replace(answers[key], text_key=text, domain="smartphones")
        ).decode()
        for key, text in keys.iter_rows()
    }


def test_answers_are_shared_while_a_run_goes_on(server, phones):
    """A run on another machine reads them before the first has ended."""
    seen = []

    def answer(body):
        time.sleep(0.1)
        keys = [row[0] for row in _leased(state)]
        seen.append(len(state.claims.answers(keys)))
        return sensible(body)

    state = open_adapters().state()
    server.answer = answer
    caller().judge(rows(60), phones)
    assert max(seen) > 0
    assert _leased(state) == []


def _leased(state):
    with state._connect() as connection:
        return connection.execute("SELECT question_key FROM leases").fetchall()


def test_leases_are_prolonged_while_the_model_thinks(server, phones, monkeypatch):
    """Another run does not take over what is under way for longer than a lease."""
    monkeypatch.setattr(leases, "LEASE_SECONDS", 2.0)
    monkeypatch.setattr(leases, "_RENEWAL_SECONDS", 0.5)
    server.answer = lambda body: (time.sleep(4), sensible(body))[1]

    def work(number):
        time.sleep(number)
        return caller(f"r{number}").judge(rows(2), phones)

    assert [one.judgements.height for one in all_at_once(work, 2)] == [2, 2]
    assert len(server.bodies) == 1


def test_what_is_not_answered_is_free_at_once_after_a_failure(server, phones):
    """Nobody waits for a run that has ended."""
    server.answer = lambda _: error(401, "invalid_api_key")
    with pytest.raises(ModelRefused):
        caller().judge(rows(20), phones)
    assert _leased(open_adapters().state()) == []


def test_a_day_has_one_budget_for_all_runs(server, phones, monkeypatch):
    """M3: four runs on different questions stay within it, and nothing stays reserved."""
    monkeypatch.setenv("LLM_BUDGET_USD_PER_DAY", "0.02")
    cost = (1000 * 0.4 + 100 * 1.6) / 1e6

    def work(number):
        mine = rows(60).with_columns(text=pl.lit(f"Run {number}: ") + pl.col("text"))
        return caller(f"r{number}").judge(mine, phones)

    all_ = all_at_once(work, 4)
    spent = len(server.bodies) * cost
    assert 0.014 < spent <= 0.02
    assert sum(one.counts["unjudged_item_count"] for one in all_) > 0
    day = f"day {datetime.now(UTC):%Y-%m-%d}"
    assert open_adapters().state().claims.booked(day) == pytest.approx(spent)


def test_a_run_keeps_to_its_budget_over_its_slices(server, phones, monkeypatch):
    """A run begins where its slice before ended; another run has a budget of its own."""
    monkeypatch.setenv("LLM_BUDGET_USD", "0.008")
    left = [caller("one").judge(rows(n), phones).counts["unjudged_item_count"] for n in (40, 80)]
    assert left[0] > 0
    assert left[1] >= 40
    assert caller("two").judge(rows(60), phones).counts["asked_question_count"] > 0


@pytest.mark.parametrize(
    ("setting", "campaign", "budget"),
    [
        ("LLM_BUDGET_USD_PER_DOMAIN", {}, f"domain smartphones {datetime.now(UTC):%Y-%m}"),
        ("LLM_BUDGET_USD_PER_CAMPAIGN", {"campaign": "spring"}, "campaign spring"),
    ],
)
def test_a_domain_and_a_campaign_have_budgets_for_all_their_runs(
    server, phones, monkeypatch, setting, campaign, budget
):
    """M3: two runs at once stay within it, what was reserved is settled, another scope has its own."""  # fmt: skip
    monkeypatch.setenv(setting, "0.008")
    monkeypatch.setenv("LLM_BUDGET_USD", "1")
    cost = (1000 * 0.4 + 100 * 1.6) / 1e6

    def work(number):
        mine = rows(40).with_columns(text=pl.lit(f"Run {number}: ") + pl.col("text"))
        return caller(f"r{number}", **campaign).judge(mine, phones)

    both = all_at_once(work, 2)
    spent = len(server.bodies) * cost
    assert 0.004 < spent <= 0.008
    assert all(one.counts["unjudged_item_count"] for one in both)
    claims = open_adapters().state().claims
    assert claims.booked(budget) == pytest.approx(spent)
    assert sum(claims.booked(f"run r{n}") for n in range(2)) == pytest.approx(spent)
    if campaign:
        other = caller("r3", campaign="autumn").judge(rows(4), phones)
        assert other.counts["unjudged_item_count"] == 0


def test_a_run_that_nobody_set_a_budget_for_stops_before_it_costs_a_dollar(
    server, phones, monkeypatch, tmp_path
):
    """S5: it says what it would cost, and which setting allows it."""
    (tmp_path / "prices.toml").write_text('["gpt-4.1-mini"]\ninput = 900\noutput = 900\n')
    monkeypatch.setenv("LLM_PRICES", str(tmp_path / "prices.toml"))
    with pytest.raises(BudgetMissing, match=r"cost about \d+\.\d\d USD.*LLM_BUDGET_USD"):
        caller().judge(rows(4), phones)
    assert server.bodies == []
    monkeypatch.setenv("LLM_BUDGET_USD_PER_DAY", "1000")
    assert caller().judge(rows(4), phones).judgements.height == 4


def test_a_request_without_an_answer_is_booked_as_if_it_had_one(server, phones, monkeypatch):
    """The server may have charged for it."""
    monkeypatch.setenv("LLM_TIMEOUT_SECONDS", "0.3")
    left = [1]

    def answer(body):
        if left:
            time.sleep(0.6 * left.pop())
        return sensible(body)

    server.answer = answer
    done = caller().judge(rows(2), phones)
    booked = open_adapters().state().claims.booked("run r1")
    assert done.counts["model_request_count"] == 2
    assert booked > 1.5 * done.counts["cost_micro_usd"] / 1e6


def test_what_a_killed_run_had_reserved_stays_booked(home):
    """Its requests under way may have cost that much."""
    claims = open_adapters().state().claims
    SharedPurse(claims, {"day": 1.0}).reserve(0.01)
    assert 0.01 <= claims.booked("day") <= 0.08 + 1e-9


def test_the_form_that_a_server_knows_is_remembered(server, phones):
    """The next run begins with it, and asks nothing that is refused."""
    server.answer = lambda body: (
        error(400, "x", "response_format json_schema is unknown")
        if body.get("response_format", {}).get("type") == "json_schema"
        else sensible(body)
    )
    caller().judge(rows(4), phones)
    before = len(server.bodies)
    caller("r2").judge(rows(8), phones)
    forms = [body.get("response_format", {}).get("type") for body in server.bodies[before:]]
    assert forms == ["json_object"] * 2


def test_what_is_forgotten_is_forgotten_before_it_is_in_the_ledger(server, phones):
    """In the state and in the journal."""
    mine = caller()
    mine.judge(rows(2), phones)
    texts = mine.lake.read(SILVER_EXTRACTIONS)["text_key"].to_list()
    shared = _answers(server, phones)
    mine.state.claims.answer(shared, until=time.time() + 100)
    forget_answers(mine.state, mine.settings, texts[:1])
    kept = mine.state.claims.answers(shared)
    assert [json.loads(text)["text_key"] for text in kept.values()] == texts[1:]
    assert open_journal(mine.settings).answers() == []


def test_what_a_process_had_on_disk_and_not_shared_is_not_asked_for_again(server, phones):
    """It died between the two; its lease has run out."""
    mine = caller()
    mine.judge(rows(2), phones)
    answers = [msgspec.json.decode(text, type=Answer) for text in _answers(server, phones).values()]
    mine.lake.delete(SILVER_EXTRACTIONS, {"model": "gpt-4.1-mini"}, run={})
    open_journal(mine.settings).put(answers)
    calls = len(server.bodies)
    assert caller().judge(rows(2), phones).judgements.height == 2
    assert (len(server.bodies), mine.lake.read(SILVER_EXTRACTIONS).height) == (calls, 2)
    assert open_journal(mine.settings).answers() == []


def test_callers_share_the_rate_of_their_account(server, phones, monkeypatch):
    """D09, M3: four at once send no more than one may: here 240 requests a minute, after a second's worth."""
    monkeypatch.setenv("LLM_REQUESTS_PER_MINUTE", "240")
    came = []
    server.answer = lambda body: (came.append(time.monotonic()), sensible(body))[1]

    def work(number):
        mine = rows(12).with_columns(text=pl.lit(f"Run {number}: ") + pl.col("text"))
        return caller(f"r{number}").judge(mine, phones)

    assert [one.judgements.height for one in all_at_once(work, 4)] == [12] * 4
    assert len(came) == 24
    assert came[-1] - came[0] >= (24 - 5) * 60 / 240 - 0.5
