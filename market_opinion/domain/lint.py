"""Advice on a domain that is valid, but whose figures would be poor.

Examples are an alias that is an everyday word, and an aspect with too few cues to be recognised.
"""

import functools
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from market_opinion.core.errors import DomainInvalid
from market_opinion.domain.definition import Domain, normalise
from market_opinion.domain.examples import read_question
from market_opinion.domain.languages import Language
from market_opinion.domain.spellings import spellings_of

_EVERYDAY = Path(__file__).parent / "everyday.txt"
_ALIAS_MIN_CHARACTERS = 3
# Three everyday words in a row, or one of them with a number, hardly mean anything but a name.
_EVERYDAY_WORDS_MAX = 2
_CUES_MIN = 4
_EXAMPLES_MIN = 12


class Finding(NamedTuple):
    """One piece of advice: the file, the fault in it, and its correction."""

    file: str
    text: str


@functools.cache
def everyday_words() -> frozenset[str]:
    """Return the words that people use without meaning a product."""
    lines = _EVERYDAY.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def needs_brand(alias: str) -> bool:
    """Return whether a normalised alias needs its brand in sight.

    That is an alias of under three characters, of numbers and single letters only, or of one or
    two everyday words.
    """
    words = alias.split()
    is_bare = all(word.isdigit() or len(word) == 1 for word in words)
    is_everyday = len(words) <= _EVERYDAY_WORDS_MAX and all(
        word in everyday_words() for word in words
    )
    return len(alias) < _ALIAS_MIN_CHARACTERS or is_bare or is_everyday


def lint(domain: Domain, domains_path: Path) -> Iterator[Finding]:
    """Yield all findings, file by file; a domain without findings need not be perfect."""
    yield from _aspects(domain)
    yield from _languages(domain)
    yield from _aliases(domain)
    yield from _spellings(domain)
    yield from _examples(domain, domains_path)


def _aspects(domain: Domain) -> Iterator[Finding]:
    for name, aspect in domain.aspects.items():
        if len(aspect.cues) < _CUES_MIN and not aspect.is_overall:
            text = (
                f"aspects.{name} has {len(aspect.cues)} cues: add the words people use for"
                f" {aspect.title.lower()}, at least {_CUES_MIN}"
            )
            yield Finding("domain.toml", text)
    for name, brand in domain.brands.items():
        if not brand.cues:
            yield Finding(
                "domain.toml",
                f"brands.{name} has no cues, so its short aliases never count:"
                " add the names that people use for the brand",
            )


def _languages(domain: Domain) -> Iterator[Finding]:
    """Yield what an added language lacks, and its words that mean something else as well."""
    for code, language in domain.added_languages.items():
        for text in (*_lacking(domain, language), *_colliding(domain, language)):
            yield Finding(f"languages/{code}.toml", text)


def _lacking(domain: Domain, language: Language) -> Iterator[str]:
    for name, aspect in domain.aspects.items():
        count = len(language.cues.get(name, ()))
        if count < _CUES_MIN:
            text = f"{name} has {count} cues: add the words people use for {aspect.title.lower()}"
            yield f"{text}, at least {_CUES_MIN}"
    if not language.meaning.own:
        text = "meaning.own is empty, so a text that names no product is never judged"
        yield f'{text}: add what people say for "my phone"'


def _colliding(domain: Domain, language: Language) -> Iterator[str]:
    names = {alias.alias: alias.product_id for alias in domain.aliases() if not alias.needs_brand}
    firsts = {words[0] for words in spellings_of(domain).by_words}
    firsts |= {cue for brand in domain.brands.values() for cue in brand.cues}
    not_names = set(language.meaning.not_names)
    for word in sorted(not_names):
        if word.removesuffix(" *") not in firsts:
            yield f"not_names has {word!r}, which no product is called: leave it out"
    for word in language.common:
        if normalise(word) in everyday_words():
            yield f"common has {word!r}, which is an English word as well: leave it out"
    for phrase in (*language.weights(), *itertools.chain(*language.cues.values())):
        product_id = names.get(normalise(phrase))
        # What a phone is spoken of by may well be a side of it, as in English.
        if product_id and phrase not in not_names | _parts(domain):
            text = f"{phrase!r} is also an alias of {product_id}"
            yield f"{text}: keep one, or name it among not_names"


def _parts(domain: Domain) -> set[str]:
    return {normalise(each) for brand in domain.brands.values() for each in brand.company_names}


def _aliases(domain: Domain) -> Iterator[Finding]:
    cues = {normalise(cue): name for name, aspect in domain.aspects.items() for cue in aspect.cues}
    # What a phone is spoken of by may well be a side of it: "Siri is useless".
    parts = _parts(domain)
    for alias in domain.aliases():
        if not alias.needs_brand and needs_brand(alias.alias):
            yield Finding(
                "products.csv",
                f"alias {alias.alias!r} of {alias.product_id} is also used without meaning the"
                f" product: write ~{alias.alias}",
            )
        if alias.alias in cues and alias.alias not in parts:
            yield Finding(
                "products.csv",
                f"alias {alias.alias!r} of {alias.product_id} is also a cue of aspect"
                f" {cues[alias.alias]}: keep one",
            )


def _spellings(domain: Domain) -> Iterator[Finding]:
    """Yield derived spellings that two products share, which therefore name neither."""
    for spelling, first, second in sorted(spellings_of(domain).collisions):
        yield Finding(
            "products.csv",
            f"{spelling!r} may be {first} or {second}, so it names neither:"
            f" write it as an alias of one of them, ~{spelling}",
        )


def _examples(domain: Domain, domains_path: Path) -> Iterator[Finding]:
    try:
        _, examples = read_question(domain, domains_path)
    except DomainInvalid as error:
        yield Finding("examples.jsonl", str(error))
        return
    if len(examples) < _EXAMPLES_MIN:
        yield Finding(
            "examples.jsonl",
            f"{len(examples)} examples: add more, hard ones above all; a model needs at least"
            f" {_EXAMPLES_MIN}",
        )
