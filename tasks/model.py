"""The model that judges: which one, at what price, within which budget, and what it has answered already."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import polars as pl
from prefect import get_run_logger
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency

from market_opinion.core.contracts import SILVER_EXTRACTIONS
from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.settings import Settings, load_settings
from market_opinion.domain.definition import Domain
from market_opinion.scorers.llm import ledger
from market_opinion.scorers.llm.batch import BatchRun
from market_opinion.scorers.llm.engine import Engine, Totals, run_engine
from market_opinion.scorers.llm.journal import Journal
from market_opinion.scorers.llm.model import Model
from market_opinion.scorers.llm.prices import load_price
from market_opinion.scorers.llm.prompt import Answer, Prompt, Question, load_prompt
from market_opinion.storage.lake.tables import Lake
from tasks import adapters

NAME = "llm"
_SPENDING, _BATCHES = "spending", "batches"
_OPENAI = "https://api.openai.com/v1"


def open_model(settings: Settings) -> Model:
    """The configured model; raises SettingsInvalid for what is missing, not allowed, or cannot be kept."""
    missing = [name for name in ("llm_api_key", "llm_model") if not getattr(settings, name)]
    if missing or settings.llm_api_key is None or settings.llm_model is None:
        message = f"SCORER=llm needs {' and '.join(name.upper() for name in missing)}"
        raise SettingsInvalid(message)
    host = urlsplit(settings.llm_base_url or _OPENAI).hostname or ""
    allowed = {name.strip() for name in (settings.llm_allowed_hosts or host).split(",")}
    if host not in allowed:
        message = f"LLM_BASE_URL leads to {host or 'nowhere'}, which LLM_ALLOWED_HOSTS does not allow: {', '.join(sorted(allowed))}"
        raise SettingsInvalid(message)
    price = load_price(settings.llm_model, settings.llm_prices)
    if price is None and not (
        settings.llm_budget_usd is None and settings.llm_budget_usd_per_day is None
    ):
        message = f"a budget cannot be kept for {settings.llm_model}, whose price is not known: name it in a file and set LLM_PRICES"
        raise SettingsInvalid(message)
    return Model(
        name=settings.llm_model,
        base_url=settings.llm_base_url,
        api_key=settings.llm_api_key,
        azure_api_version=settings.llm_azure_api_version,
        timeout_seconds=settings.llm_timeout_seconds,
        items_a_request=settings.llm_items_per_request,
        max_in_flight=settings.llm_max_in_flight,
        requests_per_minute=settings.llm_requests_per_minute,
        tokens_per_minute=settings.llm_tokens_per_minute,
        price=price,
    )


class Judged(NamedTuple):
    """What a model said of a slice: judgements, rejections of what was given up, who said it, and what it cost."""

    judgements: pl.DataFrame
    given_up: pl.DataFrame
    model: str
    prompt_version: str
    counts: dict[str, int]


def plan(lake: Lake, asked: pl.DataFrame, domain: Domain) -> dict[str, int]:
    """What asking about these rows would take: questions that are new, requests, tokens and cost."""
    settings = load_settings()
    model, prompt = open_model(settings), load_prompt(domain, settings.domains_path)
    by_key = {question.key: question for question in ledger.ask(asked, prompt, model=model.name)}
    known = (
        lake.read(SILVER_EXTRACTIONS, {"question_key": list(by_key)}, columns=["question_key"])
        if by_key
        else SILVER_EXTRACTIONS.empty()
    )
    answered = set(known["question_key"])
    expected = Engine(model, prompt).expect(
        question for key, question in by_key.items() if key not in answered
    )
    return {
        "planned_item_count": asked.height,
        "known_question_count": len(answered),
        **_counts(expected, expected.asked_count, 0),
    }


def ask_model(lake: Lake, asked: pl.DataFrame, domain: Domain, *, run: dict[str, str]) -> Judged:
    """What the model says of the rows of `to_judge`; asks only what was never answered.

    Answers are journalled as they come and moved to the ledger at the end, even where the run breaks off: the next one
    begins with them.
    """
    settings = load_settings()
    model, prompt = open_model(settings), load_prompt(domain, settings.domains_path)
    questions = ledger.ask(asked, prompt, model=model.name)
    by_key = {question.key: question for question in questions}
    journal = Journal(settings.home_path.resolve() / "answers.sqlite")

    def known() -> dict[str, Answer]:
        """The answers there are: what the journal holds goes to the ledger, which is the truth."""
        _flush(lake, journal, by_key, prompt, run)
        return (
            ledger.from_rows(lake.read(SILVER_EXTRACTIONS, {"question_key": list(by_key)}))
            if by_key
            else {}
        )

    totals = Totals(usd=0.0 if model.price else None)
    try:
        answers = known()
        asked_before = len(answers)
        with _turn(settings.llm_concurrency_limit):
            if settings.llm_mode == "batch":
                totals = _ask_by_batch(
                    model, prompt, journal, lambda: _unanswered(by_key, known()), lake=lake, run=run
                )
                answers = known()
            if new := _unanswered(by_key, answers):
                engine = Engine(_within_budgets(model, lake, settings, run["run-id"]), prompt)
                try:
                    totals = run_engine(lambda: engine.run(new, on_answers=journal.put)).plus(
                        totals
                    )
                finally:
                    _note_spending(run["run-id"], engine.totals)
                    answers = known()
    finally:
        journal.close()
    judgements, refused = ledger.judge(asked, questions, answers, domain)
    unasked = sum(question.key not in answers for question in questions)
    if totals.stopped:
        get_run_logger().warning(
            "%s is spent: %d items were not judged; run it again with more", totals.stopped, unasked
        )
    asked_count = len(answers) - asked_before
    get_run_logger().info(
        "%s: %d of %d questions asked, %s USD", model.name, asked_count, len(by_key), totals.usd
    )
    return Judged(
        judgements, refused, model.name, prompt.version, _counts(totals, asked_count, unasked)
    )


def _unanswered(by_key: dict[str, Question], answers: dict[str, Answer]) -> list[Question]:
    return [question for key, question in by_key.items() if key not in answers]


def _ask_by_batch(
    model: Model,
    prompt: Prompt,
    journal: Journal,
    unanswered: Callable[[], list[Question]],
    *,
    lake: Lake,
    run: dict[str, str],
) -> Totals:
    """Wait for batches of earlier runs, then submit what is left and can be paid for; what that did and cost."""
    settings = load_settings()
    batches = BatchRun(model, prompt, _Batches(), poll_seconds=settings.llm_batch_poll_seconds)
    try:
        batches.resume(journal.put)
        new = unanswered()
        budget = _within_budgets(model, lake, settings, run["run-id"]).budget_usd
        expected = batches.expect(new)
        affordable = (
            len(new)
            if budget is None or not expected
            else min(len(new), int(len(new) * budget / expected))
        )
        if affordable:
            batches.run(new[:affordable], on_answers=journal.put)
    finally:
        _note_spending(run["run-id"], batches.totals)
    return batches.totals


def _note_spending(run_id: str, totals: Totals) -> None:
    if totals.usd:
        spent_usd = adapters.state().notes(_SPENDING).get(run_id, 0.0)
        adapters.state().put_notes(_SPENDING, {run_id: spent_usd + totals.usd})


class _Batches:
    """Pending batches in the state store."""

    def load(self) -> Mapping[str, Any]:
        return adapters.state().notes(_BATCHES)

    def keep(self, name: str, value: Any) -> None:  # noqa: ANN401, any JSON
        adapters.state().put_notes(_BATCHES, {name: value})

    def drop(self, name: str) -> None:
        adapters.state().drop_notes(_BATCHES, [name])


@contextmanager
def _turn(limit: str | None) -> Iterator[None]:
    """Hold the slot that all workers share while the model is asked, so that one account's rate has one user at a time."""
    if limit is None:
        yield
        return
    try:
        with concurrency(limit, strict=True):
            yield
    except ConcurrencySlotAcquisitionError as error:
        message = f"LLM_CONCURRENCY_LIMIT={limit} cannot be held ({error}): create it with `prefect gcl create {limit} --limit 1`"
        raise SettingsInvalid(message) from error


