"""Many questions to one model, each ended by an answer: as many at once as it and money bear."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Protocol

from openai import AsyncOpenAI

from market_opinion.scorers.llm.bundle import Bundle, Totals
from market_opinion.scorers.llm.exchange import Exchange
from market_opinion.scorers.llm.expectation import Expectation
from market_opinion.scorers.llm.model import Model, ReplyFormat, bundles
from market_opinion.scorers.llm.pace import SharedPace
from market_opinion.scorers.llm.pacer import Limit
from market_opinion.scorers.llm.prompt import Answer, Prompt, Question

_START_LIMIT = 60
_BEAT_SECONDS = 1.0


class Purse(Protocol):
    """Money that is reserved before a request and settled after it."""

    def reserve(self, usd: float) -> bool:
        """Set the amount aside; return whether the budgets have room for it."""
        ...

    def settle(self, *, reserved: float, spent: float) -> None:
        """Replace a reservation by what was spent."""
        ...

    @property
    def refusal(self) -> str:
        """The budget that had no room last."""
        ...


class Engine:
    """Asks one model. An engine is used for one run."""

    def __init__(
        self,
        model: Model,
        prompt: Prompt,
        purse: Purse | None = None,
        pace: SharedPace | None = None,
    ) -> None:
        """Ask nothing yet.

        Without a purse the run may spend without limit, and without a shared pace it keeps to the
        model's rates alone.
        """
        self._model = model
        self._purse = purse
        self._limit = Limit(start=_START_LIMIT, most=model.max_in_flight)
        self._expectation = Expectation(model, prompt)
        self._exchange = Exchange(model, prompt, self._expectation, self._limit, pace=pace)
        self._on_beat: Callable[[], None] | None = None
        self._failure: BaseException | None = None
        self._wake = asyncio.Event()
        self._over = asyncio.Event()
        self._in_flight = 0

    @property
    def totals(self) -> Totals:
        """Counts and costs so far."""
        return self._exchange.outcomes.totals

    @property
    def form(self) -> ReplyFormat:
        """The strictest form of a reply that the server knows, as far as it was asked."""
        return self._exchange.form

    async def run(
        self,
        questions: Iterable[Question],
        *,
        on_answers: Callable[[list[Answer]], None],
        on_beat: Callable[[], None] | None = None,
    ) -> Totals:
        """Ask every question; `on_answers` gets the answers of each request, and must keep them.

        `on_beat` is called every second, and after each request before its place is free, in other
        threads. Raises ModelRefused or ModelUnusable, and what these two raise, once all requests
        under way have ended and their answers were given out. A spent budget ends the run early and
        without an error: see `totals.stopped`.
        """
        self._exchange.outcomes.on_answers = on_answers
        batches = self._bundles(questions)
        self._on_beat = on_beat
        beats = asyncio.ensure_future(self._beat())
        beats.add_done_callback(self._note_failure)
        async with self._model.client() as client:
            try:
                self._start(client, batches)
                while self._in_flight:
                    await self._next_end()
                    self._start(client, batches)
            finally:
                # Whatever ended the run: what is under way is paid for, and is kept.
                while self._in_flight:
                    await self._next_end()
                self._over.set()
                await asyncio.wait({beats})
        if self._failure:
            raise self._failure
        return self.totals

    def expect(self, questions: Iterable[Question]) -> Totals:
        """Return about what these questions will take, without asking one."""
        totals = Totals(usd=0.0 if self._model.price else None)
        for group in bundles(questions, self._model.items_a_request):
            usage = self._expectation.usage(Bundle(group, 0.0))
            totals.asked_count += len(group)
            totals.request_count += 1
            totals.usage = totals.usage.plus(usage)
            if self._model.price and totals.usd is not None:
                totals.usd += self._model.price.usd(usage)
        return totals

    def _start(self, client: AsyncOpenAI, fresh: Iterator[Bundle]) -> None:
        again = self._exchange.outcomes.again
        while self._in_flight < self._limit.value and not self._failure:
            bundle = again.popleft() if again else self._next(fresh)
            if bundle is None:
                return
            reserved = self._reserve(bundle)
            if reserved is None and self._in_flight:
                # What is under way may cost less than was reserved for it.
                again.appendleft(bundle)
                return
            if reserved is None:
                self.totals.stopped = self._purse.refusal if self._purse else ""
                continue
            self._in_flight += 1
            task = asyncio.ensure_future(self._ask(client, bundle, reserved))
            task.add_done_callback(self._ended)

    def _next(self, fresh: Iterator[Bundle]) -> Bundle | None:
        return None if self.totals.stopped else next(fresh, None)

    def _reserve(self, bundle: Bundle) -> float | None:
        """Return what was reserved for a request; None where the budgets have no room.

        It is the most that the request can cost. The last ones before a budget ends have room for
        what is expected of them alone, and are sent one at a time.
        """
        if self._purse is None:
            return 0.0
        most, about = self._expectation.most_usd(bundle), self._expectation.usd(bundle)
        if self._purse.reserve(most):
            return most
        return about if not self._in_flight and self._purse.reserve(about) else None

    async def _ask(self, client: AsyncOpenAI, bundle: Bundle, reserved: float) -> None:
        try:
            await self._exchange.ask(client, bundle)
        finally:
            if self._purse:
                self._purse.settle(reserved=reserved, spent=bundle.request_usd)
            if self._on_beat:
                await asyncio.to_thread(self._on_beat)

    def _ended(self, task: "asyncio.Future[None]") -> None:
        self._in_flight -= 1
        self._note_failure(task)

    def _note_failure(self, task: "asyncio.Future[None]") -> None:
        if not task.cancelled() and (error := task.exception()):
            self._failure = self._failure or error
        self._wake.set()

    async def _next_end(self) -> None:
        self._wake.clear()
        await self._wake.wait()

    def _bundles(self, questions: Iterable[Question]) -> Iterator[Bundle]:
        """Yield questions together as they come, counted."""
        for group in bundles(questions, self._model.items_a_request):
            self.totals.asked_count += len(group)
            yield Bundle(group, time.monotonic())

    async def _beat(self) -> None:
        """Call `on_beat` every second until the run is over; an error of it ends the run."""
        while self._on_beat and not self._over.is_set():
            await asyncio.to_thread(self._on_beat)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), _BEAT_SECONDS)


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
