"""Tokens and cost of a request before it is sent, learned from the replies before it."""

from market_opinion.scorers.llm.bundle import Bundle
from market_opinion.scorers.llm.model import OUTPUT_TOKENS_AN_ITEM, Model, output_tokens_max
from market_opinion.scorers.llm.pacer import TokenEstimate
from market_opinion.scorers.llm.prices import Usage
from market_opinion.scorers.llm.prompt import Prompt

# Keys and quotes around each text, and around each candidate, about.
_OVERHEAD_BYTES, _CANDIDATE_BYTES = 80, 6
# Input that turned out longer than was expected was so by less than this share.
_INPUT_MARGIN = 1.25


class Expectation:
    """About what requests to a model take, and the most that they can."""

    def __init__(self, model: Model, prompt: Prompt) -> None:
        """Begin with figures that fit most models."""
        self._model = model
        self._prefix_bytes = len(prompt.system.encode())
        self._estimate = TokenEstimate()
        self._output_an_item = float(OUTPUT_TOKENS_AN_ITEM)

    def usage(self, bundle: Bundle) -> Usage:
        """Return about the tokens of a request."""
        output = self._output_an_item * len(bundle.questions) * bundle.output_factor
        most = output_tokens_max(len(bundle.questions), factor=bundle.output_factor)
        return Usage(
            input=self._estimate.of_bytes(self._bytes(bundle)), output=min(output, float(most))
        )

    def usd(self, bundle: Bundle) -> float:
        """Return about the cost of a request; 0 where the price is not known."""
        return self._model.price.usd(self.usage(bundle)) if self._model.price else 0.0

    def most_usd(self, bundle: Bundle) -> float:
        """Return the cost of a request with the longest reply that it allows."""
        if not self._model.price:
            return 0.0
        most = Usage(
            input=self._estimate.of_bytes(self._bytes(bundle)) * _INPUT_MARGIN,
            output=output_tokens_max(len(bundle.questions), factor=bundle.output_factor),
        )
        return self._model.price.usd(most)

    def learn(self, bundle: Bundle, usage: Usage) -> None:
        """Move a little towards what a request took."""
        self._estimate.learn(self._bytes(bundle), usage.input)
        an_item = usage.output / len(bundle.questions)
        self._output_an_item += 0.1 * (an_item - self._output_an_item)

    def _bytes(self, bundle: Bundle) -> int:
        return self._prefix_bytes + sum(
            _OVERHEAD_BYTES
            + sum(len(words.encode()) for words in (q.text, q.context, q.parent))
            + sum(
                len(f"{product_id}{name}") + _CANDIDATE_BYTES for product_id, name in q.candidates
            )
            for q in bundle.questions
        )
