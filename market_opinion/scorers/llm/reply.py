"""Replies of a model: the JSON within whatever stands around it, checked item by item."""

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from market_opinion.domain.examples import Meant, Mention

# Line breaks within texts are let pass.
_DECODER = json.JSONDecoder(strict=False)
_OPENING = re.compile(r"[{\[]")
_ID = re.compile(r"\W*(?:(?:comment|item|text)[\W_]*)?(c?)0*(\d+)\W*", re.IGNORECASE)
# Other names of an item's id.
_ID_NAMES = ("commentid", "itemid", "textid")
# What is not JSON and yet is plain: texts in either quotes, and between them comments, spare
# commas, Python's words, and numbers with a plus or without a zero. A text without an end goes to
# the end of all, so that its quotes are read once.
_LOOSE = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<open>"(?:[^"\\]|\\.)*\\?\Z|'(?:[^'\\]|\\.)*\\?\Z)"""
    r"""|(?P<gone>//[^\n]*|,(?=\s*[\]}])|\+(?=[\d.]))"""
    r"""|(?P<word>\b(?:True|False|None)\b)|(?P<point>(?<![\w.])\.(?=\d))""",
    re.DOTALL,
)
_WORDS = {"True": "true", "False": "false", "None": "null"}
_BAD_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
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
        answer = _answer_of(content)
        found = next((items for items in _readings(answer, content) if items), [])
        if not found:
            message = "no JSON with items"
            raise ReplyInvalid(message)
        # Numbers that begin at 0 would shift every answer to the neighbour's text.
        is_shifted = any(_number(item.get("id")) == ("", 0) for item in found)
        for item in _gathered(found):
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
        said = item.get("mentions", item.get("opinions", "missing")) or []
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
        score = plain.get("score")
        return plain | {"score": score.replace(",", ".")} if isinstance(score, str) else plain


def _is_no_opinion(mention: dict[str, Any]) -> bool:
    label = mention.get("label")
    return isinstance(label, str) and _folded(label) == _NO_OPINION


def _answer_of(content: str) -> str:
    """Return the reply without the model's thoughts, which may hold drafts of it."""
    _, end, answer = content.rpartition("</think>")
    return answer if end else content.partition("<think>")[0]


def _readings(answer: str, content: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the items of a reply, read more loosely from one to the next."""
    yield _items(_values(answer))
    if answer != content:
        yield _items(_values(content))
    if answer.lstrip().startswith('"'):
        with suppress(json.JSONDecodeError):
            yield _items([json.loads(answer)])
    repaired = _repaired(answer)
    if repaired != answer:
        yield _items(_values(repaired))


def _repaired(text: str) -> str:
    """Return a text from its first bracket on with JSON for what is nearly JSON.

    For example, texts in single quotes, and a comma after the last member of a list.
    """
    if '"' not in text:
        text = html.unescape(text.translate(dict.fromkeys(map(ord, "\u201c\u201d"), '"')))
    opening = _OPENING.search(text)
    return _LOOSE.sub(_strict, text[opening.start() :]) if opening else ""


def _strict(match: re.Match[str]) -> str:
    """Return the JSON of one place that is not."""
    if match["open"]:
        return match[0]
    if match["text"] is None:
        return "" if match["gone"] else _WORDS.get(match[0], "0.")
    inner = match["text"][1:-1]
    if match["text"][0] == "'":
        inner = re.sub(r'(?<!\\)"', r"\"", inner)
    legal = _BAD_ESCAPE.sub(lambda each: each[0] if each[1] in '"\\/bfnrtu' else each[1], inner)
    return f'"{legal}"'


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
        elif isinstance(value, str) and "{" in value:
            found += _items(_values(value), depth=depth - 1)
        elif isinstance(value, dict):
            plain = {_folded(name): inner for name, inner in value.items()}
            own = next((plain[name] for name in _ID_NAMES if name in plain), None)
            if own is not None:
                plain.setdefault("id", own)
            if "id" in plain and "items" not in plain:
                found.append(plain)
            else:
                found += _items(value.values(), depth=depth - 1) + _by_id(value)
    return found


def _by_id(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the items of an object whose names are ids and whose values are mentions."""
    found = []
    for name, said in value.items():
        if _ID.fullmatch(name) and isinstance(said, list):
            found.append({"id": name, "mentions": said})
        elif _ID.fullmatch(name) and isinstance(said, dict) and "mentions" in said:
            found.append({"id": name, **said} if "id" not in said else {})
    return [item for item in found if item]


def _gathered(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the items, with one for each id whose items are bare mentions."""
    whole: list[dict[str, Any]] = []
    bare: dict[tuple[str, int], dict[str, Any]] = {}
    for item in items:
        if "mentions" in item or not {"productid", "aspect"} <= item.keys():
            whole.append(item)
            continue
        number = _number(item["id"])
        if number not in bare:
            bare[number] = {"id": item["id"], "mentions": []}
            whole.append(bare[number])
        bare[number]["mentions"].append(item)
    return whole


def _number(name: object) -> tuple[str, int]:
    """Return letter and number of an id as a model spells it; a number of -1 for none."""
    if isinstance(name, bool) or not isinstance(name, (str, int, float)):
        return "", -1
    text = str(int(name)) if isinstance(name, float) and name.is_integer() else str(name)
    match = _ID.fullmatch(text)
    return (match[1], int(match[2])) if match else ("", -1)


def _folded(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
