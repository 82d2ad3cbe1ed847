"""The end of each request: answers that are kept, questions asked again, questions given up."""

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from market_opinion.core.errors import ModelUnusable
from market_opinion.domain.examples import Meant, Mention
from market_opinion.scorers.llm.bundle import Bundle, Totals
from market_opinion.scorers.llm.model import Model
from market_opinion.scorers.llm.pacer import Breaker
from market_opinion.scorers.llm.prices import Usage
from market_opinion.scorers.llm.prompt import Answer, Prompt, Question, text_key
from market_opinion.scorers.llm.reply import Reply, ReplyInvalid

_CONTENT_TRIES = 3
_REFUSAL_TRIES = 2
_RAW_MAX_CHARACTERS = 4096


class Outcomes:
    """The ends of bundles: `on_answers` gets answers, `again` holds what is asked once more."""

    def __init__(self, model: Model, prompt: Prompt) -> None:
        """Begin with nothing asked."""
        self.on_answers: Callable[[list[Answer]], None] = lambda _: None
        self.again: deque[Bundle] = deque()
        self.totals = Totals(usd=0.0 if model.price else None)
        self._model = model
        self._prompt = prompt
        self._breaker = Breaker()

    def spend(self, bundle: Bundle, usage: Usage) -> None:
        """Count the tokens of a reply."""
        bundle.usage = bundle.usage.plus(usage)
        self.totals.usage = self.totals.usage.plus(usage)
        bundle.request_usd = self._model.price.usd(usage) if self._model.price else 0.0
        if self.totals.usd is not None:
            self.totals.usd += bundle.request_usd

    def take(self, bundle: Bundle, completion: Any, request_id: str) -> None:  # noqa: ANN401
        """Keep what is right in a completion, and ask again for the rest."""
        choice = completion.choices[0] if completion.choices else None
        content = _content(choice.message) if choice else ""
        if not choice or not content or choice.finish_reason == "content_filter":
            refusal = (choice.message.refusal if choice else "") or ""
            self.take_apart(bundle, "refused", refusal, tries=_REFUSAL_TRIES)
            return
        is_cut = choice.finish_reason == "length"
        bundle.output_factor *= 2 if is_cut else 1
        try:
            reply = self._prompt.parse(content, len(bundle.questions))
        except ReplyInvalid as error:
            reason = "truncated" if is_cut else "invalid_reply"
            self.take_apart(bundle, reason, f"{error}\n{content}")
            return
        if not reply.mentions:
            faults = "; ".join(reply.faults.values()) or "no id that was asked"
            self.take_apart(bundle, "invalid_reply", f"{faults}\n{content}")
            return
        self._keep(bundle, reply, completion.model, request_id)
        self._ask_rest(bundle, {*reply.mentions}, {*reply.faults})

    def take_apart(
        self, bundle: Bundle, reason: str, raw: str, *, tries: int = _CONTENT_TRIES
    ) -> None:
        """Ask again what had no useful reply, in halves where there are several questions.

        A bad question is thus found alone, and given up after its tries. Raises ModelUnusable where
        going on would only cost.
        """
        self._breaker.saw_useless()
        self._check(reason)
        questions = bundle.questions
        if len(questions) > 1:
            middle = len(questions) // 2
            self.again.extend(
                bundle.part(half) for half in (questions[:middle], questions[middle:])
            )
            return
        bundle.content_tries += 1
        if bundle.content_tries < tries:
            self.again.append(bundle)
            return
        self.give_up(bundle, reason, raw)

    def give_up(self, bundle: Bundle, reason: str, raw: str) -> None:
        """End the questions of a bundle with the reason; raises ModelUnusable as `take_apart`."""
        self._breaker.saw(good=False)
        portion = bundle.usage.share(len(bundle.questions))
        kept = raw[:_RAW_MAX_CHARACTERS]
        self.on_answers(
            [
                self._answer(bundle, question, reason, [], portion, raw=kept)
                for question in bundle.questions
            ]
        )
        self.totals.rejected_count += len(bundle.questions)
        self._check(reason)

    def _keep(self, bundle: Bundle, reply: Reply, served_model: str, request_id: str) -> None:
        self._breaker.saw(good=True)
        portion = bundle.usage.share(len(bundle.questions))
        served = {"served_model": served_model, "request_id": request_id}
        self.on_answers(
            [
                self._answer(
                    bundle,
                    bundle.questions[place],
                    "ok",
                    mentions,
                    portion,
                    meant=reply.meant.get(place),
                    **served,
                )
                for place, mentions in sorted(reply.mentions.items())
            ]
        )
        self.totals.kept_count += len(reply.mentions)

    def _ask_rest(self, bundle: Bundle, kept: set[int], faulty: set[int]) -> None:
        """Ask missing questions again together, and those of faulty items each alone."""
        missing = [
            question
            for place, question in enumerate(bundle.questions)
            if place not in kept and place not in faulty
        ]
        if missing:
            self.again.append(bundle.part(missing))
        self.again.extend(bundle.part([bundle.questions[place]]) for place in sorted(faulty))

    def _check(self, reason: str) -> None:
        if self._breaker.is_open:
            message = (
                f"most of the last answers of {self._model.name} were of no use (last: {reason}):"
                " stopped; see raw_reply in silver.extractions, and try LLM_ITEMS_PER_REQUEST=1 or"
                " another model"
            )
            raise ModelUnusable(message)

    def _answer(
        self,
        bundle: Bundle,
        question: Question,
        status: str,
        mentions: list[Mention],
        usage: Usage,
        *,
        meant: list[Meant] | None = None,
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
            bundle.attempts,
            time.time(),
            **self._prompt.origin(text_key(question.text, question.context)),
            meant=meant,
            **more,
        )


def _content(message: Any) -> str:  # noqa: ANN401, a message of the openai package
    """Return the words of a reply; some servers put all of them into the reasoning."""
    if message.refusal:
        return ""
    return message.content or getattr(message, "reasoning_content", None) or ""
