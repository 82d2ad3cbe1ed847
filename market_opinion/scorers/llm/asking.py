"""Questions to the model: its price, its budgets, and the answers that are stored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import polars as pl

from market_opinion.core.contracts import SILVER_EXTRACTIONS
from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.log import Log
from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain
from market_opinion.scorers.contract import Turn
from market_opinion.scorers.llm import ledger
from market_opinion.scorers.llm.batch import BatchRun
from market_opinion.scorers.llm.engine import Engine, Totals, run_engine
from market_opinion.scorers.llm.journal import Journal
from market_opinion.scorers.llm.model import Model
from market_opinion.scorers.llm.prices import load_price
from market_opinion.scorers.llm.prompt import Answer, Prompt, Question, answer_key, load_prompt
from market_opinion.storage.lake.tables import Lake
from market_opinion.storage.state import StateStore

NAME = "llm"
_SPENDING, _BATCHES = "spending", "batches"
_OPENAI = "https://api.openai.com/v1"


def open_model(settings: Settings) -> Model:
    """Return the configured model.

    Raises SettingsInvalid for a setting that is missing, or a budget without a price.
    """
    llm = settings.llm
    needs = {"LLM_API_KEY": llm.api_key, "LLM_MODEL": llm.model}
    if llm.api_key is None or not llm.api_key.get_secret_value() or not llm.model:
        missing = [name for name, value in needs.items() if not value]
        message = f"SCORER=llm needs {' and '.join(missing)}"
        raise SettingsInvalid(message)
    _check_host(settings)
    price = load_price(llm.model, llm.prices)
    has_budget = not (llm.budget_usd is None and llm.budget_usd_per_day is None)
    if price is None and has_budget:
        message = (
            f"a budget cannot be kept for {llm.model}, whose price is not known:"
            " name it in a file and set LLM_PRICES"
        )
        raise SettingsInvalid(message)
    return Model(
        name=llm.model,
        base_url=llm.base_url,
        api_key=llm.api_key,
        azure_api_version=llm.azure_api_version,
        timeout_seconds=llm.timeout_seconds,
        items_a_request=llm.items_per_request,
        max_in_flight=llm.max_in_flight,
        requests_per_minute=llm.requests_per_minute,
        tokens_per_minute=llm.tokens_per_minute,
        price=price,
    )


def _check_host(settings: Settings) -> None:
    host = urlsplit(settings.llm.base_url or _OPENAI).hostname or ""
    allowed = {name.strip() for name in (settings.llm.allowed_hosts or host).split(",")}
    if host not in allowed:
        message = (
            f"LLM_BASE_URL leads to {host or 'nowhere'}, which LLM_ALLOWED_HOSTS does not allow:"
            f" {', '.join(sorted(allowed))}"
        )
        raise SettingsInvalid(message)


class Judged(NamedTuple):
    """A model's judgements of a slice, the rejections of what was given up, and counts."""

    judgements: pl.DataFrame
    given_up: pl.DataFrame
    model: str
    prompt_version: str
    counts: dict[str, int]


@dataclass(frozen=True)
class ModelCaller:
    """A caller of the configured model with everything that keeps its answers and its budget."""

    settings: Settings
    lake: Lake
    state: StateStore
    turn: Turn
    log: Log

    @cached_property
    def model(self) -> Model:
        """The configured model."""
        return open_model(self.settings)

    def plan(self, rows: pl.DataFrame, domain: Domain) -> dict[str, int]:
        """Return the new questions, requests, tokens and cost of judging rows of `to_judge`."""
        prompt = load_prompt(domain, self.settings.domains_path)
        by_key = {q.key: q for q in ledger.ask(rows, prompt, model=self.model.name)}
        stored = (
            self.lake.read(
                SILVER_EXTRACTIONS, {"question_key": list(by_key)}, columns=["question_key"]
            )
            if by_key
            else SILVER_EXTRACTIONS.empty()
        )
        answered = set(stored["question_key"])
        expected = Engine(self.model, prompt).expect(
            question for key, question in by_key.items() if key not in answered
        )
        return {
            "planned_item_count": rows.height,
            "known_question_count": len(answered),
            **_counts(expected, expected.asked_count, 0),
        }

    def judge(self, rows: pl.DataFrame, domain: Domain, *, run: dict[str, str]) -> Judged:
        """Return the model's judgements of rows of `to_judge`; asks only what was never answered.

        Answers are journalled as they come and moved to the ledger at the end, even where the run
        breaks off: the next run begins with them.
        """
        prompt = load_prompt(domain, self.settings.domains_path)
        questions = ledger.ask(rows, prompt, model=self.model.name)
        journal = Journal(self.settings.home / "answers.sqlite")
        batch = _Asking(
            self, prompt, {question.key: question for question in questions}, journal, run
        )
        try:
            answers, totals, asked_count = batch.answers()
        finally:
            journal.close()
        judgements, refused = ledger.judge(rows, questions, answers, domain)
        unasked = sum(question.key not in answers for question in questions)
        if totals.stopped:
            self.log.warning(
                "%s is spent: %d items were not judged; run it again with more",
                totals.stopped,
                unasked,
            )
        self.log.info(
            "%s: %d of %d questions asked, %s USD",
            self.model.name,
            asked_count,
            len(batch.by_key),
            totals.usd,
        )
        counts = _counts(totals, asked_count, unasked)
        return Judged(judgements, refused, self.model.name, prompt.version, counts)


