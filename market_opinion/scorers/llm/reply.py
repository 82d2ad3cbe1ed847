"""Replies of a model: the JSON within whatever stands around it, checked item by item."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from market_opinion.domain.examples import Meant, Mention

_DECODER = json.JSONDecoder()
_OPENING = re.compile(r"[{\[]")
_ID = re.compile(r"\W*(c?)0*(\d+)\W*", re.IGNORECASE)
# Failed attempts may read the text this many times in all: a reply of nothing but braces would
# otherwise take time by its length squared.
_READINGS_MAX = 64


# A label that is not asked for, and that some models give all the same.
_NO_OPINION = "neutral"


class Reply(NamedTuple):
    """Mentions by position of the question, and for other positions the fault of their item.

    `meant` has the products that a text speaks of, where its item says so.
    """

    mentions: dict[int, list[Mention]]
    faults: dict[int, str]
    meant: dict[int, list[Meant]]


class ReplyInvalid(Exception):
    """A reply holds no JSON that could be an answer; the text says why, without quoting it."""


class ReplyForm:
    """The form that the items of a reply must have, and the spellings it is recognised in.

    `names` are further words for the values of a field, as `{"aspect": {"Battery life":
    "battery"}}`; case, spaces and punctuation never count.
    """

    def __init__(self, mention: type[BaseModel], names: Mapping[str, Mapping[str, str]]) -> None:
        """Check mentions by this class."""
        self._mention = mention
        self._fields = {_folded(name): name for name in mention.model_fields}
        self._names = {
            field: {_folded(word): value for word, value in words.items()}
            for field, words in names.items()
        }

    def parse(self, content: str, count: int) -> Reply:
        """Return what a reply says of `count` questions; positions that it leaves out are absent.

        Raises ReplyInvalid where nothing in it is an item.
        """
        reply = Reply({}, {}, {})
        found = list(_items(_values(_answer_of(content))) or _items(_values(content)))
        if not found:
            message = "no JSON with items"
            raise ReplyInvalid(message)
        # Numbers that begin at 0 would shift every answer to the neighbour's text.
        is_shifted = any(_number(item.get("id")) == ("", 0) for item in found)
        for item in found:
            letter, number = _number(item.get("id"))
            if not 1 <= number <= count or (is_shifted and not letter):
                continue
            self._take(reply, number - 1, item)
        return reply

    def _take(self, reply: Reply, place: int, item: dict[str, Any]) -> None:
        """Put an item into the reply; the last one of a position counts."""
        for earlier in reply:
            earlier.pop(place, None)
        try:
            reply.mentions[place] = self._mentions(item)
            if (meant := self._meant(item)) is not None:
                reply.meant[place] = meant
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            reply.faults[place] = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        except TypeError as error:
            reply.faults[place] = str(error)

    def _mentions(self, item: dict[str, Any]) -> list[Mention]:
        said = item.get("mentions", "missing") or []
        mentions = [said] if isinstance(said, dict) else said
        if not isinstance(mentions, list) or not all(isinstance(each, dict) for each in mentions):
            message = "mentions: not a list of objects"
            raise TypeError(message)
        plain = [self._plain(each) for each in mentions]
        return [
            Mention(**vars(self._mention.model_validate(each)))
            for each in plain
            if not _is_no_opinion(each)
        ]

    def _meant(self, item: dict[str, Any]) -> list[Meant] | None:
        """Return the products that an item says its text speaks of; None where it does not say."""
        said = {_folded(name): value for name, value in item.items()}.get("meant")
        if not isinstance(said, list):
            return None
        meant = []
        for each in said:
            named = each if isinstance(each, dict) else {"product_id": each}
            product = self._plain(named).get("product_id")
            words = {_folded(name): value for name, value in named.items()}.get("words")
            if isinstance(product, str):
                meant.append(Meant(product, words if isinstance(words, str) else ""))
        return meant

    def _plain(self, mention: dict[str, Any]) -> dict[str, Any]:
        """Return the known fields of a mention, each under its name and in its own spelling."""
        plain = {}
        for name, value in mention.items():
            if field := self._fields.get(_folded(name)):
                words = self._names.get(field, {})
                plain[field] = words.get(_folded(value), value) if isinstance(value, str) else value
        return plain


def _is_no_opinion(mention: dict[str, Any]) -> bool:
    label = mention.get("label")
    return isinstance(label, str) and _folded(label) == _NO_OPINION


def _answer_of(content: str) -> str:
    """Return the reply without the model's thoughts, which may hold drafts of it."""
    _, end, answer = content.rpartition("</think>")
    return answer if end else content.partition("<think>")[0]


def _values(text: str) -> Iterator[Any]:
    """Yield the JSON objects and lists in a text, the outermost that can be decoded."""
    at, left = 0, _READINGS_MAX * len(text)
    while left > 0 and (opening := _OPENING.search(text, at)):
        at = opening.start()
        try:
            value, end = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            left -= error.pos  # The error counts the lines before it.
            at += 1
        except RecursionError:
            return
        else:
            yield value
            at = end


def _items(values: Iterable[Any], *, depth: int = 5) -> list[dict[str, Any]]:
    """Return the items in these values: lists of them, objects around a list, or items alone."""
    found: list[dict[str, Any]] = []
    for value in values if depth else ():
        if isinstance(value, list):
            found += _items(value, depth=depth - 1)
        elif isinstance(value, dict):
            plain = {_folded(name): inner for name, inner in value.items()}
            if "id" in plain and "items" not in plain:
                found.append(plain)
            else:
                found += _items(value.values(), depth=depth - 1) + _by_id(value)
    return found


def _by_id(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the items of an object whose names are ids and whose values are mentions."""
    return [
        {"id": name, "mentions": said}
        for name, said in value.items()
        if _ID.fullmatch(name) and isinstance(said, list)
    ]


def _number(name: object) -> tuple[str, int]:
    """Return letter and number of an id as a model spells it; a number of -1 for none."""
    if isinstance(name, bool) or not isinstance(name, (str, int, float)):
        return "", -1
    text = str(int(name)) if isinstance(name, float) and name.is_integer() else str(name)
    match = _ID.fullmatch(text)
    return (match[1], int(match[2])) if match else ("", -1)


def _folded(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
