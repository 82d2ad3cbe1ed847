"""Questions that share a request, and the counts and costs of all requests of a run."""

from dataclasses import dataclass, field, replace

from market_opinion.scorers.llm.model import ReplyFormat
from market_opinion.scorers.llm.prices import Usage
from market_opinion.scorers.llm.prompt import Question


@dataclass
class Totals:
    """Counts and costs of a run; `stopped` is the reason of an end before the last question.

    `unsure_usd` is what requests without an answer may have cost; `usd` is without it.
    """

    asked_count: int = 0
    kept_count: int = 0
    rejected_count: int = 0
    request_count: int = 0
    usage: Usage = field(default_factory=Usage)
    usd: float | None = 0.0
    unsure_usd: float = 0.0
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
            unsure_usd=self.unsure_usd + other.unsure_usd,
            stopped=self.stopped or other.stopped,
        )


@dataclass
class Bundle:
    """Questions that share a request, and what became of their earlier requests."""

    questions: list[Question]
    began: float
    form: ReplyFormat = "json_schema"
    transport_tries: int = 0
    content_tries: int = 0
    attempts: int = 0
    output_factor: int = 1
    usage: Usage = field(default_factory=Usage)
    # What the request under way may cost, and then what it cost.
    request_usd: float = 0.0

    def part(self, questions: list[Question]) -> "Bundle":
        """Some of its questions, with tries of their own and their share of what it cost so far."""
        share = len(questions) / len(self.questions)
        portion = Usage(*(value * share for value in self.usage))
        return replace(self, questions=questions, usage=portion, transport_tries=0, content_tries=0)
