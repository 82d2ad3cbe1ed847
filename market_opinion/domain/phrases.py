"""Phrases of a language, and where they stand in a text: whole words, without case and accents.

`*` at the end of a word stands for any letters that follow: `akku*` is met in "Akkulaufzeit".
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

_WORD = re.compile(r"[^\W_]+")
_TOKEN = re.compile(r"[^\W_]+\*?")

T = TypeVar("T")


class Word(NamedTuple):
    """One word of a text, folded, at `[start, end)` in characters."""

    text: str
    start: int
    end: int


class Found(NamedTuple, Generic[T]):
    """A phrase in a text: the value that it stands for, and its words, `[first, last)`."""

    value: T
    first: int
    last: int


class _Phrase(NamedTuple, Generic[T]):
    words: tuple[str, ...]
    value: T


class Phrases(Generic[T]):
    """Finder of phrases; of several that begin with one word it finds the longest."""

    def __init__(self, values: Mapping[str, T]) -> None:
        """Sort the phrases by their first words; each stands for its value."""
        self._exact: dict[str, list[_Phrase[T]]] = {}
        self._stems: dict[str, list[_Phrase[T]]] = {}
        phrases = [_Phrase(tokens(phrase), value) for phrase, value in values.items()]
        for phrase in sorted(phrases, key=lambda each: _length(each.words), reverse=True):
            first = phrase.words[0]
            by_first = self._stems if first.endswith("*") else self._exact
            by_first.setdefault(first.rstrip("*"), []).append(phrase)
        self._stem_lengths = sorted({len(stem) for stem in self._stems}, reverse=True)

    def find(self, words: Sequence[Word]) -> Iterator[Found[T]]:
        """Yield the phrases among words, in their order; none shares a word with another."""
        at = 0
        while at < len(words):
            phrase = self._longest(words, at)
            if phrase is None:
                at += 1
                continue
            yield Found(phrase.value, at, at + len(phrase.words))
            at += len(phrase.words)

    def _longest(self, words: Sequence[Word], at: int) -> _Phrase[T] | None:
        first = words[at].text
        candidates = [*self._exact.get(first, ())]
        for length in self._stem_lengths:
            if length <= len(first):
                candidates += self._stems.get(first[:length], ())
        fitting = (each for each in candidates if _fits(each.words, words, at))
        return max(fitting, key=lambda each: _length(each.words), default=None)


def words_of(text: str) -> list[Word]:
    """Return the words of a text, folded."""
    return [Word(m.group(), m.start(), m.end()) for m in _WORD.finditer(fold(text))]


def tokens(phrase: str) -> tuple[str, ...]:
    """Return the words of a phrase, folded, each with the `*` at its end where it has one."""
    return tuple(_TOKEN.findall(fold(phrase)))


def fold(text: str) -> str:
    """Return the text in lower case without accents; every character keeps its place.

    For example, "Cámara" becomes "camara".
    """
    if text.isascii():
        return text.lower()
    return "".join(_folded(character) for character in text)


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    parts = unicodedata.normalize("NFKD", character)
    plain = parts[0].lower()
    is_one = len(plain) == 1 and all(map(unicodedata.combining, parts[1:]))
    return plain if is_one else character


def _fits(phrase: Sequence[str], words: Sequence[Word], at: int) -> bool:
    if at + len(phrase) > len(words):
        return False
    return all(
        word.text.startswith(token[:-1]) if token.endswith("*") else word.text == token
        for token, word in zip(phrase, words[at:], strict=False)
    )


def _length(phrase: Sequence[str]) -> tuple[int, int]:
    return len(phrase), sum(map(len, phrase))
