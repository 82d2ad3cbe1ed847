"""Personal data in texts: `KINDS` has a row a kind, with its detector, mask and examples.

Detectors see a text after its markup is gone and after full-width signs and other scripts' digits
became ASCII. For example, `telegram: mila_e7` is `telegram: [user]`. Read `kind` first, then the
rows: `internet`, `people`, `places`, `numbers`, `secrets` and `phones`.
"""

from collections import Counter

import polars as pl

from market_opinion.stages.personal import internet, people, places
from market_opinion.stages.personal.kind import HERE, LINK, MASKS, USER, Kind
from market_opinion.stages.personal.numbers import (
    CARD_KIND,
    IBAN_KIND,
    IMEI_KIND,
    SOCIAL_NUMBER_KIND,
)
from market_opinion.stages.personal.phones import PHONE_KIND
from market_opinion.stages.personal.secrets import SECRET_KIND

__all__ = [
    "BY_SIGN",
    "BY_WORDS",
    "HERE",
    "KINDS",
    "LINK",
    "MARKERS",
    "MASKS",
    "SEEN",
    "SEEN_IN_WORDS",
    "USER",
    "WORDS",
    "Kind",
    "count_marks",
]

# Told by an @ or a slash: no plain character.
BY_SIGN: tuple[Kind, ...] = (
    internet.LINK_KIND,
    internet.EMAIL_KIND,
    internet.ACCOUNT_KIND,
    internet.MENTION_KIND,
)
# Told by words and digits; phones last, since other numbers look like them.
BY_WORDS: tuple[Kind, ...] = (
    SECRET_KIND,
    internet.SPOKEN_EMAIL_KIND,
    internet.HOST_KIND,
    people.HANDLE_KIND,
    people.NAME_KIND,
    IBAN_KIND,
    SOCIAL_NUMBER_KIND,
    IMEI_KIND,
    CARD_KIND,
    internet.NETWORK_ADDRESS_KIND,
    places.COORDINATES_KIND,
    places.STREET_KIND,
    PHONE_KIND,
)
KINDS = (*BY_SIGN, *BY_WORDS)
# Each kind's own sign stands in a text until all kinds were looked for, so that masks can be
# counted by kind; no keyboard writes one.
MARKERS = {
    name: chr(0xE0B0 + number)
    for number, name in enumerate([*(kind.name for kind in KINDS), "author"])  # by signatures.py
}

# A text without a match holds nothing that is told by words and digits, or nothing personal at all.
# Guards fold the case of ASCII alone, so that each is one fast pass over a text.
SEEN_IN_WORDS = "|".join(
    kind.guard if kind.hint is None else kind.hint
    for kind in BY_WORDS
    if kind not in {IMEI_KIND, CARD_KIND, SECRET_KIND}  # longer than phones, and told by words
)
WORDS = sorted({word for kind in KINDS for word in kind.words})
SEEN = "|".join((*dict.fromkeys(kind.guard for kind in BY_SIGN), SEEN_IN_WORDS))


def count_marks(marks: pl.Series) -> dict[str, int]:
    """Return how often each kind's marker stands in the texts, for kinds that have one there."""
    counts = Counter("".join(marks.filter(marks != "")))
    return {name: counts[marker] for name, marker in MARKERS.items() if marker in counts}
