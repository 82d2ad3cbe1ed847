"""The rules' knowledge of a language: cues, clauses, tones, suppositions and comparisons.

English is `english.English`, with VADER; an added language is `Added`, the data of its file.
"""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from market_opinion.domain.definition import Domain
from market_opinion.domain.phrases import Found, Phrases, Word, fold, tokens, words_of
from market_opinion.scorers.clauses import Clause, Cue, Span, clauses_of

# As VADER's: a denied word counts less, and sums of any size come to lie within 1.
_DENIED, _STRENGTHENED, _WEAKENED = -0.74, 1.3, 0.6
_ALPHA = 15
_TURNED = 2.0
# How many words off a word may deny, or change, another one.
_DENIES_AFTER, _DENIES_BEFORE, _CHANGES = 4, 2, 2
_COMPARES = 5
# How many words from a cue a word may judge its aspect.
_REACH = 8
_STOPS = re.compile(r"[,;:()]")
_PHRASE_MAX = 5


_NO_PHRASE: Phrases[Any] = Phrases({})


class Wording(Protocol):
    """Answers that rules ask of a language, for texts of one domain.

    `leaves_compared` tells whether a text that compares a product with another one goes on to speak
    of the first.
    """

    leaves_compared: bool

    def cues(self, text: str) -> list[Cue]:
        """Return where words of aspects stand, in the order of the text."""

    def clauses(self, text: str, cues: Sequence[Cue]) -> list[Clause]:
        """Return the clauses of a text in their order."""

    def aspects(self, text: str, cues: Sequence[Cue]) -> dict[str, int]:
        """Return the aspects that a clause with these cues judges, and where each stands."""

    def polarity(self, clause: str, aspect: str | None = None, near: int | None = None) -> float:
        """Return the tone of a clause in [-1, 1], by the words of the aspect.

        `near` is the character at which the aspect's cue stands.
        """

    def is_unreal(self, sentence: str) -> bool:
        """Return whether a sentence asks, wishes, supposes, or hands on what others say."""

    def is_compared(self, text: str, start: int, end: int) -> bool:
        """Return whether `[start, end)`, before a name, compares another product with it."""


class _Tone(NamedTuple):
    """A phrase that praises or blames, or (without a weight) one that changes others."""

    weight: float = 0.0
    is_denying: bool = False
    is_denying_after: bool = False
    factor: float = 1.0


