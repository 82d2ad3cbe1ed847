r"""Lines of the corpus: texts in which personal data is marked, as `«email|mila@example.org»`.

A line break within a text is written as `\n`.
"""

import random
import re
from pathlib import Path
from typing import NamedTuple

PARTS = ("held_out", "development", "strangers")

_FOLDER = Path(__file__).resolve().parent
_MARK = re.compile(r"«([a-z_]+)\|([^»]*)»")
# A part of a hidden string that is this long tells something of it; shorter ones are words like
# "at" and the numbers of other things.
_TELLING = re.compile(r"[^\W_]{4,}")
# What mutations put into a text: signs, look-alikes, and words that detectors look for.
_SIGNS = "0123456789 .,-@/:()[]#_'\n+°ßÉéÀabcXYZ\u00a0\u200b\u2460\u0663\u017f\u212a%&<>*`"
_CUES = (
    *("my name is ", "call me ", "Best, ", "Regards, ", "thanks\n", "I'm ", "this is ", "here"),
    *("discord ", "telegram: ", "signal me ", "gamertag ", "add me at ", " on steam", "@", "u/"),
    *("Street", "St ", "rue ", "gasse 4", "Calle Mayor 5", "PO Box 12", "lat is ", "N ", "1:"),
    *("dot", " at ", "[at]", "(dot)", "www.", "http://", "passport ", "SÉCU ", "IMEI ", "IBAN "),
    *("Élodie ", "Øst ", "Karl "),
)


class Hidden(NamedTuple):
    """A string that has to go, with its kind: the name of a row of `personal.KINDS`."""

    kind: str
    string: str


class Line(NamedTuple):
    """A text as its writer would send it, and what is personal in it; nothing in product talk."""

    text: str
    hidden: tuple[Hidden, ...]

    def leaks(self, cleaned: str) -> list[Hidden]:
        """Return what is hidden in the line and is left, be it in part, in the cleaned text."""
        beside = self.text
        for hidden in self.hidden:
            beside = beside.replace(hidden.string, " ")
        return [
            hidden
            for hidden in self.hidden
            if any(
                part in cleaned.lower() and part not in beside.lower()
                for part in _parts(hidden.string)
            )
        ]


def _parts(string: str) -> list[str]:
    lower = string.lower()
    return [lower, *_TELLING.findall(lower)]


def read_half(name: str) -> list[Line]:
    """Return the lines of a part: one of `PARTS`."""
    text = (_FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    lines = [line.replace("\\n", "\n") for line in text.splitlines()]
    return [
        Line(
            _MARK.sub(r"\2", line),
            tuple(Hidden(kind, string) for kind, string in _MARK.findall(line)),
        )
        for line in lines
    ]


def mutated(number: int, *, seed: int) -> list[str]:
    """Return that many texts: lines of all parts, cut, joined and with signs in odd places."""
    chance = random.Random(seed)
    texts = [line.text for half in PARTS for line in read_half(half)]
    return [_mutation(texts, chance) for _ in range(number)]


def _mutation(texts: list[str], chance: random.Random) -> str:
    text = chance.choice(texts)
    if chance.random() < 0.3:
        other = chance.choice(texts)
        text = text[: chance.randint(0, len(text))] + other[chance.randint(0, len(other)) :]
    for _ in range(chance.randint(1, 4)):
        place = chance.randint(0, len(text))
        before, sign, after = text[:place], text[place : place + 1], text[place + 1 :]
        text = chance.choice(
            (
                before + chance.choice(_SIGNS) + sign + after,
                before + chance.choice(_SIGNS) + after,
                before + chance.choice(_CUES) + sign + after,
                before + sign.swapcase() + after,
                before + after,
                before + (sign + after).title(),
                text.upper(),
            )
        )
    return text
