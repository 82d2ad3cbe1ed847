"""The prompt of a domain: prompt.md, and the examples of examples.jsonl, which are also tests.

One example is a line of JSON (wrapped here)::

    {"text": "The battery of my Pixel 8 is great.", "thread": "", "products": ["google-pixel-8"],
     "mentions": [{"product_id": "google-pixel-8", "aspect": "battery", "label": "positive",
                   "score": 0.7, "evidence": "battery of my Pixel 8 is great"}]}

`meant` says which products the text speaks of, where that is not plain from names and mentions.
"""

from pathlib import Path

import msgspec

from market_opinion.core.errors import DomainInvalid
from market_opinion.domain.definition import Domain


class Meant(msgspec.Struct, frozen=True):
    """A product that a text speaks of, with the words by which the text names it.

    `words` is empty where only the thread, or the text that is answered, tells the product.
    """

    product_id: str
    words: str = ""


class Mention(msgspec.Struct, frozen=True):
    """A model's judgement of one aspect of one product.

    `score` lies in [-1, 1]; `evidence` quotes the words of the text that show it.
    """

    product_id: str
    aspect: str
    label: str
    score: float
    evidence: str


class Example(msgspec.Struct, forbid_unknown_fields=True):
    """A text, the products that the model is asked about, and the right answer.

    `thread` is the title above the text, `parent` the text that it answers. Without `meant`, the
    text speaks of the products that it names and of those in `mentions`.
    """

    text: str
    products: list[str]
    mentions: list[Mention]
    thread: str = ""
    parent: str = ""
    meant: list[Meant] | None = None


def read_question(domain: Domain, domains_path: Path) -> tuple[str, list[Example]]:
    """Return the text of prompt.md and the examples.

    Raises DomainInvalid, which names file, line and rule.
    """
    folder = domains_path / domain.name
    try:
        text = (folder / "prompt.md").read_text(encoding="utf-8")
        lines = (folder / "examples.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        message = (
            f"{error.filename}: a model needs prompt.md and examples.jsonl of the domain;"
            f" {error.strerror}"
        )
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
    """Return the reason code of a mention whose score contradicts its label; None for others."""
    agrees = {"positive": mention.score > 0, "negative": mention.score < 0}
    return None if agrees.get(mention.label, True) else "sign_disagrees"


def _problem(example: Example, domain: Domain) -> str | None:
    catalogue = {product.product_id for product in domain.products}
    for product_id in example.products:
        if product_id not in catalogue:
            return f"no product {product_id} in products.csv"
    if problem := _problem_of_meant(example, catalogue):
        return problem
    return _problem_of_mentions(example, domain)


def _problem_of_meant(example: Example, catalogue: set[str]) -> str | None:
    for meant in example.meant or ():
        if meant.product_id not in catalogue:
            return f"no product {meant.product_id} in products.csv"
        if meant.words not in example.text:
            return f"the words {meant.words!r} of {meant.product_id} do not stand in the text"
    return None


def _problem_of_mentions(example: Example, domain: Domain) -> str | None:
    for mention in example.mentions:
        if mention.aspect not in domain.aspects:
            return f"no aspect {mention.aspect} in domain.toml"
        if mention.product_id not in example.products:
            return f"mention of {mention.product_id}, which is not among the example's products"
        if mention.evidence not in example.text:
            return f"evidence {mention.evidence!r} does not stand in the text"
        if doubt(mention):
            return f"score {mention.score} of {mention.aspect} does not agree with {mention.label}"
    return None
