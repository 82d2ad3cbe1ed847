"""The rules' knowledge of English: VADER, and the words of domain.toml.

VADER: C.J. Hutto and E. Gilbert, ICWSM 2014. A domain's own words of praise and complaint stand
beside VADER's.
"""

import math
import re
import string
from collections.abc import Sequence
from functools import cached_property

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from market_opinion.domain.definition import Domain
from market_opinion.scorers.clauses import Clause, Cue, CueFinder, clauses_of
from market_opinion.scorers.targets import is_compared
from market_opinion.stages.naming import flatten

_STRONG = 3.0
# What is asked, wished, supposed, or told of others.
_UNREAL = re.compile(
    r"\b(?:if|unless|would (?:be|have|love|like|buy|get)|wish|hope|hopefully|imagine|should|could"
    r"|might|planning|thinking (?:of|about)|waiting for|rumou?rs?|supposedly|apparently|expect"
    r"|let me know|anyone know|claim(?:s|ed)?|advertis(?:es|ed)|nobody (?:said|says)"
    r"|do(?:n't| not|nt) (?:think|believe))\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"\?\s*$")
# A sentence that asks for a yes, or that hopes: its praise is of nothing that is there.
_ASKED = re.compile(
    r"^\W*(?:(?:so|and|but|ok|okay|hey)\W+)?(?:"
    r"(?:is|are|was|were|does|do|did|has|have|can|will)\b(?! (?:it|this) just me\b).*\?\W*$"
    r"|(?:is|are|how is|how are|how's)\b.*\bany good\b"
    r"|(?:anyone|anybody) know\b|(?:i )?(?:really )?hope(?! (?:this|that|it) helps)\b"
    r"|hopefully\b|imagine\b)"
    r"|\b(?:wondering|let me know|tell me|not sure|unsure) (?:if|whether)\b",
    re.IGNORECASE | re.DOTALL,
)
# Turns of phrase whose words mean otherwise alone, in words that VADER reads rightly.
_TURNS = [
    (re.compile(turn, re.IGNORECASE), plain)
    for turn, plain in (
        (r"\bnot (?:only|just|merely)\b", ""),
        (r"\b(?:can't|can not|cannot|couldn't) ((?:\w+ ){1,6}?enough)\b", r"gladly \1"),
        (r"\b(?:hardly|far from|anything but|nowhere near|no longer)\b", "not"),
        (r"\bfree (?:of|from)\b", "no"),
    )
]
_MAY_TURN = re.compile(
    r"not |enough|hardly|far from|anything|nowhere|no longer|free ", re.IGNORECASE
)
# Laughter, which goes with mockery as often as with joy.
_LAUGHTER = "\U0001f602\U0001f923"


def is_asked(sentence: str) -> bool:
    """Return whether a sentence asks for a yes or hopes, so that its praise says nothing."""
    return bool(_ASKED.search(sentence))


class English:
    """The wording of English in one domain."""

    leaves_compared = False

    def __init__(self, domain: Domain) -> None:
        """Compile the domain's cues and its words of praise and complaint."""
        self._domain = domain
        self._cues = CueFinder(domain)
        self._phrases = {
            phrase: phrase.replace(" ", "_")
            for phrase in (*domain.polarity.praise, *domain.polarity.complaint)
            if " " in phrase
        }
        self._phrase = (
            re.compile(
                rf"\b(?:{'|'.join(map(re.escape, sorted(self._phrases, key=len, reverse=True)))})\b"
            )
            if self._phrases
            else None
        )
        self._turned = {aspect: dict(words) for aspect, words in domain.polarity.turned.items()}

    @cached_property
    def _vader(self) -> SentimentIntensityAnalyzer:
        analyser = SentimentIntensityAnalyzer()
        polarity = self._domain.polarity
        for sign in _LAUGHTER:
            analyser.emojis.pop(sign, None)
        for word in polarity.neutral:
            analyser.lexicon.pop(word, None)
        analyser.lexicon |= {word.replace(" ", "_"): _STRONG for word in polarity.praise}
        analyser.lexicon |= {word.replace(" ", "_"): -_STRONG for word in polarity.complaint}
        return analyser

    def cues(self, text: str) -> list[Cue]:
        """Return where words of aspects stand, in the order of the text."""
        return self._cues.find(text)

    def clauses(self, text: str, cues: Sequence[Cue]) -> list[Clause]:
        """Return the clauses of a text in their order."""
        del cues
        return clauses_of(text)

    def aspects(self, text: str, cues: Sequence[Cue]) -> dict[str, int]:
        """Return the aspects that a clause with these cues judges, and where each stands."""
        del text
        return {cue.aspect: cue.start for cue in reversed(cues)}

    def polarity(self, clause: str, aspect: str | None = None, near: int | None = None) -> float:
        """Return the compound score of a clause, in [-1, 1], by the words of the aspect.

        Without a word of its lexicon VADER arrives at zero after some work, which a look at the
        words saves; emoji are words to VADER as well.
        """
        del near
        text = flatten(clause) if self._phrase else clause
        if self._phrase:
            joined = self._phrase.sub(lambda match: self._phrases[match.group()], text)
            text = joined if joined != text else clause
        if _MAY_TURN.search(text):
            for turn, plain in _TURNS:
                text = turn.sub(plain, text)
        known = self._vader.lexicon
        words = [word.strip(string.punctuation) for word in text.lower().split()]
        turned = sum(self._turned.get(aspect or "", {}).get(word, 0) for word in words)
        if turned:
            return math.copysign(0.5, turned)
        if text.isascii() and not any(word in known for word in (*words, *text.lower().split())):
            return 0.0
        return float(self._vader.polarity_scores(text)["compound"])

    def is_unreal(self, sentence: str) -> bool:
        """Return whether a sentence asks, wishes, supposes, or hands on what others say."""
        return any(form.search(sentence) for form in (_QUESTION, _UNREAL, _ASKED))

    def is_compared(self, text: str, start: int, end: int) -> bool:
        """Return whether `[start, end)`, before a name, compares another product with it."""
        return is_compared(text, start, end)