class Added:
    """The wording of one added language of a domain."""

    leaves_compared = True

    def __init__(self, domain: Domain, code: str) -> None:
        """Compile the language's file."""
        language = domain.added_languages[code]
        self._overall = domain.overall_aspect
        aspects: dict[str, str | None] = {
            cue: name for name, cues in language.cues.items() for cue in cues
        }
        self._cues = Phrases(aspects | dict.fromkeys(language.meaning.no_cues))
        tones, said = language.polarity, language.sentences
        factors = dict.fromkeys(tones.strengthening, _STRENGTHENED)
        factors |= dict.fromkeys(tones.weakening, _WEAKENED)
        self._tones = Phrases(
            {each: _Tone(is_denying=True) for each in tones.denying}
            | {each: _Tone(is_denying=True, is_denying_after=True) for each in tones.denying_after}
            | dict.fromkeys(tones.not_denying, _Tone())
            | {each: _Tone(factor=factor) for each, factor in factors.items()}
            | {
                each: _Tone(weight, factor=factors.get(each, 1.0))
                for each, weight in language.weights().items()
            }
        )
        self._turned = {aspect: Phrases(words) for aspect, words in tones.turned.items()}
        self._cuts = Phrases(
            dict.fromkeys(said.joining, False) | dict.fromkeys(said.contrasting, True)
        )
        self._supposing = _as_pattern(said.supposing)
        self._asking = _as_pattern(said.asking)
        self._than = frozenset(map(tokens, said.than))
        self._beside = frozenset(map(tokens, said.beside))
        self._articles = frozenset(map(fold, said.articles))
        self._comparatives = Phrases(dict.fromkeys(said.comparatives, True))

    def cues(self, text: str) -> list[Cue]:
        """Return where words of aspects stand, in the order of the text."""
        words = words_of(text)
        return [
            Cue(words[found.first].start, words[found.last - 1].end, found.value)
            for found in self._cues.find(words)
            if found.value
        ]

    def clauses(self, text: str, cues: Sequence[Cue]) -> list[Clause]:
        """Return the clauses of a text in their order.

        A sentence is cut at words of contrast, and where both parts have a cue and a tone at
        commas and words that join, too.
        """
        return clauses_of(text, lambda text, sentence: iter(self._cut(text, sentence, cues)))

    def _cut(self, text: str, sentence: Span, cues: Sequence[Cue]) -> list[Span]:
        words = words_of(text[sentence.start : sentence.end])
        places = [
            *((Span(words[f.first].start, words[f.last - 1].end), f.value)
              for f in self._cuts.find(words)),
            *((Span(*m.span()), m.group() in ";—–")
              for m in re.finditer(r"[,;—–]", text[sentence.start : sentence.end])),
        ]  # fmt: skip
        at = sentence.start
        moved = sorted((Span(s.start + at, s.end + at), is_sure) for s, is_sure in places)
        ends = [span.start for span, is_sure in moved if is_sure] + [sentence.end]
        kept: list[Span] = []
        for span, is_sure in moved:
            stop = next(end for end in ends if end > span.start or end == sentence.end)
            before, after = Span(at, span.start), Span(span.end, stop)
            if is_sure or (self._judges(text, before, cues) and self._judges(text, after, cues)):
                kept.append(span)
                at = span.end
        return kept

    def _judges(self, text: str, span: Span, cues: Sequence[Cue]) -> bool:
        return any(span.start <= cue.start < span.end for cue in cues) and bool(
            self.polarity(text[span.start : span.end])
        )

    def aspects(self, text: str, cues: Sequence[Cue]) -> dict[str, int]:
        """Return the aspects that a clause with these cues judges, and where each stands.

        A clause that judges one side of a product is not about the whole of it as well, and one
        that names a side is about that: "the screen is beautiful" judges no design.
        """
        nouns = [cue for cue in cues if not self.polarity(text[cue.start : cue.end])]
        is_of_side = any(cue.aspect != self._overall for cue in nouns)
        found = {cue.aspect: cue.start for cue in reversed(nouns if is_of_side else cues)}
        if len(found) > 1:
            found.pop(self._overall, None)
        return found

    def polarity(self, clause: str, aspect: str | None = None, near: int | None = None) -> float:
        """Return the tone of a clause in [-1, 1], by the words of the aspect.

        With `near`, words that stand far from the aspect's cue do not count.
        """
        words = words_of(clause)
        weighed: list[tuple[Found[Any], float]]
        found = _of_one_role(self._tones.find(words))
        cue = next((n for n, word in enumerate(words) if near is not None and word.end > near), 0)
        changed = self._turned.get(aspect or "", _NO_PHRASE).find(words)
        weighed = [(each, _TURNED * each.value) for each in changed]
        weighed = weighed or [(each, each.value.weight) for each in found if each.value.weight]
        total = sum(
            weight * self._factor(clause, words, found, (each.first, each.last))
            for each, weight in weighed
            if near is None or -_REACH <= each.first - cue <= _REACH
        )
        return total / math.sqrt(total * total + _ALPHA)

    def _factor(
        self,
        clause: str,
        words: Sequence[Word],
        tones: Sequence[Found[_Tone]],
        place: tuple[int, int],
    ) -> float:
        """Return what the words around `[first, last)` make of its weight."""
        (first, last), factor, is_denied = place, 1.0, False
        for other in tones:
            before, after = first - other.last, other.first - last
            if before >= 0:
                gap = clause[words[other.last - 1].end : words[first].start]
            elif after >= 0:
                gap = clause[words[last - 1].end : words[other.first].start]
            else:
                continue
            if _STOPS.search(gap):
                continue
            if 0 <= before <= _CHANGES:
                factor *= other.value.factor
            is_denied |= other.value.is_denying and 0 <= before < _DENIES_AFTER
            is_denied |= other.value.is_denying_after and 0 <= after < _DENIES_BEFORE
        return factor * (_DENIED if is_denied else 1)

    def is_unreal(self, sentence: str) -> bool:
        """Return whether a sentence asks, wishes, supposes, or hands on what others say."""
        lower = sentence.lower().strip()
        begins = self._asking.search(lower) if self._asking else None
        return (
            lower.endswith("?")
            or bool(begins and not re.search(r"\w", lower[: begins.start()]))
            or bool(self._supposing and self._supposing.search(lower))
        )

    def is_compared(self, text: str, start: int, end: int) -> bool:
        """Return whether `[start, end)`, before a name, compares another product with it."""
        words = words_of(text[start:end])
        while words and words[-1].text in self._articles:
            words.pop()
        if _ending(words, self._beside):
            return True
        length = _ending(words, self._than)
        before = words[: len(words) - length][-_COMPARES:]
        return bool(length) and any(self._comparatives.find(before))


def _of_one_role(found: Iterable[Found[_Tone]]) -> list[Found[_Tone]]:
    """Return tones, of which each either judges or changes the next: "bien", "bien caro"."""
    places = list(found)
    follows = {each.first for each in places if each.value.weight}
    return [
        each._replace(value=each.value._replace(weight=0.0))
        if each.value.factor != 1 and each.last in follows
        else each._replace(value=each.value._replace(factor=1.0))
        if each.value.weight
        else each
        for each in places
    ]


def _ending(words: Sequence[Word], phrases: frozenset[tuple[str, ...]]) -> int:
    """Return the length of the longest of the phrases that words end with; 0 for none."""
    last = tuple(word.text for word in words[-_PHRASE_MAX:])
    lengths = (n for n in range(len(last), 0, -1) if last[-n:] in phrases)
    return next(lengths, 0)


def _as_pattern(phrases: Sequence[str]) -> re.Pattern[str] | None:
    """Return a pattern of phrases with their accents, in lower case; None for no phrase."""
    if not phrases:
        return None
    longest = sorted(map(str.lower, phrases), key=len, reverse=True)
    escaped = (re.escape(each).replace(r"\*", r"\w*").replace(r"\ ", r"\s+") for each in longest)
    return re.compile(rf"\b(?:{'|'.join(escaped)})\b")
