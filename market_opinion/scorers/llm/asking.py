"""Questions to the model: its price, its budgets, and the answers that are stored."""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

import polars as pl

from market_opinion.core.errors import BudgetMissing
from market_opinion.core.log import Log
from market_opinion.core.settings import Settings
from market_opinion.domain.definition import Domain
from market_opinion.scorers.contract import Turn
from market_opinion.scorers.llm import ledger
from market_opinion.scorers.llm.answers import AnswerStore, open_journal
from market_opinion.scorers.llm.batch import SHARE_OF_PRICE, BatchRun
from market_opinion.scorers.llm.budgets import SharedPurse
from market_opinion.scorers.llm.bundle import Totals
from market_opinion.scorers.llm.engine import Engine, run_engine
from market_opinion.scorers.llm.leases import Leases
from market_opinion.scorers.llm.model import FORMS, OPENAI, Model, ReplyFormat, open_model
from market_opinion.scorers.llm.pace import SharedPace
from market_opinion.scorers.llm.prompt import Answer, Prompt, Question, load_prompt
from market_opinion.storage.lake.tables import Lake
from market_opinion.storage.state import StateStore

NAME = "llm"
_FORMS, _BATCHES = "reply_forms", "batches"
# The most that a run spends which nobody set a budget for.
_USD_WITHOUT_BUDGET = 1.0
_WAIT_SECONDS = 1.0


class Asked(NamedTuple):
    """The questions of rows of `to_judge`, one a row, their answers by key, and counts."""

    questions: list[Question]
    answers: dict[str, Answer]
    counts: dict[str, int]
    prompt_version: str


class Judged(NamedTuple):
    """A model's judgements of a slice, the rejections of what was given up, and counts.

    `answered` are the numbers of the rows that the model was able to judge.
    """

    judgements: pl.DataFrame
    given_up: pl.DataFrame
    model: str
    prompt_version: str
    counts: dict[str, int]
    answered: frozenset[int]


