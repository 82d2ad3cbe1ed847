"""What becomes of replies that are wrong in some way: kept, asked again alone, given up, stopped."""

import json
import random
from dataclasses import replace

import pytest
from pydantic import SecretStr

from market_opinion.core.errors import ModelUnusable
from market_opinion.scorers.llm.engine import Engine, run_engine
from market_opinion.scorers.llm.model import Model
from market_opinion.scorers.llm.prompt import load_prompt
from tests.conftest import REPOSITORY
from tests.llm_server import KEY, ModelServer, comments_of, completion, error, judged, sensible

PIXEL = "google-pixel-9"


@pytest.fixture(scope="module")
def prompt():
    from market_opinion.domain.definition import load_domain

    return load_prompt(load_domain("smartphones", REPOSITORY / "domains"), REPOSITORY / "domains")


@pytest.fixture
def server():
    with ModelServer() as started:
        yield started


def questions(prompt, count):
    text = "Number {n} has a battery that lasts"
    return [prompt.question(text.format(n=n), None, [PIXEL], model="m") for n in range(count)]


def run(server, prompt, asked, **options):
    engine = Engine(
        replace(Model("m", server.url, SecretStr(KEY), max_in_flight=4), **options), prompt
    )
    found = {}
    keep = lambda answers: found.update({a.question_key: a for a in answers})  # noqa: E731
    return run_engine(lambda: engine.run(asked, on_answers=keep)), found, engine


def spoiled(items, how, place=0):
    """Return the items with the first mention of a place changed."""
    items = json.loads(json.dumps(items))
    items[place % len(items)]["mentions"][0] |= how
    return json.dumps({"items": items})


BAD = {"aspect": "smell"}, {"score": 7}, {"label": "fine"}, {"evidence": 3}, {"score": "much"}
# Each takes the items of a good reply; the last ones spoil one item of it.
MUTATIONS = [
    lambda items: f"<think>one {{or}} two</think>{json.dumps({'items': items})}",
    lambda items: f"Sure:\n{json.dumps({'items': items})}\nAnything else?",
    lambda items: f"Sure.\n```json\n{json.dumps({'items': items})}\n```",
    json.dumps,
    lambda items: json.dumps({"items": items}).replace("positive", "Positive"),
    lambda items: json.dumps({"items": items}).replace('"battery"', '"Battery"'),
    lambda items: json.dumps({"items": [{**item, "why": "so"} for item in items]}),
    lambda items: json.dumps({"items": [{**item, "id": int(item["id"][1:])} for item in items]}),
    lambda items: json.dumps({"items": items}).replace("0.7", '"0.7"'),
    lambda items: json.dumps({"answers": items}),
    lambda items: "\n".join(map(json.dumps, items)),
    lambda items: json.dumps({item["id"]: item["mentions"] for item in items}),
    lambda items: json.dumps({"items": items}, indent=4),
    lambda items: json.dumps({"items": list(reversed(items))}),
    lambda items: json.dumps({"items": items[:-1]}),
    *(lambda items, how=how: spoiled(items, how, place=2) for how in BAD),
]


@pytest.mark.parametrize("seed", range(3))
def test_of_twenty_mutations_all_that_is_right_is_kept(server, prompt, seed):
    """D11: an item that was spoiled or left out costs one request more, and no other costs any."""
    dice, faults = random.Random(seed), []

    def answer(body):
        items = judged(body)
        number = dice.randrange(len(MUTATIONS)) if len(items) == 8 else 0
        faults.extend([number] if number >= 14 else [])
        return completion(MUTATIONS[number](items))

    server.answer = answer
    totals, found, _ = run(server, prompt, questions(prompt, 800))
    assert totals.kept_count == len(found) == 800
    assert len(faults) <= totals.request_count - 100 <= 1.3 * len(faults)


@pytest.mark.parametrize("how", BAD, ids=str)
def test_an_item_that_is_always_bad_is_given_up_alone(server, prompt, how):
    """Its seven neighbours are kept from the first reply, and it is asked three times more."""

    def answer(body):
        items = judged(body)
        numbers = [comment["text"].split()[1] for comment in comments_of(body)]
        return completion(
            spoiled(items, how, numbers.index("5")) if "5" in numbers else json.dumps(items)
        )

    server.answer = answer
    totals, found, _ = run(server, prompt, questions(prompt, 8))
    assert (totals.kept_count, totals.rejected_count, totals.request_count) == (7, 1, 4)
    (bad,) = [answer for answer in found.values() if answer.status != "ok"]
    assert (bad.status, bad.attempt_count) == ("invalid_reply", 4)


def test_what_a_reply_cost_is_counted_once(server, prompt):
    """The shares of all answers add up to the tokens of all requests."""
    first = []

    def answer(body):
        first.append(body)
        items = judged(body)
        return completion(spoiled(items, BAD[0], 3) if len(first) == 1 else json.dumps(items))

    server.answer = answer
    totals, found, _ = run(server, prompt, questions(prompt, 8))
    assert totals.request_count == 2
    assert sum(a.usage.input for a in found.values()) == pytest.approx(2000)


@pytest.mark.parametrize(
    "content",
    ["I cannot judge these.", '{"items": [{"id": "x1", "mentions": []}]}', "{}", "[]"],
)
@pytest.mark.parametrize(("count", "size"), [(8, 8), (1000, 8), (1000, 1)])
def test_a_model_that_answers_nothing_is_stopped(server, prompt, content, count, size):
    """Sixteen useless replies in a row are enough, and what is under way ends."""
    server.answer = lambda _: completion(content)
    with pytest.raises(ModelUnusable, match="invalid_reply"):
        run(server, prompt, questions(prompt, count), items_a_request=size, max_in_flight=8)
    assert 16 <= len(server.bodies) < 31


def test_a_few_bad_questions_among_good_ones_stop_nothing(server, prompt):
    """One of each twenty has no useful reply in any company."""

    def answer(body):
        texts = [comment["text"].split()[1] for comment in comments_of(body)]
        return completion("no") if any(int(n) % 20 == 0 for n in texts) else sensible(body)

    server.answer = answer
    totals, _, _ = run(server, prompt, questions(prompt, 400))
    assert (totals.kept_count, totals.rejected_count) == (380, 20)


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "x", "response_format.type must be text"),
        error(422, "x", "json_schema is not known"),
        error(500, "x", "response_format type must be one of text, json_object"),
        error(400, "x", "Failed to initialize samplers: failed to parse grammar"),
    ],
    ids=str,
)
def test_a_form_that_is_refused_is_left_by_one_step(server, prompt, refusal):
    """Though many requests under way are refused at once, JSON mode is tried before plain text."""
    server.answer = lambda body: (
        refusal if body.get("response_format", {}).get("type") == "json_schema" else sensible(body)
    )
    totals, _, engine = run(server, prompt, questions(prompt, 400), max_in_flight=8)
    assert (totals.kept_count, engine.form) == (400, "json_object")
    forms = {body.get("response_format", {}).get("type") for body in server.bodies}
    assert forms == {"json_schema", "json_object"}


@pytest.mark.parametrize("number", range(14))
def test_a_reply_with_something_around_it_takes_one_request(server, prompt, number):
    """Everything in it is right, however it is written."""
    server.answer = lambda body: completion(MUTATIONS[number](judged(body)))
    totals, _, _ = run(server, prompt, questions(prompt, 8))
    assert (totals.kept_count, totals.request_count) == (8, 1)
