"""The question to a model, and the form of its reply.

The class whose schema is sent is the class that checks the reply.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any, Literal, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field, create_model

from market_opinion.domain.definition import BRAND_ROW, Domain
from market_opinion.domain.examples import Meant, Mention, read_question
from market_opinion.scorers.llm.prices import Usage
from market_opinion.scorers.llm.reply import Reply, ReplyForm
from market_opinion.stages.naming import Namer, namer_of

_INSTRUCTIONS = Path(__file__).parent / "instructions.md"
_CONTEXT_MAX_CHARACTERS = 300
# Where a product was met that a question offers.
NAMED, OF_THREAD, REVIEWED = "named in the text", "of the thread", "reviewed here"
ANSWERED, OF_NO_MODEL = "of the comment that is answered", "of the brand"
_LABELS = ("positive", "negative", "mixed")
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
# An entry of a reply that names a product.
Said = TypeVar("Said", Meant, Mention)
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

    `context` is the title of its thread, `parent` the text that it answers. `candidates` are pairs
    of product_id and name with the place where the product was met; `is_alone` marks a text that
    shares no request.
    """

    key: str
    text: str
    context: str
    candidates: tuple[tuple[str, str], ...]
    is_alone: bool
    parent: str = ""


class Answer(msgspec.Struct, frozen=True):
    """The end of a question: `status` is `ok` or the reason why it was given up.

    `meant` are the products that the text speaks of; None where the reply did not say. Usage and
    USD are the question's share of every attempt. `text_key` and what follows it say what was
    asked, so that an answer can be filed without its question.
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
    text_key: str = ""
    domain: str = ""
    domain_version: str = ""
    prompt_version: str = ""
    meant: list[Meant] | None = None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _MeantForm(_Strict):
    product_id: str
    words: str


class Prompt:
    """The question of a domain to a model: its words before the comments, and the reply's form."""

    def __init__(
        self, domain: Domain, *, instructions: str, examples: Sequence[dict[str, Any]]
    ) -> None:
        """Build it from what the domain says."""
        self.domain = domain
        self._instructions = instructions
        self._names = {
            product.product_id: product.product
            if product.product.startswith(product.brand)
            else f"{product.brand} {product.product}"
            for product in domain.products
        }
        self._namer: Namer = namer_of(domain)
        mention = _mention_model(tuple(domain.aspects))
        self._form = ReplyForm(mention, _spellings(domain, self._names))
        self.schema = _portable(_reply_model(mention).model_json_schema())
        shown = [self._shown(example) for example in examples]
        self.system = _system(domain, instructions, shown, self.schema)
        self.version = hashlib.blake2b(
            json.dumps([self.system, self.schema], sort_keys=True).encode(), digest_size=6
        ).hexdigest()

    def showing(self, examples: Sequence[dict[str, Any]]) -> "Prompt":
        """The same question with other examples."""
        return Prompt(self.domain, instructions=self._instructions, examples=examples)

    def question(
        self,
        text: str,
        context: str | None,
        products: Sequence[str],
        *,
        model: str,
        places: Mapping[str, str] | None = None,
        parent: str | None = None,
    ) -> Question:
        """The question about one text; equal for equal words, whoever wrote them.

        `places` say of products where they were met, `parent` is the text that this one answers.
        """
        candidates = self._candidates(products, places or {})
        title = (context or "")[:_CONTEXT_MAX_CHARACTERS]
        answered = (parent or "")[:_CONTEXT_MAX_CHARACTERS]
        parts = [model, self.version, self.domain.version, candidates, text_key(text, title)]
        if answered:
            parts.append(text_key(answered, ""))
        key = hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
        is_alone = any(_SUSPICIOUS.search(words) for words in (text, answered))
        return Question(key, text, title, candidates, is_alone, answered)

    def _candidates(
        self, products: Sequence[str], places: Mapping[str, str]
    ) -> tuple[tuple[str, str], ...]:
        """Return product_id and shown name, in the order of `places`, then of the ids."""
        rank = {product_id: n for n, product_id in enumerate(places)}
        ordered = sorted(products, key=lambda each: (rank.get(each, len(rank)), each))
        return tuple(
            (each, ", ".join([self._names.get(each, each), *filter(None, [places.get(each)])]))
            for each in ordered
        )

    def messages(self, questions: Sequence[Question]) -> list[dict[str, str]]:
        """Return the messages of a request: the same words first, then the comments as data.

        The data is JSON, in which no text can end its own string.
        """
        asked = [
            {"id": f"c{number}", **_as_asked(each.text, each.context, each.parent, each.candidates)}
            for number, each in enumerate(questions, start=1)
        ]
        data = json.dumps(asked, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e")
        return [
            {"role": "system", "content": self.system},
            {"role": "user", "content": f"<comments>\n{data}\n</comments>"},
        ]

    def origin(self, key_of_text: str) -> dict[str, str]:
        """Return what an answer says of its question, by the fields of `Answer`."""
        return {
            "text_key": key_of_text,
            "domain": self.domain.name,
            "domain_version": self.domain.version,
            "prompt_version": self.version,
        }

    def parse(self, content: str, count: int) -> Reply:
        """Return what a reply says of so many questions, item by item.

        A product that it calls by a name is that of the catalogue. Raises ReplyInvalid where
        nothing in it is an item.
        """
        reply = self._form.parse(content, count)
        for judged in reply.mentions.values():
            judged[:] = [self._of_catalogue(mention) for mention in judged]
        for meant in reply.meant.values():
            meant[:] = [self._of_catalogue(each) for each in meant]
        return reply

    def _of_catalogue(self, said: Said) -> Said:
        return msgspec.structs.replace(said, product_id=self._product(said.product_id))

    def _product(self, said: str) -> str:
        """Return the product that a model names; what names none or several stays as it is."""
        if said in self._names:
            return said
        named = {name.product_id for name in self._namer.names(said) if not name.is_beside_model}
        return named.pop() if len(named) == 1 else said

    def _shown(self, example: Mapping[str, Any]) -> dict[str, Any]:
        """Return an example as a comment of a request, with its answer."""
        text, thread = example["text"], example.get("thread", "")
        named = {
            name.product_id: text[name.start : name.end]
            for name in reversed(self._namer.names(text, title=thread))
        }
        judged = [mention["product_id"] for mention in example["mentions"]]
        asked = list(dict.fromkeys(example["products"]))
        rows = {each.product_id for each in self.domain.products if each.category == BRAND_ROW}
        places = {
            each: NAMED
            if each in named or not thread
            else OF_NO_MODEL
            if each in rows
            else OF_THREAD
            for each in asked
        }
        meant = example.get("meant")
        if meant is None:
            meant = [
                {"product_id": each, "words": named.get(each, "")}
                for each in asked
                if each in named or each in judged
            ]
        candidates = self._candidates(asked, places)
        asked_as = _as_asked(text, thread, example.get("parent", ""), candidates)
        return {**asked_as, "meant": meant, "mentions": example["mentions"]}


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


def _as_asked(
    text: str, context: str, parent: str, candidates: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """Return a question as the model reads it, without its number."""
    return {
        "products": [f"{product_id}: {name}" for product_id, name in candidates],
        **({"thread": context} if context else {}),
        **({"parent": parent} if parent else {}),
        "text": text,
    }


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


def _mention_model(aspects: tuple[str, ...]) -> type[BaseModel]:
    label: Any = Literal[_LABELS]
    aspect: Any = Literal[aspects]
    return create_model(
        "Mention",
        __base__=_Strict,
        product_id=(str, ...),
        aspect=(aspect, ...),
        label=(label, ...),
        score=(float, Field(ge=-1, le=1)),
        evidence=(str, ...),
    )


def _reply_model(mention: type[BaseModel]) -> type[BaseModel]:
    listed: Any = list[mention]  # type: ignore[valid-type]  # The class is made from the domain.
    meant: Any = list[_MeantForm]
    item = create_model(
        "Item", __base__=_Strict, id=(str, ...), meant=(meant, ...), mentions=(listed, ...)
    )
    return create_model("Reply", __base__=_Strict, items=(list[item], ...))


def _spellings(domain: Domain, names: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return what a model may write for the values of a mention; the value itself comes last."""
    return {
        "label": {label: label for label in _LABELS},
        "aspect": {aspect.title: name for name, aspect in domain.aspects.items()}
        | {name: name for name in domain.aspects},
        "product_id": {name: product_id for product_id, name in names.items()}
        | {f"{product_id}: {name}": product_id for product_id, name in names.items()}
        | {product_id: product_id for product_id in names},
    }


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
    domain: Domain,
    instructions: str,
    examples: Iterable[dict[str, Any]],
    schema: Any,  # noqa: ANN401, any JSON
) -> str:
    aspects = "\n".join(f"- {name}: {aspect.title}" for name, aspect in domain.aspects.items())
    shown = "\n".join(json.dumps(example, ensure_ascii=False) for example in examples)
    form = json.dumps(schema, separators=(",", ":"))
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
