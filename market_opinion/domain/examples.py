"""How a model is asked about a domain: its prompt.md, and the examples of examples.jsonl, which are tests as well."""

from pathlib import Path

import msgspec

from market_opinion.core.errors import DomainInvalid
from market_opinion.domain.definition import Domain


class Mention(msgspec.Struct, frozen=True):
    """What a model says of one product's aspect; `score` in [-1, 1], `evidence` the words it rests on."""

    product_id: str
    aspect: str
    label: str
    score: float
    evidence: str


class Example(msgspec.Struct, forbid_unknown_fields=True):
    """A text with the products that are offered, and the mentions that are right."""

    text: str
    products: list[str]
    mentions: list[Mention]
    thread: str = ""


def read_question(domain: Domain, domains_path: Path) -> tuple[str, list[Example]]:
    """The text of prompt.md and the examples; raises DomainInvalid that names file, line and rule."""
    folder = domains_path / domain.name
    try:
        text = (folder / "prompt.md").read_text(encoding="utf-8")
        lines = (folder / "examples.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        message = f"{error.filename}: a model is asked with prompt.md and examples.jsonl; {error.strerror}"
        raise DomainInvalid(message) from error
    examples = []
    for number, line in enumerate(lines, start=1):
        place = f"{folder / 'examples.jsonl'}, line {number}"
        try:
            example = msgspec.json.decode(line, type=Example)
        except msgspec.DecodeError as error:
            message = f"{place}: {error}"
            raise DomainInvalid(message) from error
        if problem := _problem(example, domain):
            message = f"{place}: {problem}"
            raise DomainInvalid(message)
        examples.append(example)
    return text, examples


def doubt(mention: Mention) -> str | None:
    """Reason to doubt a mention that contradicts itself; none for others."""
    sign = {"positive": mention.score > 0, "negative": mention.score < 0}.get(mention.label, True)
    return None if sign else "sign_disagrees"


def _problem(example: Example, domain: Domain) -> str | None:
    known = {product.product_id for product in domain.products}
    for product_id in example.products:
        if product_id not in known:
            return f"no product {product_id} in products.csv"
    for mention in example.mentions:
        if mention.aspect not in domain.aspects:
            return f"no aspect {mention.aspect} in domain.toml"
        if mention.product_id not in example.products:
            return f"mention of {mention.product_id}, which is not among its products"
        if mention.evidence not in example.text:
            return f"evidence {mention.evidence!r} does not stand in the text"
        if doubt(mention):
            return f"score {mention.score} of {mention.aspect} does not agree with {mention.label}"
    return None
