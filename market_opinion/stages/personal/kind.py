"""One kind of personal data: how it is found, what takes its place, and examples that hold it."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

USER, EMAIL, PHONE, LINK = "[user]", "[email]", "[phone]", "[link]"
NUMBER, PLACE = "[number]", "[place]"
MASKS = (USER, EMAIL, PHONE, LINK, NUMBER, PLACE)

# Stands for the mask in a step's replacement, and for nothing in particular where it keeps a step
# from seeing a word; no keyboard writes either.
HERE, GLUE = "\ue0a8", "\ue0a7"

Step = tuple[str, str]
Spans = Callable[[str], Iterator[tuple[int, int]]]


class Kind(NamedTuple):
    """A row of the table of kinds.

    `guard` is a quick look that spares most texts the detectors: it matches every text that they
    would change. `hint`, if there is one, matches every text that the guard matches, and takes its
    place where the guards of all kinds are looked for in one pass, which a pattern that goes on
    from word to word would slow. `words`, in lower case and looked for apart and faster than any
    pattern, are for what the hint leaves out: each text that the guard matches has one of them, or
    matches the hint. `steps` are detectors of the `regex` crate: linear in the text, and without a
    look around, so that a pattern keeps by `$1` what stands beside. `spans` finds what no pattern
    can tell, such as a check digit, after the steps. `example` holds `hidden`, which a mask takes
    the place of; nothing of `counterexample` is taken.
    """

    name: str
    mask: str
    guard: str
    steps: tuple[Step, ...]
    example: str
    hidden: str
    counterexample: str
    spans: Spans | None = None
    hint: str | None = None
    words: tuple[str, ...] = ()
