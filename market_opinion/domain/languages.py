"""A domain's words in another language than that of domain.toml: its file languages/CODE.toml.

CODE is the language's ISO 639-3 code, as the detector names it. For example, a complete
languages/deu.toml::

    title = "German"
    common = ["ich", "nicht", "das"]

    [cues]
    battery = ["akku*", "hält den ganzen tag"]
    overall = ["handy", "zufrieden mit"]

    [meaning]
    own = ["mein handy", "meins"]
    product_words = ["handy", "handys"]

    [polarity]
    denying = ["nicht", "kein*"]
    strengthening = ["sehr"]
    [polarity.weights]
    3 = ["super", "hammer"]
    -2 = ["enttäusch*", "kein empfang"]

    [sentences]
    contrasting = ["aber", "jedoch"]
    supposing = ["wenn", "falls", "hoffentlich"]
    than = ["als"]
    comparatives = ["besser*", "schneller*"]

All words are compared without case and accents; `*` at the end of a word stands for any letters.
Names of products are those of products.csv in every language.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from market_opinion.core.errors import DomainInvalid
from market_opinion.domain.phrases import tokens
from market_opinion.domain.strict import Strict, read_toml

# Any word may begin with fewer letters by chance.
_STEM_MIN = 3
_STAR_WITHIN = re.compile(r"\*(?=\w)")

# Those that the detector tells apart, by their ISO 639-3 codes.
LANGUAGES = {
    "ara": "Arabic", "cmn": "Chinese", "deu": "German", "eng": "English", "fra": "French",
    "hin": "Hindi", "ita": "Italian", "jpn": "Japanese", "kor": "Korean", "nld": "Dutch",
    "por": "Portuguese", "rus": "Russian", "spa": "Spanish", "swe": "Swedish", "tur": "Turkish",
    "vie": "Vietnamese",
}  # fmt: skip

Phrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Weight = Annotated[float, Field(ge=-4, le=4)]


class Meanings(Strict):
    """Words that show what is meant.

    `own` refer to the product of the thread, as "my phone" does. `product_words`, `other_products`
    and `no_cues` are as in domain.toml. A bare number after a word of `before_model` is a model
    ("mein 14"), one before a word of `quantities` is none ("14 Stunden"); `listing` stand between
    two models. A word of `owned` before a maker's name shows that a product is meant. A name of the
    catalogue that is one of `not_names` is an ordinary word here, as "poco" in Spanish; `mi *`
    are all names that begin with the word.
    """

    own: tuple[Phrase, ...] = ()
    product_words: tuple[Phrase, ...] = ()
    other_products: tuple[Phrase, ...] = ()
    no_cues: tuple[Phrase, ...] = ()
    before_model: tuple[Phrase, ...] = ()
    quantities: tuple[Phrase, ...] = ()
    listing: tuple[Phrase, ...] = ()
    owned: tuple[Phrase, ...] = ()
    not_names: tuple[Phrase, ...] = ()


class Tones(Strict):
    """Words that praise or blame, by their weight from -4 to 4, and what changes the weight.

    Words of `denying` turn the sign of what follows in a few words, those of `denying_after` also
    of what stands before them ("gefällt mir nicht"); phrases of `not_denying` hold such a word and
    deny nothing ("nicht nur"). `strengthening` and `weakening` stand before the word that they
    change. `turned` are words whose sign depends on the aspect.
    """

    weights: dict[Weight, tuple[Phrase, ...]]
    denying: tuple[Phrase, ...] = ()
    denying_after: tuple[Phrase, ...] = ()
    not_denying: tuple[Phrase, ...] = ()
    strengthening: tuple[Phrase, ...] = ()
    weakening: tuple[Phrase, ...] = ()
    turned: dict[str, dict[Phrase, Literal[-1, 1]]] = Field(default_factory=dict)


class Sentences(Strict):
    """Words that tell what a sentence does.

    A sentence is cut before words of `contrasting`, and before those of `joining` where both parts
    have a cue. One with a phrase of `supposing` wishes, supposes or hands on what others say; one
    that begins with a phrase of `asking` asks without a question mark. A name after a word of
    `than` is what another product is compared with, if a word of `comparatives` stands before;
    after a phrase of `beside` it always is. `articles` may stand between these and the name.
    """

    contrasting: tuple[Phrase, ...] = ()
    joining: tuple[Phrase, ...] = ()
    supposing: tuple[Phrase, ...] = ()
    asking: tuple[Phrase, ...] = ()
    than: tuple[Phrase, ...] = ()
    comparatives: tuple[Phrase, ...] = ()
    beside: tuple[Phrase, ...] = ()
    articles: tuple[Phrase, ...] = ()


class Language(Strict):
    """Content of one file; `common` are words that show that a short text is in the language."""

    title: Phrase
    common: tuple[Phrase, ...] = Field(min_length=1)
    cues: dict[str, tuple[Phrase, ...]] = Field(min_length=1)
    meaning: Meanings = Meanings()
    polarity: Tones
    sentences: Sentences = Sentences()

    def weights(self) -> dict[str, float]:
        """Return the weight of each word or phrase that praises or blames."""
        return {
            phrase: weight
            for weight, phrases in self.polarity.weights.items()
            for phrase in phrases
        }


def read_languages(folder: Path) -> dict[str, Language]:
    """Return the languages of a domain's folder by their codes; empty where it has none.

    Raises DomainInvalid, which names file and rule.
    """
    return {path.stem: _read(path) for path in language_files(folder)}


def language_files(folder: Path) -> list[Path]:
    """Return the files of languages in a domain's folder, in alphabetical order."""
    return sorted((folder / "languages").glob("*.toml"))


def _read(path: Path) -> Language:
    if path.stem not in LANGUAGES:
        message = f"{path}: name the file for a language that is detected: {', '.join(LANGUAGES)}"
        raise DomainInvalid(message)
    return read_toml(path, Language)


def problems(language: Language, aspects: Mapping[str, object]) -> Iterator[str]:
    """Yield what would make a judgement ambiguous, for a domain with these aspects."""
    for name in sorted({*language.cues, *language.polarity.turned} - set(aspects)):
        yield f"there is no aspect {name} in domain.toml"
    yield from _shared("cue", language.cues)
    by_weight = {f"{weight:g}": each for weight, each in language.polarity.weights.items()}
    yield from _shared("word", by_weight)
    for phrase in _phrases(language):
        if not tokens(phrase.removesuffix(" *")):
            yield f"{phrase!r} has no letter or digit"
        elif _STAR_WITHIN.search(phrase):
            yield f"{phrase!r}: * may only end a word"
        short = [each for each in tokens(phrase) if each.endswith("*") and len(each) <= _STEM_MIN]
        if short:
            yield f"{phrase!r}: give at least {_STEM_MIN} letters before *"


def _shared(kind: str, groups: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the phrases that stand in two groups."""
    owners: dict[tuple[str, ...], str] = {}
    for name, phrases in groups.items():
        for phrase in phrases:
            if (owner := owners.setdefault(tokens(phrase), name)) != name:
                yield f"{kind} {phrase!r} stands for both {owner} and {name}: keep one"


def _phrases(language: Language) -> Iterator[str]:
    """Yield every phrase of a language."""
    yield from language.common
    for phrases in language.cues.values():
        yield from phrases
    yield from language.weights()
    for part in (language.meaning, language.polarity, language.sentences):
        for phrases in part.model_dump(exclude={"weights", "turned"}).values():
            yield from phrases
