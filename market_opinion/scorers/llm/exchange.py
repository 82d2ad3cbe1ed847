"""One request to the model's server and what comes of it: a reply, a wait, another form, an end.

The openai client is used without its own retries, which would hide what they cost.
"""

import asyncio
import json
import random
import time

import httpx
import openai
from openai import AsyncOpenAI

from market_opinion.core.errors import ModelRefused
from market_opinion.scorers.llm.bundle import Bundle
from market_opinion.scorers.llm.expectation import Expectation
from market_opinion.scorers.llm.model import (
    FORMS,
    Model,
    ReplyFormat,
    request_body,
    retry_after,
    usage_of,
)
from market_opinion.scorers.llm.outcomes import Outcomes
from market_opinion.scorers.llm.pace import SharedPace
from market_opinion.scorers.llm.pacer import Limit, Pacer
from market_opinion.scorers.llm.prompt import Prompt

_TRANSPORT_TRIES = 6
_WAIT_MAX_SECONDS = 120.0
_TOO_MANY = 429
_STATUS_OVERLOADED = (_TOO_MANY, 503, 529)
_STATUS_NOT_OURS = {401, 403, 404}
# What servers call the form of a reply where they refuse it. llama.cpp compiles the schema into a
# grammar, and some versions answer 500 (ggml-org/llama.cpp#19349, ikawrakow/ik_llama.cpp#778).
_STATUS_OF_A_FORM = {400, 422, 500, 501}
_WORDS_OF_A_FORM = ("response_format", "json_schema", "json_object", "grammar", "guided")


class Exchange:
    """Sends bundles at the pace of the account, and hands what comes back to the outcomes."""

    def __init__(
        self,
        model: Model,
        prompt: Prompt,
        expectation: Expectation,
        limit: Limit,
        *,
        pace: SharedPace | None = None,
    ) -> None:
        """Send nothing yet."""
        self.outcomes = Outcomes(model, prompt)
        self.form: ReplyFormat = model.form
        self._model = model
        self._prompt = prompt
        self._expectation = expectation
        self._limit = limit
        self._pace = pace
        self._pacer = Pacer(
            requests_per_minute=model.requests_per_minute, tokens_per_minute=model.tokens_per_minute
        )

    async def ask(self, client: AsyncOpenAI, bundle: Bundle) -> None:
        """Send a bundle; its `request_usd` is then what the request cost, or may have cost.

        Raises ModelRefused where no later request can succeed, and what `Outcomes` raises.
        """
        expected = self._expectation.usage(bundle)
        reserved = expected.input + expected.output
        await self._pacer.turn(reserved)
        if self._pace:
            await self._pace.turn(reserved)
        bundle.form = self.form
        body = request_body(
            self._model,
            self._prompt,
            bundle.questions,
            form=bundle.form,
            factor=bundle.output_factor,
        )
        bundle.attempts += 1
        bundle.request_usd = self._expectation.usd(bundle)
        self.outcomes.totals.request_count += 1
        try:
            raw = await client.chat.completions.with_raw_response.create(**body)
            completion = raw.parse()
        except openai.APIStatusError as error:
            self._pacer.settle(reserved=reserved, used=0)
            bundle.request_usd = 0.0
            await self._refused(bundle, error)
            return
        except (
            openai.APIConnectionError,
            openai.APIResponseValidationError,
            json.JSONDecodeError,
        ) as error:
            self._pacer.settle(reserved=reserved, used=0)
            await self._unanswered(bundle, error)
            return
        usage = usage_of(completion.usage.model_dump() if completion.usage else None)
        self._pacer.settle(reserved=reserved, used=usage.input + usage.output)
        self._expectation.learn(bundle, usage)
        self._limit.went_well()
        self.outcomes.spend(bundle, usage)
        self.outcomes.take(bundle, completion, raw.headers.get("x-request-id", ""))

    async def _unanswered(self, bundle: Bundle, error: Exception) -> None:
        """Try again later; the server may have done, and charged for, what was sent to it."""
        if isinstance(error.__cause__, httpx.ConnectError):
            bundle.request_usd = 0.0
        self.outcomes.totals.unsure_usd += bundle.request_usd
        if isinstance(error, openai.APITimeoutError):
            self._limit.overloaded()
        await self._later(bundle, type(error).__name__)

    async def _refused(self, bundle: Bundle, error: openai.APIStatusError) -> None:
        """An answer that is no completion: wait, try again, ask in another form, or stop."""
        code = str(error.code or "")
        if error.status_code in _STATUS_NOT_OURS or code == "insufficient_quota":
            asked = f"model {self._model.name}: check LLM_API_KEY, LLM_MODEL and LLM_BASE_URL"
            message = f"the model's server refuses with {error.status_code} {code} for {asked}"
            raise ModelRefused(message)
        text = str(error).lower()
        if self._is_of_the_form(error.status_code, text) and bundle.form != FORMS[-1]:
            # Others under way were asked in the same form, and are refused as well.
            later = FORMS[FORMS.index(bundle.form) + 1]
            self.form = max(self.form, later, key=FORMS.index)
            self.outcomes.again.append(bundle)
        elif error.status_code in {400, 422}:
            reason = "content_filter" if "content_filter" in text else "bad_request"
            self.outcomes.take_apart(bundle, reason, text, tries=1)
        else:
            await self._try_later(bundle, error)

    @staticmethod
    def _is_of_the_form(status: int, text: str) -> bool:
        return status in _STATUS_OF_A_FORM and any(word in text for word in _WORDS_OF_A_FORM)

    async def _try_later(self, bundle: Bundle, error: openai.APIStatusError) -> None:
        if error.status_code in _STATUS_OVERLOADED:
            self._limit.overloaded()
            if wait := retry_after(error):
                self._pacer.close_for(min(wait, _WAIT_MAX_SECONDS))
        if error.status_code == _TOO_MANY and not self._is_late(bundle):
            bundle.transport_tries = 0  # It was only told to wait.
        await self._later(bundle, f"status {error.status_code}")

    async def _later(self, bundle: Bundle, detail: str) -> None:
        """Try again after a while, as long as there are tries and time left."""
        bundle.transport_tries += 1
        if bundle.transport_tries >= _TRANSPORT_TRIES or self._is_late(bundle):
            self.outcomes.give_up(bundle, "no_answer", detail)
            return
        longest = min(20.0, 0.25 * 2**bundle.transport_tries)
        await asyncio.sleep(random.uniform(0, longest))  # noqa: S311, jitter
        self.outcomes.again.append(bundle)

    def _is_late(self, bundle: Bundle) -> bool:
        return time.monotonic() - bundle.began > self._model.deadline_seconds
