"""Sentences and clauses of a text, and where words of its domain's aspects stand in them."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from market_opinion.domain.definition import Domain, normalise
from market_opinion.stages.naming import flatten

_SENTENCE = re.compile(r"[^\n.!?]+(?:[.!?](?!\s|$)[^\n.!?]*)*[.!?]*")
_CONTRAST = re.compile(
    r"(?:[;—–]|,? (?:but|however|although|though|whereas|while|yet|except)\b"
    r"|, (?:and|while)\b)\s*+",
    re.IGNORECASE,
)
# A quick look that spares most sentences the careful one.
_MAY_CONTRAST = re.compile(r"[;—–]|but|owever|hough|whereas|while|yet|except|, and", re.IGNORECASE)
_NO_WORD = re.compile(r"[^\w+ ]|_")


class Span(NamedTuple):
    """A stretch of a text, `[start, end)` in characters."""

    start: int
    end: int


# What parts the clauses of a sentence, as spans that belong to none.
Cuts = Callable[[str, Span], Iterator[Span]]


class Clause(NamedTuple):
    """One clause, the sentence it is part of, and its number among those of the text."""

    span: Span
    sentence: Span
    number: int


class Cue(NamedTuple):
    """One place where a word of an aspect stands."""

    start: int
    end: int
    aspect: str


def clauses_of(text: str, cuts: Cuts | None = None) -> list[Clause]:
    """Return the clauses of a text in their order; empty for a text without a letter.

    `cuts` yields what parts the clauses of a sentence; without it that is a word of contrast.
    """
    found: list[Clause] = []
    for match in _SENTENCE.finditer(text):
        sentence = Span(*match.span())
        for span in _parts(text, sentence, cuts or _contrasts):
            found.append(Clause(span, sentence, len(found)))
    return found


def _contrasts(text: str, sentence: Span) -> Iterator[Span]:
    if _MAY_CONTRAST.search(text, *sentence):
        yield from (Span(*match.span()) for match in _CONTRAST.finditer(text, *sentence))


def _parts(text: str, sentence: Span, cuts: Cuts) -> Iterator[Span]:
    """Yield the parts of a sentence between cuts, without the spaces at their ends."""
    start, end = sentence
    for cut in [*cuts(text, sentence), None]:
        stop = cut.start if cut else end
        stripped = text[start:stop].strip()
        if stripped:
            first = text.index(stripped, start)
            yield Span(first, first + len(stripped))
        start = cut.end if cut else stop


class CueFinder:
    """Finds the words of a domain's aspects in texts, but for phrases that only sound like them."""

    def __init__(self, domain: Domain) -> None:
        """Compile the cues; of two that begin in one place the longer counts."""
        self._aspect_of: dict[str, str | None] = {
            normalise(cue): name for name, aspect in domain.aspects.items() for cue in aspect.cues
        }
        self._aspect_of |= {normalise(phrase): None for phrase in domain.meaning.no_cues}
        self._longer: dict[str, list[str]] = {}
        for cue in sorted(self._aspect_of, key=len, reverse=True):
            first, is_longer, _ = cue.partition(" ")
            self._longer.setdefault(first, []).extend([f"{cue} "] if is_longer else [])

    def find(self, text: str) -> list[Cue]:
        """Return where cues stand as whole words, in the order of the text."""
        flat = _NO_WORD.sub(" ", flatten(text))
        padded, at, end = f"{flat} ", 0, 0
        found: list[Cue] = []
        for word in flat.split(" "):
            if word in self._longer and at >= end:
                cue = next(
                    (each for each in self._longer[word] if padded.startswith(each, at)), word
                )
                name = cue.rstrip()
                if name in self._aspect_of:
                    end = at + len(name)
                    if aspect := self._aspect_of[name]:
                        found.append(Cue(at, end, aspect))
            at += len(word) + 1
        return found
