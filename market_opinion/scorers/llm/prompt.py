"""The question to a model, and the form of its reply.

The class whose schema is sent is the class that checks the reply.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from market_opinion.domain.definition import Domain
from market_opinion.domain.examples import Mention, read_question
from market_opinion.scorers.llm.prices import Usage

_INSTRUCTIONS = Path(__file__).parent / "instructions.md"
_CONTEXT_MAX_CHARACTERS = 300
# Words that speak to a model rather than to people: such a text is asked about alone, so that it
# can spoil no neighbour.
_SUSPICIOUS = re.compile(
    r"(?i)\b(?:ignore|disregard|forget|override)\b.{0,40}"
    r"\b(?:previous|above|prior|all|instruction|prompt|rule|context|everything)"
    r"|\b(?:system|assistant|developer|user)\s*(?:prompt|message)?\s*[:\]]"
    r"|\byou are (?:now|an? (?:ai|language|helpful))\b|\bas an ai\b"
    r"|\bnew (?:instruction|task|rule)s?\b|\bjailbreak|\bdo anything now\b"
    r"|</?\s*(?:comments?|system|instructions?|items?)\b|<\||\[/?inst\]|```|\bjson\b|\bprompt\b"
    r"|\"?(?:items|mentions|product_id|score|evidence)\"?\s*:"
    r"|\b(?:respond|reply|answer|output|print|return|classify|rate|mark|label|score)\b.{0,30}"
    r"\b(?:only|with|as|instead|exactly|everything|every|all)\b"
    r"|\bbase64\b|\bsecret\b|\bapi.?key\b"
)
_QUOTES = str.maketrans(
    {
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "’": "'",
        "‘": "'",
        "`": "'",
        "´": "'",
        "–": "-",
        "—": "-",
    }
)


class Question(msgspec.Struct, frozen=True):
    """One text to judge.

    `candidates` are pairs of product_id and name; `is_alone` marks a text that shares no request.
    """

    key: str
    text: str
    context: str
    candidates: tuple[tuple[str, str], ...]
    is_alone: bool


class Answer(msgspec.Struct, frozen=True):
    """The end of a question: `status` is `ok` or the reason why it was given up.

    Usage and USD are the question's share of every attempt.
    """

    question_key: str
    status: str
    mentions: list[Mention]
    model: str
    usage: Usage
    usd: float | None
    attempt_count: int
    answered_at: float
    served_model: str = ""
    request_id: str = ""
    raw: str = ""


class ReplyInvalid(Exception):
    """A reply is not what was asked for; the text says why, without quoting it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Prompt:
    """The question of a domain to a model: its words before the comments, and the reply's form."""

    def __init__(
        self, domain: Domain, *, instructions: str, examples: Sequence[dict[str, Any]]
    ) -> None:
        """Build it from what the domain says."""
        self.domain = domain
        self._names = {
            product.product_id: f"{product.brand} {product.product}" for product in domain.products
        }
        self.reply = _reply_model(tuple(domain.aspects))
        self.schema = _portable(self.reply.model_json_schema())
        self.system = _system(domain, instructions, examples, self.reply)
        self.version = hashlib.blake2b(
            json.dumps([self.system, self.schema], sort_keys=True).encode(), digest_size=6
        ).hexdigest()

    def question(
        self, text: str, context: str | None, products: Sequence[str], *, model: str
    ) -> Question:
        """The question about one text; equal for equal words, whoever wrote them."""
        candidates = tuple(
            (product_id, self._names.get(product_id, product_id)) for product_id in sorted(products)
        )
        title = (context or "")[:_CONTEXT_MAX_CHARACTERS]
        parts = [model, self.version, self.domain.version, candidates, text_key(text, title)]
        key = hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
        return Question(key, text, title, candidates, bool(_SUSPICIOUS.search(text)))

    def messages(self, questions: Sequence[Question]) -> list[dict[str, str]]:
        """Return the messages of a request: the same words first, then the comments as data.

        The data is JSON, in which no text can end its own string.
        """
        asked = [
            {
                "id": f"c{number}",
                "products": [f"{product_id}: {name}" for product_id, name in question.candidates],
                **({"thread": question.context} if question.context else {}),
                "text": question.text,
            }
            for number, question in enumerate(questions, start=1)
        ]
        data = json.dumps(asked, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e")
        return [
            {"role": "system", "content": self.system},
            {"role": "user", "content": f"<comments>\n{data}\n</comments>"},
        ]

    def parse(self, content: str, count: int) -> dict[int, list[Mention]]:
        """Return the mentions by position of the question, without positions nobody asked for.

        Raises ReplyInvalid where the reply is not of the form at all.
        """
        text = content.strip().removeprefix("```json").removeprefix("```").removesuffix("```")
        try:
            reply = self.reply.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            message = (
                f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
                if first["loc"]
                else first["msg"]
            )
            raise ReplyInvalid(message) from None
        asked = {f"c{number}": number - 1 for number in range(1, count + 1)}
        # The class is made from the domain.
        items: list[Any] = reply.items  # type: ignore[attr-defined]
        return {
            asked[item.id]: [Mention(**vars(mention)) for mention in item.mentions]
            for item in items
            if item.id in asked
        }


def load_prompt(domain: Domain, domains_path: Path) -> Prompt:
    """Return the prompt of a domain: the common question, then `prompt.md` and `examples.jsonl`.

    Raises DomainInvalid that names file, line and rule.
    """
    special, examples = read_question(domain, domains_path)
    general = Template(_INSTRUCTIONS.read_text(encoding="utf-8")).substitute(
        category=domain.title.lower()
    )
    return Prompt(
        domain,
        instructions=f"{general.strip()}\n\n{special.strip()}",
        examples=[msgspec.to_builtins(each) for each in examples],
    )


def text_key(text: str, context: str) -> str:
    """Return what texts share that a model judges alike: words, not their spacing or case."""
    normal = json.dumps(
        [" ".join(part.translate(_QUOTES).lower().split()) for part in (text, context)]
    )
    return hashlib.blake2b(normal.encode(), digest_size=16).hexdigest()


def answer_key(text: str, title: str | None) -> str:
    """`text_key` of an item's text under its thread's title, cut as a question cuts it."""
    return text_key(text, (title or "")[:_CONTEXT_MAX_CHARACTERS])


def find_evidence(text: str, quote: str) -> tuple[int, int] | None:
    """Return the place of quoted words in the text, `[start, end)` in characters.

    Spacing, quotes and case may differ.
    """
    wanted = " ".join(quote.translate(_QUOTES).lower().split())
    if not wanted:
        return None
    at = text.find(quote)
    if at >= 0:
        return at, at + len(quote)
    kept: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        plain = character.translate(_QUOTES).lower()
        if plain.isspace():
            if kept and kept[-1] != " ":
                kept.append(" ")
                places.append(place)
        else:
            kept.append(plain[0])
            places.append(place)
    at = "".join(kept).find(wanted)
    return None if at < 0 else (places[at], places[at + len(wanted) - 1] + 1)


def _reply_model(aspects: tuple[str, ...]) -> type[BaseModel]:
    labels: Any = Literal["positive", "negative", "neutral", "mixed"]
    known: Any = Literal[aspects]
    mention = create_model(
        "Mention",
        __base__=_Strict,
        product_id=(str, ...),
        aspect=(known, ...),
        label=(labels, ...),
        score=(float, Field(ge=-1, le=1)),
        evidence=(str, ...),
    )
    item = create_model("Item", __base__=_Strict, id=(str, ...), mentions=(list[mention], ...))
    return create_model("Reply", __base__=_Strict, items=(list[item], ...))


def _portable(schema: Any) -> Any:  # noqa: ANN401, any JSON
    """The schema without what some servers refuse; ranges are checked here."""
    if isinstance(schema, dict):
        return {
            name: _portable(value)
            for name, value in schema.items()
            if name not in {"minimum", "maximum", "title"}
        }
    return [_portable(value) for value in schema] if isinstance(schema, list) else schema


def _system(
    domain: Domain, instructions: str, examples: Iterable[dict[str, Any]], reply: type[BaseModel]
) -> str:
    aspects = "\n".join(f"- {name}: {aspect.title}" for name, aspect in domain.aspects.items())
    shown = "\n".join(json.dumps(example, ensure_ascii=False) for example in examples)
    form = json.dumps(_portable(reply.model_json_schema()), separators=(",", ":"))
    parts = {
        "Aspects": aspects,
        "Examples": shown,
        "Form of the reply: JSON of this schema, nothing else": form,
    }
    return (
        "\n\n".join(
            [instructions.strip(), *(f"# {title}\n{part}" for title, part in parts.items())]
        )
        + "\n"
    )
