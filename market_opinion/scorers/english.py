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
    r"|might|planning|thinking (?:of|about)|waiting for|rumou?rs?|supposedly|apparently|expect)\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"\?\s*$")


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
        return bool(_QUESTION.search(sentence) or _UNREAL.search(sentence))

    def is_compared(self, text: str, start: int, end: int) -> bool:
        """Return whether `[start, end)`, before a name, compares another product with it."""
        return is_compared(text, start, end)
