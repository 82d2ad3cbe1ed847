"""A model on trial: how much of a domain's own examples it reads as their author did."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from market_opinion.domain.definition import Domain
from market_opinion.domain.examples import Example, Mention, doubt, read_question
from market_opinion.scorers.llm.engine import Engine, run_engine
from market_opinion.scorers.llm.model import Model, ReplyFormat
from market_opinion.scorers.llm.prompt import Answer, Prompt, find_evidence, load_prompt

# Below this share a model says more that is wrong than a reader of its figures would bear.
SHARE_RIGHT_MIN = 0.6
_SIGNS = {"positive": 1, "negative": -1}


@dataclass(frozen=True)
class Trial:
    """Judgements of a model on examples, counted by product, aspect and sign.

    `form` is how its server was asked for the form of its replies.
    """

    example_count: int
    said_count: int
    right_count: int
    expected_count: int
    unanswered_count: int
    usd: float | None
    form: ReplyFormat

    @property
    def share_right(self) -> float:
        """Twice what was right, of what was said and what should have been (F1)."""
        whole = self.said_count + self.expected_count
        return 2 * self.right_count / whole if whole else 0.0

    def plus(self, other: "Trial") -> "Trial":
        """Both together."""
        return Trial(
            self.example_count + other.example_count,
            self.said_count + other.said_count,
            self.right_count + other.right_count,
            self.expected_count + other.expected_count,
            self.unanswered_count + other.unanswered_count,
            None if self.usd is None or other.usd is None else self.usd + other.usd,
            other.form,
        )

    def __str__(self) -> str:
        """Return the figures in words."""
        cost = "price not known" if self.usd is None else f"{self.usd:.4f} USD"
        return (
            f"right in {self.share_right:.0%} of {self.example_count} examples"
            f" ({self.right_count} judgements of {self.said_count} that it said and"
            f" {self.expected_count} to find; {self.unanswered_count} examples without an answer;"
            f" form {self.form}, {cost})"
        )


def try_model(model: Model, domain: Domain, domains_path: Path) -> Trial:
    """Ask a model about the domain's examples, each half with the other half shown.

    Raises what the engine raises. Nothing is stored, and no budget is asked.
    """
    _, examples = read_question(domain, domains_path)
    whole = load_prompt(domain, domains_path)
    halves = examples[::2], examples[1::2]
    first, second = (
        _try(model, whole.showing([msgspec.to_builtins(each) for each in shown]), asked)
        for asked, shown in (halves, halves[::-1])
    )
    return first.plus(second)


def _try(model: Model, prompt: Prompt, examples: Sequence[Example]) -> Trial:
    engine = Engine(model, prompt)
    questions = [
        prompt.question(each.text, each.thread, each.products, model=model.name, parent=each.parent)
        for each in examples
    ]
    answers: dict[str, Answer] = {}

    def keep(some: list[Answer]) -> None:
        answers.update({answer.question_key: answer for answer in some})

    totals = run_engine(lambda: engine.run(questions, on_answers=keep))
    said = [
        _judgements(answers[question.key].mentions, example.text)
        for question, example in zip(questions, examples, strict=True)
    ]
    expected = [_judgements(example.mentions, example.text) for example in examples]
    return Trial(
        example_count=len(examples),
        said_count=sum(map(len, said)),
        right_count=sum(len(a & b) for a, b in zip(said, expected, strict=True)),
        expected_count=sum(map(len, expected)),
        unanswered_count=totals.rejected_count,
        usd=totals.usd,
        form=engine.form,
    )


def _judgements(mentions: Iterable[Mention], text: str) -> set[tuple[str, str, int]]:
    """Return product, aspect and sign of the mentions that would be accepted."""
    return {
        (mention.product_id, mention.aspect, _SIGNS.get(mention.label, 0))
        for mention in mentions
        if doubt(mention) is None and find_evidence(text, mention.evidence)
    }
