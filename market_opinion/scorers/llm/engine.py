"""Many questions to one model: paced, retried or taken apart, each ended by an answer.

The openai client is used without its own retries, which would hide what they cost.
"""

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import openai
from openai import AsyncOpenAI

from market_opinion.core.errors import ModelRefused, ModelUnusable
from market_opinion.domain.examples import Mention
from market_opinion.scorers.llm.model import (
    OUTPUT_TOKENS_AN_ITEM,
    Model,
    ReplyFormat,
    bundles,
    request_body,
    retry_after,
    usage_of,
)
from market_opinion.scorers.llm.pacer import Breaker, Limit, Pacer, TokenEstimate
from market_opinion.scorers.llm.prices import Usage
from market_opinion.scorers.llm.prompt import Answer, Prompt, Question, ReplyInvalid

_TRANSPORT_TRIES = 6
_CONTENT_TRIES = 3
_RAW_MAX_CHARACTERS = 4096
_WAIT_MAX_SECONDS = 120.0
_START_LIMIT = 60
_TOO_MANY = 429
# Keys, quotes and candidates around each text, about.
_OVERHEAD_CHARACTERS = 120
_STATUS_OVERLOADED = (_TOO_MANY, 503, 529)


@dataclass
class Totals:
    """Counts and costs of a run; `stopped` is the reason of an end before the last question."""

    asked_count: int = 0
    kept_count: int = 0
    rejected_count: int = 0
    request_count: int = 0
    usage: Usage = field(default_factory=Usage)
    usd: float | None = 0.0
    stopped: str = ""

    def plus(self, other: "Totals") -> "Totals":
        """Both together; what was asked by both counts once."""
        usd = None if self.usd is None or other.usd is None else self.usd + other.usd
        return replace(
            self,
            kept_count=self.kept_count + other.kept_count,
            request_count=self.request_count + other.request_count,
            usage=self.usage.plus(other.usage),
            usd=usd,
        )


@dataclass
class _Batch:
    """Questions that share a request, and what became of their earlier ones."""

    questions: list[Question]
    began: float
    transport_tries: int = 0
    content_tries: int = 0
    attempts: int = 0
    output_factor: int = 1
    usage: Usage = field(default_factory=Usage)

    def part(self, questions: list[Question], *, of: int) -> "_Batch":
        """Some of its questions, with tries of their own and their share of what it cost so far."""
        portion = Usage(*(value * len(questions) / of for value in self.usage))
        return replace(self, questions=questions, usage=portion, transport_tries=0, content_tries=0)


