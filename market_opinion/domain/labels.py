"""Items that people have labelled with the products a text mentions and its writer's opinions."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import polars as pl

from market_opinion.core.contracts import SILVER_ITEMS
from market_opinion.core.errors import InvalidRequest
from market_opinion.domain.definition import Domain

Label = Literal["positive", "negative", "mixed"]
PLATFORM = "labelled"
_SIGNS = {"+": True, "-": False}
_NO_TIME = datetime(2000, 1, 1, tzinfo=UTC)


class LabelledMention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mentioned product; `how` is `text` where the text names it, else `context`.

    With `context`, only the thread shows that the product is meant.
    """

    product_id: str
    how: Literal["text", "context"] = "text"


class LabelledOpinion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The writer's opinion on one aspect of one product; `evidence` quotes the text."""

    product_id: str
    aspect: str
    label: Label
    evidence: str


class LabelledItem(msgspec.Struct, frozen=True):
    """One item with the labels of its reader.

    In a file it is one line of JSON (wrapped here)::

        {"item_id": "a1", "community": "phones", "stratum": "named", "thread": "Pixel 8 or S24?",
         "text": "My Pixel 8 dies by lunch",
         "mentions": [{"product_id": "google-pixel-8"}],
         "opinions": [{"product_id": "google-pixel-8", "aspect": "battery", "label": "negative",
                       "evidence": "dies by lunch"}]}

    `stratum` is the group of items from which this one was drawn at random, `kind` submission,
    comment or review, `thread` the title of its thread, `parent` the text that it answers.
    """

    item_id: str
    text: str
    mentions: tuple[LabelledMention, ...] = ()
    opinions: tuple[LabelledOpinion, ...] = ()
    thread: str = ""
    community: str = ""
    kind: str = "comment"
    stratum: str = "all"
    parent: str = ""


def read_labelled_items(path: Path, domain: Domain) -> list[LabelledItem]:
    """Return the items of a file of JSON lines.

    Raises InvalidRequest, which names line and rule.
    """
    items = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            item = msgspec.json.decode(line, type=LabelledItem)
        except msgspec.DecodeError as error:
            message = f"{path}, line {number}: {error}"
            raise InvalidRequest(message) from error
        if problem := problem_of(item, domain):
            message = f"{path}, line {number}: {problem}"
            raise InvalidRequest(message)
        items.append(item)
    return items


class Judgement(NamedTuple):
    """A short text that praises or blames, and the aspect that it is about where that is known."""

    text: str
    is_praise: bool
    aspect: str | None = None


def read_judgements(path: Path, domain: Domain) -> Iterator[Judgement]:
    """Yield the lines of a file of judgements: an aspect, + or -, and a text, parted by tabs.

    For example, `battery`, `-` and `40% by lunch and I barely touched it`. Raises InvalidRequest
    that names the line.
    """
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        aspect, sign, text = (*line.split("\t"), "", "")[:3]
        if aspect not in domain.aspects or sign not in _SIGNS or not text:
            message = (
                f"{path}, line {number}: want an aspect of the domain, + or -, and a text,"
                " parted by tabs"
            )
            raise InvalidRequest(message)
        yield Judgement(text, _SIGNS[sign], aspect)


def problem_of(item: LabelledItem, domain: Domain) -> str | None:
    """Return what is wrong with the labels of an item in this domain; None where nothing is."""
    catalogue = {product.product_id for product in domain.products}
    mentioned = {mention.product_id for mention in item.mentions}
    if unknown := sorted(mentioned - catalogue):
        return f"{', '.join(unknown)} is not in products.csv of {domain.name}"
    for opinion in item.opinions:
        if opinion.product_id not in mentioned:
            return f"an opinion on {opinion.product_id}, which is not among the mentions"
        if opinion.aspect not in domain.aspects:
            return f"no aspect {opinion.aspect} in domain.toml of {domain.name}"
        if opinion.evidence not in item.text:
            return f"the evidence of {opinion.aspect} does not stand in the text"
    return None


def as_silver(items: Sequence[LabelledItem]) -> pl.DataFrame:
    """Return labelled items as rows of silver.items with `parent_text`, each in its own thread.

    Their texts are taken as they are, since they were cleaned before they were labelled.
    """
    rows = [
        dict.fromkeys(SILVER_ITEMS.schema)
        | {
            "platform": PLATFORM,
            "community": item.community,
            "kind": item.kind,
            "item_id": item.item_id,
            "thread_id": item.item_id,
            "created_at": _NO_TIME,
            "window_start": _NO_TIME,
            "text": item.text,
            "context_title": item.thread or None,
            "language": "und",
            "permalink": "",
            "is_usable": True,
            "parent_text": item.parent or None,
        }
        for item in items
    ]
    return pl.DataFrame(rows, schema={**SILVER_ITEMS.schema, "parent_text": pl.String})


def share(item_id: str) -> float:
    """Return a number in [0, 1) that depends on the id alone.

    Items split by this number are split at random, and alike every time.
    """
    return int.from_bytes(hashlib.blake2b(item_id.encode(), digest_size=4).digest()) / 2**32


def is_even(item_id: str) -> bool:
    """Return whether the code points of an id have an even sum.

    Such items are for development, the others for checking.
    """
    return sum(map(ord, item_id)) % 2 == 0


def texts_digest(items: Iterable[LabelledItem]) -> str:
    """Return a hash of all fields of the items, in the order of the items."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(msgspec.json.encode(item))
    return digest.hexdigest()[:12]
