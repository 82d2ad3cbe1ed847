r"""Lines of the corpus: texts in which personal data is marked, as `«email|mila@example.org»`.

A line break within a text is written as `\n`.
"""

import re
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).resolve().parent
_MARK = re.compile(r"«([a-z_]+)\|([^»]*)»")
# A part of a hidden string that is this long tells something of it; shorter ones are words like
# "at" and the numbers of other things.
_TELLING = re.compile(r"[^\W_]{4,}")


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
    """Return the lines of a half: `held_out` or `development`."""
    text = (_FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    lines = [line.replace("\\n", "\n") for line in text.splitlines()]
    return [
        Line(
            _MARK.sub(r"\2", line),
            tuple(Hidden(kind, string) for kind, string in _MARK.findall(line)),
        )
        for line in lines
    ]