def _counts(totals: Totals, asked_count: int, unasked: int) -> dict[str, int]:
    return {
        "asked_question_count": asked_count,
        "model_request_count": totals.request_count,
        "unjudged_item_count": unasked,
        "input_token_count": int(totals.usage.input),
        "output_token_count": int(totals.usage.output),
        "cost_micro_usd": round((totals.usd or 0.0) * 1e6),
    }


def _flush(
    lake: Lake, journal: Journal, by_key: dict[str, Question], prompt: Prompt, run: dict[str, str]
) -> None:
    """Move what the journal holds of these questions into the ledger; then the journal forgets it."""
    answers: list[Answer] = [
        answer for answer in journal.answers() if answer.question_key in by_key
    ]
    if answers:
        lake.append(SILVER_EXTRACTIONS, ledger.to_rows(answers, by_key.values(), prompt), run=run)
        journal.forget(answer.question_key for answer in answers)


def _within_budgets(model: Model, lake: Lake, settings: Settings, run_id: str) -> Model:
    """The model with what is left of the run's and the day's budget."""
    if settings.llm_budget_usd is not None:
        spent_usd = adapters.state().notes(_SPENDING).get(run_id, 0.0)
        model = model.within(max(0.0, settings.llm_budget_usd - spent_usd))
    if settings.llm_budget_usd_per_day is None:
        return model
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    today = lake.read(SILVER_EXTRACTIONS, columns=["scored_at", "usd"]).filter(
        pl.col("scored_at") >= midnight
    )
    return model.within(max(0.0, settings.llm_budget_usd_per_day - float(today["usd"].sum())))