@dataclass(frozen=True)
class _Asking:
    """The questions of one slice, with the ledger and the journal that hold their answers."""

    caller: ModelCaller
    prompt: Prompt
    by_key: dict[str, Question]
    journal: Journal
    run: dict[str, str]

    def answers(self) -> tuple[dict[str, Answer], Totals, int]:
        """Ask what has no answer yet, and return answers, totals and the number of new ones."""
        settings, model = self.caller.settings, self.caller.model
        totals = Totals(usd=0.0 if model.price else None)
        answers = self._stored()
        stored_count = len(answers)
        with self.caller.turn(settings.llm.concurrency_limit):
            if settings.llm.mode == "batch":
                totals = self._ask_by_batch()
                answers = self._stored()
            if questions := self._unanswered(answers):
                engine = Engine(self._model_within_budgets(), self.prompt)
                try:
                    totals = run_engine(
                        lambda: engine.run(questions, on_answers=self.journal.put)
                    ).plus(totals)
                finally:
                    self._note_spending(engine.totals)
                    answers = self._stored()
        return answers, totals, len(answers) - stored_count

    def _stored(self) -> dict[str, Answer]:
        """Move the journal's answers into the ledger, and return the answers to these questions.

        The ledger is the truth.
        """
        lake = self.caller.lake
        fresh: list[Answer] = [
            answer for answer in self.journal.answers() if answer.question_key in self.by_key
        ]
        if fresh:
            rows = ledger.to_rows(fresh, self.by_key.values(), self.prompt)
            lake.append(SILVER_EXTRACTIONS, rows, run=self.run)
            self.journal.forget(answer.question_key for answer in fresh)
        if not self.by_key:
            return {}
        return ledger.from_rows(lake.read(SILVER_EXTRACTIONS, {"question_key": list(self.by_key)}))

    def _unanswered(self, answers: dict[str, Answer]) -> list[Question]:
        return [question for key, question in self.by_key.items() if key not in answers]

    def _ask_by_batch(self) -> Totals:
        """Wait for earlier batches, submit the rest within the budget, and return totals."""
        batches = BatchRun(
            self.caller.model,
            self.prompt,
            _Batches(self.caller.state),
            poll_seconds=self.caller.settings.llm.batch_poll_seconds,
        )
        try:
            batches.resume(self.journal.put)
            questions = self._unanswered(self._stored())
            budget = self._model_within_budgets().budget_usd
            expected = batches.expect(questions)
            affordable = len(questions)
            if budget is not None and expected:
                affordable = min(affordable, int(len(questions) * budget / expected))
            if affordable:
                batches.run(questions[:affordable], on_answers=self.journal.put)
        finally:
            self._note_spending(batches.totals)
        return batches.totals

    def _note_spending(self, totals: Totals) -> None:
        if totals.usd:
            usd = self._spent_usd() + totals.usd
            self.caller.state.put_notes(_SPENDING, {self.run["run-id"]: usd})

    def _spent_usd(self) -> float:
        return float(self.caller.state.notes(_SPENDING).get(self.run["run-id"], 0.0))

    def _model_within_budgets(self) -> Model:
        """Return the model with what is left of the run's and the day's budget."""
        settings, model = self.caller.settings, self.caller.model
        if settings.llm.budget_usd is not None:
            model = model.within(max(0.0, settings.llm.budget_usd - self._spent_usd()))
        if settings.llm.budget_usd_per_day is None:
            return model
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        today = self.caller.lake.read(SILVER_EXTRACTIONS, columns=["scored_at", "usd"]).filter(
            pl.col("scored_at") >= midnight
        )
        return model.within(max(0.0, settings.llm.budget_usd_per_day - float(today["usd"].sum())))


@dataclass(frozen=True)
class _Batches:
    """Pending batches in the state store."""

    state: StateStore

    def load(self) -> Mapping[str, Any]:
        """Return the pending batches by name."""
        return self.state.notes(_BATCHES)

    def keep(self, name: str, value: Any) -> None:  # noqa: ANN401, any JSON
        """Remember a batch."""
        self.state.put_notes(_BATCHES, {name: value})

    def drop(self, name: str) -> None:
        """Forget a batch."""
        self.state.drop_notes(_BATCHES, [name])


def text_keys(texts: pl.DataFrame) -> list[str]:
    """Return the ledger's keys of items with `text` and `context_title`.

    Items without words have no key.
    """
    pairs = texts.select("text", "context_title").iter_rows()
    return sorted({answer_key(text, title) for text, title in pairs if text})


def _counts(totals: Totals, asked_count: int, unasked: int) -> dict[str, int]:
    return {
        "asked_question_count": asked_count,
        "model_request_count": totals.request_count,
        "unjudged_item_count": unasked,
        "input_token_count": int(totals.usage.input),
        "output_token_count": int(totals.usage.output),
        "cost_micro_usd": round((totals.usd or 0.0) * 1e6),
    }