@dataclass(frozen=True)
class ModelCaller:
    """A caller of the configured model with everything that keeps its answers and its budget.

    `run` holds the properties of the run's commits to the lake, the campaign that it is of too.
    """

    settings: Settings
    lake: Lake
    state: StateStore
    turn: Turn
    log: Log
    run: dict[str, str] = field(default_factory=dict)

    @cached_property
    def model(self) -> Model:
        """The configured model."""
        return open_model(self.settings)

    def limits(self, domain: str) -> dict[str, float | None]:
        """Return the budgets that a question is paid from in USD, by their names in the state.

        They are the run's, the day's, the domain's of the month, and the campaign's in one.
        """
        llm, now = self.settings.llm, datetime.now(UTC)
        limits = {
            f"run {self.run.get('run-id', '')}": llm.budget_usd,
            f"day {now:%Y-%m-%d}": llm.budget_usd_per_day,
            f"domain {domain} {now:%Y-%m}": llm.budget_usd_per_domain,
        }
        if campaign := self.run.get("campaign"):
            limits[f"campaign {campaign}"] = llm.budget_usd_per_campaign
        return limits

    def plan(self, rows: pl.DataFrame, domain: Domain) -> dict[str, int]:
        """Return the new questions, requests, tokens and cost of judging rows of `to_judge`."""
        prompt = load_prompt(domain, self.settings.domains_path)
        by_key = {q.key: q for q in ledger.ask(rows, prompt, model=self.model.name)}
        answered = ledger.read(self.lake, list(by_key))
        expected = Engine(self.model, prompt).expect(
            question for key, question in by_key.items() if key not in answered
        )
        return {
            "planned_item_count": rows.height,
            "known_question_count": len(answered),
            **_counts(expected, expected.asked_count, 0),
        }

    def known(self, rows: pl.DataFrame, domain: Domain) -> frozenset[int]:
        """Return the numbers of the rows of `to_judge` whose question is in the ledger."""
        prompt = load_prompt(domain, self.settings.domains_path)
        keys = [question.key for question in ledger.ask(rows, prompt, model=self.model.name)]
        answered = ledger.read(self.lake, list(dict.fromkeys(keys)))
        return frozenset(row for row, key in zip(rows["row"], keys, strict=True) if key in answered)

    def judge(self, rows: pl.DataFrame, domain: Domain) -> Judged:
        """Return the model's judgements of rows of `to_judge`."""
        questions, answers, counts, version = self.ask(rows, domain)
        judgements, refused = ledger.judge(rows, questions, answers, domain)
        answered = ledger.answered(rows, questions, answers)
        return Judged(judgements, refused, self.model.name, version, counts, answered)

    def ask(self, rows: pl.DataFrame, domain: Domain) -> Asked:
        """Return questions on rows of `to_judge` with their answers; asks only what has none yet.

        Answers are kept as they come and moved to the ledger at the end, even where the run breaks
        off: the next run begins with them. What another run is asking is waited for.
        """
        prompt = load_prompt(domain, self.settings.domains_path)
        questions = ledger.ask(rows, prompt, model=self.model.name)
        by_key = {question.key: question for question in questions}
        with closing(open_journal(self.settings)) as journal, self._turn():
            store = AnswerStore(by_key, self.lake, self.state.claims, journal, commit=self.run)
            asking = _Asking(self, prompt, by_key, store)
            answers, totals = asking.answers()
        unasked = sum(question.key not in answers for question in questions)
        self._tell(totals, len(store.new), len(by_key), unasked)
        counts = _counts(totals, len(store.new), unasked)
        return Asked(questions, answers, counts, prompt.version)

    def _turn(self) -> AbstractContextManager[None]:
        return self.turn(self.settings.llm.concurrency_limit)

    def _tell(self, totals: Totals, asked_count: int, question_count: int, unasked: int) -> None:
        if totals.stopped:
            self.log.warning(
                "%s is spent: %d items were not judged; run it again with more",
                totals.stopped,
                unasked,
            )
        self.log.info(
            "%s: %d of %d questions asked, %s USD, and up to %.6f for requests without an answer",
            self.model.name,
            asked_count,
            question_count,
            totals.usd,
            totals.unsure_usd,
        )


