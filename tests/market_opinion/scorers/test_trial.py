"""A model on trial: its own figure on the domain's examples."""

import json

import pytest
from pydantic import SecretStr

from market_opinion.domain.examples import read_question
from market_opinion.ops import doctor
from market_opinion.scorers.llm.model import Model
from market_opinion.scorers.llm.prompt import load_prompt
from market_opinion.scorers.llm.trial import try_model
from tests.conftest import REPOSITORY
from tests.llm_server import KEY, ModelServer, comments_of, completion, error

DOMAINS = REPOSITORY / "domains"


@pytest.fixture
def author(phones):
    """Return a model that answers as the author of the examples did."""
    _, examples = read_question(phones, DOMAINS)
    by_text = {each.text: [vars_of(mention) for mention in each.mentions] for each in examples}

    def answer(body):
        return completion(
            json.dumps([{"id": c["id"], "mentions": by_text[c["text"]]} for c in comments_of(body)])
        )

    return answer


def vars_of(mention):
    return {name: getattr(mention, name) for name in mention.__struct_fields__}


@pytest.fixture
def server(author, monkeypatch):
    with ModelServer(author) as started:
        for name, value in started.environment().items():
            monkeypatch.setenv(name, value)
        yield started


def tried(server, phones):
    return try_model(Model("m", server.url, SecretStr(KEY)), phones, DOMAINS)


def test_a_model_that_reads_as_the_author_is_right_in_all(server, phones):
    """Every example is asked, and none is asked of a prompt that shows it."""
    trial = tried(server, phones)
    _, examples = read_question(phones, DOMAINS)
    assert (trial.share_right, trial.example_count) == (1.0, len(examples))
    asked = [(body["messages"][0]["content"], comments_of(body)) for body in server.bodies]
    texts = [comment["text"] for _, comments in asked for comment in comments]
    assert sorted(texts) == sorted(each.text for each in examples)
    assert not any(json.dumps(c["text"], ensure_ascii=False) in shown for shown, cs in asked for c in cs)  # fmt: skip


def test_what_is_wrong_or_not_said_costs_its_share(server, phones, author):
    """A model that says nothing is right in nothing; wrong signs count against it twice."""
    server.answer = lambda body: completion(
        json.dumps([{"id": c["id"], "mentions": []} for c in comments_of(body)])
    )
    assert tried(server, phones).share_right == 0.0

    def turned(body):
        status, headers, value = author(body)
        message = value["choices"][0]["message"]
        message["content"] = (
            message["content"].replace("positive", "x").replace("negative", "positive").replace("x", "negative").replace('"score": ', '"score": -').replace("--", "")
        )  # fmt: skip
        return status, headers, value

    server.answer = turned
    trial = tried(server, phones)
    assert trial.said_count > 0
    assert trial.share_right < 0.2


def test_the_doctor_says_how_much_is_right_and_warns_of_little(server):
    """In words, with the setting of the model."""
    (finding,) = doctor.try_models(["smartphones"])
    assert (finding.part, finding.state) == ("model", "ok")
    assert "smartphones: gpt-4.1-mini is right in 100% of 15 examples" in finding.text
    server.answer = lambda body: completion(
        json.dumps([{"id": c["id"], "mentions": []} for c in comments_of(body)])
    )
    (finding,) = doctor.try_models(["smartphones"])
    assert finding.state == "bad"
    assert "right in 0%" in finding.text
    assert "take a larger model" in finding.text


def test_the_doctor_names_a_model_that_refuses(server):
    """As a run would."""
    server.answer = lambda _: error(401, "invalid_api_key")
    (finding,) = doctor.try_models(["smartphones"])
    assert finding.state == "bad"
    assert "check LLM_API_KEY" in finding.text


def test_examples_can_be_shown_in_parts(phones):
    """Another choice of examples is another version of the prompt."""
    prompt = load_prompt(phones, DOMAINS)
    assert prompt.showing([]).version != prompt.version
    assert prompt.showing([]).schema == prompt.schema