class Engine:
    """Asks one model. An engine is used for one run."""

    def __init__(self, model: Model, prompt: Prompt) -> None:
        """Ask nothing yet."""
        self._model = model
        self._prompt = prompt
        self._pacer = Pacer(
            requests_per_minute=model.requests_per_minute, tokens_per_minute=model.tokens_per_minute
        )
        self._limit = Limit(start=_START_LIMIT, most=model.max_in_flight)
        self._breaker = Breaker()
        self._estimate = TokenEstimate()
        self._output_an_item = float(OUTPUT_TOKENS_AN_ITEM)
        self._again: deque[_Batch] = deque()
        self._form: ReplyFormat = "json_schema"
        self._reserved_usd = 0.0
        self._failure: BaseException | None = None
        self._wake = asyncio.Event()
        self._in_flight = 0
        self.totals = Totals(usd=0.0 if model.price else None)

    async def run(
        self, questions: Iterable[Question], *, on_answers: Callable[[list[Answer]], None]
    ) -> Totals:
        """Ask every question; `on_answers` gets the answers of each request, and must keep them.

        Raises ModelRefused or ModelUnusable once all requests under way have ended and their
        answers were given out. A spent budget ends the run early and without an error: see
        `totals.stopped`.
        """
        batches = self._batches(questions)
        async with self._model.client() as client:
            while True:
                self._start(client, batches, on_answers)
                if self._in_flight == 0:
                    break
                self._wake.clear()
                await self._wake.wait()
        if self._failure:
            raise self._failure
        return self.totals

    def expect(self, questions: Iterable[Question]) -> Totals:
        """Return about what these questions will take, without asking one."""
        totals = Totals(usd=0.0 if self._model.price else None)
        for group in bundles(questions, self._model.items_a_request):
            usage = self._expected(_Batch(group, 0.0))
            totals.asked_count += len(group)
            totals.request_count += 1
            totals.usage = totals.usage.plus(usage)
            if self._model.price and totals.usd is not None:
                totals.usd += self._model.price.usd(usage)
        return totals

    def _start(
        self,
        client: AsyncOpenAI,
        batches: Iterator[_Batch],
        on_answers: Callable[[list[Answer]], None],
    ) -> None:
        while self._in_flight < self._limit.value and not self._failure:
            batch = (
                self._again.popleft()
                if self._again
                else next(batches, None)
                if not self.totals.stopped
                else None
            )
            if batch is None:
                return
            cost = self._expected_usd(batch)
            if self._is_beyond_budget(cost):
                if self._in_flight:
                    # What is under way may cost less than was reserved for it.
                    self._again.appendleft(batch)
                    return
                self.totals.stopped = f"budget of {self._model.budget_usd} USD"
                continue
            self._reserved_usd += cost
            self._in_flight += 1
            task = asyncio.get_running_loop().create_task(self._ask(client, batch, on_answers))
            # The default binds the cost of this round.
            task.add_done_callback(lambda done, cost=cost: self._ended(done, cost))  # type: ignore[misc]

    def _ended(self, task: "asyncio.Task[None]", cost: float) -> None:
        self._in_flight -= 1
        self._reserved_usd -= cost
        if not task.cancelled() and (error := task.exception()):
            self._failure = self._failure or error
        self._wake.set()

    def _batches(self, questions: Iterable[Question]) -> Iterator[_Batch]:
        """Questions together as they come, counted."""
        for group in bundles(questions, self._model.items_a_request):
            self.totals.asked_count += len(group)
            yield _Batch(group, time.monotonic())

    async def _ask(
        self, client: AsyncOpenAI, batch: _Batch, on_answers: Callable[[list[Answer]], None]
    ) -> None:
        body = request_body(
            self._model, self._prompt, batch.questions, form=self._form, factor=batch.output_factor
        )
        text = body["messages"][0]["content"] + body["messages"][1]["content"]
        output = self._output_tokens(batch)
        reserved = self._estimate(text) + output
        await self._pacer.turn(reserved)
        batch.attempts += 1
        self.totals.request_count += 1
        try:
            raw = await client.chat.completions.with_raw_response.create(**body)
            completion = raw.parse()
        except openai.APIStatusError as error:
            self._pacer.settle(reserved=reserved, used=0)
            await self._refused(batch, error, on_answers)
            return
        except (
            openai.APIConnectionError,
            openai.APIResponseValidationError,
            json.JSONDecodeError,
        ) as error:
            self._pacer.settle(reserved=reserved, used=0)
            if isinstance(error, openai.APITimeoutError):
                self._limit.overloaded()
            await self._later(batch, "no_answer", type(error).__name__, on_answers)
            return
        usage = usage_of(completion.usage.model_dump() if completion.usage else None)
        self._pacer.settle(reserved=reserved, used=usage.input + usage.output)
        self._estimate.learn(text, usage.input)
        self._output_an_item += 0.1 * (usage.output / len(batch.questions) - self._output_an_item)
        self._limit.went_well()
        self._spend(batch, usage)
        self._take(batch, completion, raw.headers.get("x-request-id", ""), on_answers)

    def _take(
        self,
        batch: _Batch,
        completion: Any,  # noqa: ANN401
        request_id: str,
        on_answers: Callable[[list[Answer]], None],
    ) -> None:
        """Keep what is good of a reply, and ask again for the rest."""
        choice = completion.choices[0] if completion.choices else None
        content = choice.message.content if choice else None
        if (
            choice is None
            or choice.message.refusal
            or choice.finish_reason == "content_filter"
            or not content
        ):
            self._take_apart(
                batch,
                "refused",
                (choice.message.refusal if choice else "") or "",
                on_answers,
                tries=2,
            )
            return
        try:
            found = self._prompt.parse(content, len(batch.questions))
        except ReplyInvalid as error:
            is_cut = choice.finish_reason == "length"
            batch.output_factor *= 2 if is_cut else 1
            self._take_apart(
                batch, "truncated" if is_cut else "invalid_reply", f"{error}\n{content}", on_answers
            )
            return
        self._breaker.saw(good=True)
        total = len(batch.questions)
        portion = batch.usage.share(total)
        served = {"served_model": completion.model, "request_id": request_id}
        on_answers(
            [
                self._answer(batch, batch.questions[place], "ok", mentions, portion, **served)
                for place, mentions in sorted(found.items())
            ]
        )
        self.totals.kept_count += len(found)
        missing = [question for place, question in enumerate(batch.questions) if place not in found]
        if missing and found:
            self._again.append(batch.part(missing, of=total))
        elif missing:
            self._take_apart(batch, "missing", content, on_answers)

    def _take_apart(
        self,
        batch: _Batch,
        reason: str,
        raw: str,
        on_answers: Callable[[list[Answer]], None],
        *,
        tries: int = _CONTENT_TRIES,
    ) -> None:
        """Ask again, in halves where there are several.

        A bad question is thus found alone, and given up after its tries.
        """
        questions = batch.questions
        if len(questions) > 1:
            middle = len(questions) // 2
            self._again.extend(
                batch.part(half, of=len(questions))
                for half in (questions[:middle], questions[middle:])
            )
            return
        batch.content_tries += 1
        if batch.content_tries < tries:
            self._again.append(batch)
            return
        self._give_up(batch, reason, raw, on_answers)

    async def _refused(
        self,
        batch: _Batch,
        error: openai.APIStatusError,
        on_answers: Callable[[list[Answer]], None],
    ) -> None:
        """An answer that is no completion: wait, try again, ask in another form, or stop."""
        code = str(error.code or "")
        if error.status_code in {401, 403, 404} or code == "insufficient_quota":
            asked = f"model {self._model.name}: check LLM_API_KEY, LLM_MODEL and LLM_BASE_URL"
            message = f"the model's server refuses with {error.status_code} {code} for {asked}"
            raise ModelRefused(message)
        if error.status_code in {400, 422}:
            self._bad_request(batch, error, on_answers)
            return
        if error.status_code in _STATUS_OVERLOADED:
            self._limit.overloaded()
            if wait := retry_after(error):
                self._pacer.close_for(min(wait, _WAIT_MAX_SECONDS))
        if (
            error.status_code == _TOO_MANY
            and time.monotonic() - batch.began < self._model.deadline_seconds
        ):
            batch.transport_tries = 0  # It was only told to wait.
        await self._later(batch, "no_answer", f"status {error.status_code}", on_answers)

    def _bad_request(
        self,
        batch: _Batch,
        error: openai.APIStatusError,
        on_answers: Callable[[list[Answer]], None],
    ) -> None:
        text = str(error).lower()
        forms: list[ReplyFormat] = ["json_schema", "json_object", "prompt"]
        if (
            "response_format" in text or "json_schema" in text or "json_object" in text
        ) and self._form != forms[-1]:
            self._form = forms[forms.index(self._form) + 1]
            self._again.append(batch)
            return
        self._take_apart(
            batch,
            "content_filter" if "content_filter" in text else "bad_request",
            text,
            on_answers,
            tries=1,
        )

    async def _later(
        self, batch: _Batch, reason: str, detail: str, on_answers: Callable[[list[Answer]], None]
    ) -> None:
        """Try again after a while, as long as there are tries and time left."""
        batch.transport_tries += 1
        is_late = time.monotonic() - batch.began > self._model.deadline_seconds
        if batch.transport_tries >= _TRANSPORT_TRIES or is_late:
            self._give_up(batch, reason, detail, on_answers)
            return
        longest = min(20.0, 0.25 * 2**batch.transport_tries)
        await asyncio.sleep(random.uniform(0, longest))  # noqa: S311, jitter
        self._again.append(batch)

    def _give_up(
        self, batch: _Batch, reason: str, raw: str, on_answers: Callable[[list[Answer]], None]
    ) -> None:
        self._breaker.saw(good=False)
        portion = batch.usage.share(len(batch.questions))
        kept = raw[:_RAW_MAX_CHARACTERS]
        on_answers(
            [
                self._answer(batch, question, reason, [], portion, raw=kept)
                for question in batch.questions
            ]
        )
        self.totals.rejected_count += len(batch.questions)
        if self._breaker.is_open:
            message = (
                f"more than 20 of the last 50 answers of {self._model.name} were of no use"
                f" (last: {reason}): stopped; see ops.rejections"
            )
            raise ModelUnusable(message)

    def _answer(
        self,
        batch: _Batch,
        question: Question,
        status: str,
        mentions: list[Mention],
        usage: Usage,
        **more: str,
    ) -> Answer:
        usd = self._model.price.usd(usage) if self._model.price else None
        return Answer(
            question.key,
            status,
            mentions,
            self._model.name,
            usage,
            usd,
            batch.attempts,
            time.time(),
            **more,
        )

    def _spend(self, batch: _Batch, usage: Usage) -> None:
        batch.usage = batch.usage.plus(usage)
        self.totals.usage = self.totals.usage.plus(usage)
        if self._model.price and self.totals.usd is not None:
            self.totals.usd += self._model.price.usd(usage)

    def _expected_usd(self, batch: _Batch) -> float:
        return self._model.price.usd(self._expected(batch)) if self._model.price else 0.0

    def _expected(self, batch: _Batch) -> Usage:
        texts = sum(
            len(question.text) + len(question.context) + _OVERHEAD_CHARACTERS
            for question in batch.questions
        )
        return Usage(
            input=self._estimate.of_bytes(len(self._prompt.system) + texts),
            output=self._output_tokens(batch),
        )

    def _output_tokens(self, batch: _Batch) -> float:
        """Return about how many tokens the reply will have."""
        return self._output_an_item * len(batch.questions) * batch.output_factor

    def _is_beyond_budget(self, cost: float) -> bool:
        budget = self._model.budget_usd
        return budget is not None and (self.totals.usd or 0.0) + self._reserved_usd + cost > budget


def run_engine(work: Callable[[], Awaitable[Totals]]) -> Totals:
    """Run an engine's coroutine to its end, on the quickest event loop there is."""
    try:
        import uvloop
    except ImportError:  # Not on every platform.
        return asyncio.run(_awaited(work))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_awaited(work))


async def _awaited(work: Callable[[], Awaitable[Totals]]) -> Totals:
    return await work()