@dataclass(frozen=True)
class _Asking:
    """The questions of one slice, with the stores of their answers."""

    caller: ModelCaller
    prompt: Prompt
    by_key: dict[str, Question]
    store: AnswerStore

    def answers(self) -> tuple[dict[str, Answer], Totals]:
        """Ask what has no answer yet, and return answers and totals."""
        self.store.settle()
        found = self.store.load(self.by_key)
        if self.caller.settings.llm.mode == "ledger":
            return found, Totals(usd=0.0)
        self._check_cost(self._unanswered(found))
        limits = self.caller.limits(self.prompt.domain.name)
        purse = SharedPurse(self.caller.state.claims, limits)
        leases = Leases(self.caller.state.claims, self.store)
        totals = Totals(usd=0.0 if self.caller.model.price else None)
        try:
            if self.caller.settings.llm.mode == "batch":
                totals = self._ask_by_batch(found, leases, purse)
                found |= self.store.new
            totals = totals.plus(self._ask(found, leases, purse))
        finally:
            purse.close()
            leases.release()
            self.store.settle()
        return found, totals

    def _ask(self, found: dict[str, Answer], leases: Leases, purse: SharedPurse) -> Totals:
        """Put an answer to every question into `found`, and return the totals of asking.

        What others hold is looked at again, until it is answered or free.
        """
        totals = Totals(usd=0.0 if self.caller.model.price else None)
        is_waiting = False
        while (left := self._unanswered(found)) and not totals.stopped:
            if is_waiting:
                time.sleep(_WAIT_SECONDS)
            engine = Engine(self._model(), self.prompt, purse, self._pace())
            totals = totals.plus(self._run(engine, left, leases))
            found |= self.store.new | self.store.load([question.key for question in left])
            if not is_waiting and (held := len(self._unanswered(found))) and not totals.stopped:
                self.caller.log.info("waiting for %d questions that another run asks", held)
                is_waiting = True
        return totals

    def _run(self, engine: Engine, left: list[Question], leases: Leases) -> Totals:
        try:
            return run_engine(
                lambda: engine.run(
                    leases.take(left), on_answers=self.store.put, on_beat=leases.beat
                )
            )
        finally:
            self._remember_form(engine.form)
            self.store.share()
            leases.release()

    def _unanswered(self, answers: Mapping[str, Answer]) -> list[Question]:
        return [question for key, question in self.by_key.items() if key not in answers]

    def _check_cost(self, questions: list[Question]) -> None:
        """Raise BudgetMissing for a run without a budget that would cost more than a little."""
        llm, limits = self.caller.settings.llm, self.caller.limits(self.prompt.domain.name)
        usd = Engine(self.caller.model, self.prompt).expect(questions).usd or 0.0
        usd *= SHARE_OF_PRICE if llm.mode == "batch" else 1.0
        spent = self.caller.state.claims.booked(next(iter(limits)))
        if set(limits.values()) == {None} and usd and usd + spent > _USD_WITHOUT_BUDGET:
            message = (
                f"{len(questions):,} questions to {self.caller.model.name} would cost about"
                f" {usd:.2f} USD, {spent:.2f} USD are spent, and no budget is set: set"
                " LLM_BUDGET_USD or LLM_BUDGET_USD_PER_DAY to what a run or a day may cost, or the"
                " budget of a domain or campaign"
            )
            raise BudgetMissing(message)

    def _model(self) -> Model:
        """Return the model, asked in the form that its server was found to know."""
        form = self.caller.state.notes(_FORMS).get(self._server)
        return replace(self.caller.model, form=form) if form in FORMS else self.caller.model

    def _pace(self) -> SharedPace:
        llm = self.caller.settings.llm
        return SharedPace(
            self.caller.state,
            self._server,
            requests_per_minute=llm.requests_per_minute,
            tokens_per_minute=llm.tokens_per_minute,
        )

    def _remember_form(self, form: ReplyFormat) -> None:
        if form != self._model().form:
            self.caller.state.put_notes(_FORMS, {self._server: form})

    @property
    def _server(self) -> str:
        return f"{self.caller.model.base_url or OPENAI} {self.caller.model.name}"

    def _ask_by_batch(
        self, found: Mapping[str, Answer], leases: Leases, purse: SharedPurse
    ) -> Totals:
        """Wait for earlier batches, submit the rest within the budgets, and return totals."""
        batches = BatchRun(
            self._model(),
            self.prompt,
            _Batches(self.caller.state),
            poll_seconds=self.caller.settings.llm.batch_poll_seconds,
            on_beat=leases.beat,
        )
        batches.resume(self.store.put)
        questions = list(leases.take(self._unanswered({**found, **self.store.new})))
        before = batches.totals.usd or 0.0
        while questions and not purse.reserve(reserved := batches.expect(questions)):
            questions = questions[: len(questions) * 3 // 4]
        if questions:
            batches.run(questions, on_answers=self.store.put)
            purse.settle(reserved=reserved, spent=(batches.totals.usd or 0.0) - before)
        self.store.share()
        leases.release()
        return batches.totals


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


def _counts(totals: Totals, asked_count: int, unasked: int) -> dict[str, int]:
    return {
        "asked_question_count": asked_count,
        "model_request_count": totals.request_count,
        "unjudged_item_count": unasked,
        "input_token_count": int(totals.usage.input),
        "output_token_count": int(totals.usage.output),
        "cost_micro_usd": round((totals.usd or 0.0) * 1e6),
    }
