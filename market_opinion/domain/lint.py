"""What is allowed in a domain but will make its figures worse: names that mean other things too, aspects nobody would recognise."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from market_opinion.core.errors import DomainInvalid
from market_opinion.domain.definition import Domain, normalise
from market_opinion.domain.examples import read_question

_EVERYDAY = Path(__file__).parent / "everyday.txt"
_ALIAS_MIN_CHARACTERS = 3
# More everyday words in a row than these, or one with a number, hardly mean anything else than a name.
_SAID_TOGETHER_MAX = 2
_CUES_MIN = 4
_EXAMPLES_MIN = 12


class Finding(NamedTuple):
    """One thing to look at: the file it is in, what is wrong and what to do."""

    file: str
    text: str


@functools.cache
def everyday_words() -> frozenset[str]:
    """Words that people use without meaning a product."""
    lines = _EVERYDAY.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def needs_brand(alias: str) -> bool:
    """Whether a normalised alias means nothing by itself: hardly a letter, numbers, or one or two everyday words."""
    words = alias.split()
    is_bare = all(word.isdigit() or len(word) == 1 for word in words)
    is_said = len(words) <= _SAID_TOGETHER_MAX and all(word in everyday_words() for word in words)
    return len(alias) < _ALIAS_MIN_CHARACTERS or is_bare or is_said


def lint(domain: Domain, domains_path: Path) -> Iterator[Finding]:
    """Everything worth a look, in order of its file; an empty domain of findings is a good one, not a perfect one."""
    yield from _aspects(domain)
    yield from _aliases(domain)
    yield from _examples(domain, domains_path)


def _aspects(domain: Domain) -> Iterator[Finding]:
    for name, aspect in domain.aspects.items():
        if len(aspect.cues) < _CUES_MIN and not aspect.is_overall:
            text = f"aspects.{name} has {len(aspect.cues)} cues: add the words people use for {aspect.title.lower()}, at least {_CUES_MIN}"
            yield Finding("domain.toml", text)
    for name, brand in domain.brands.items():
        if not brand.cues:
            yield Finding(
                "domain.toml",
                f"brands.{name} has no cues, so its short aliases are never believed: add what it is called",
            )


def _aliases(domain: Domain) -> Iterator[Finding]:
    cues = {normalise(cue): name for name, aspect in domain.aspects.items() for cue in aspect.cues}
    for alias in domain.aliases():
        if not alias.needs_brand and needs_brand(alias.alias):
            yield Finding(
                "products.csv",
                f"alias {alias.alias!r} of {alias.product_id} is said without meaning it: write ~{alias.alias}",
            )
        if alias.alias in cues:
            yield Finding(
                "products.csv",
                f"alias {alias.alias!r} of {alias.product_id} is also a cue of aspect {cues[alias.alias]}: keep one",
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
            f"{len(examples)} examples: a model learns from {_EXAMPLES_MIN} or more, hard ones above all",
        )
