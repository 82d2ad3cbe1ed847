"""Spellings of product names, derived from a catalogue's aliases: plurals, glued words, short forms, models it lacks."""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from market_opinion.domain.definition import BRAND_ROW, Domain, Product, normalise

_NUMBER_WORDS = (
    "gen",
    "generation",
    "first",
    "second",
    "third",
    "fourth",
    "1st",
    "2nd",
    "3rd",
    "4th",
    "5th",
)
_GLUED_MIN_CHARACTERS = 5
_PLURAL_MIN_CHARACTERS = 3
# A bare number with one letter is a quantity as well: "12m".
_INITIALS_AFTER = {True: 2, False: 1}
_DIGIT = re.compile(r"\d")
_BOUNDARY = re.compile(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])")


class Strength(StrEnum):
    """How much has to stand around a spelling before it is believed."""

    FULL = "full"  # means the product wherever it stands
    BRAND = "brand"  # counts with the brand in sight
    NUMBER = (
        "number"  # a bare number: counts with the brand in sight and a word such as `my` before it
    )


class Spelling(NamedTuple):
    """One way to write a product, as normalised words.

    `is_other_model` marks the row of a brand that stands for a model which the catalogue lacks.
    """

    words: tuple[str, ...]
    product_id: str
    strength: Strength
    is_other_model: bool = False


class Spellings(NamedTuple):
    """Every spelling of a domain's products by its words, and what follows a model's name.

    `lengths` are the numbers of words of spellings that begin with a word, most first.
    """

    by_words: dict[tuple[str, ...], list[Spelling]]
    lengths: dict[str, list[int]]
    brand_of: dict[str, str]
    brand_row_of: dict[str, str]
    company_words: dict[str, frozenset[tuple[str, ...]]]
    line_words: dict[str, frozenset[str]]
    suffixes: dict[str, frozenset[str]]
    collisions: tuple[tuple[str, str, str], ...]


@lru_cache(maxsize=8)
def spellings_of(domain: Domain) -> Spellings:
    """Return the spellings of a domain.

    A spelling that is written in the catalogue wins over a derived one; a derived one that means two products, also with
    their brand in sight, is dropped and stands in `collisions` as (spelling, product, product).
    """
    written = list(_written(domain))
    known: dict[tuple[str, ...], Spelling] = {}
    for spelling in written:
        known.setdefault(spelling.words, spelling)
    derived: dict[tuple[tuple[str, ...], str], Spelling] = {}
    collisions: dict[tuple[tuple[str, ...], str], tuple[str, str, str]] = {}
    lines = _line_words(domain)
    mains, brands = _row_words(domain), {p.product_id: p.brand for p in domain.products}
    for spelling in itertools.chain.from_iterable(
        _derived(
            each,
            lines,
            mains.get(brands[each.product_id], frozenset()),
            is_brand_row=_is_brand_row(domain, each),
        )
        for each in written
    ):
        if spelling.words in known:
            continue
        # With the brand in sight, what means two products of different brands means one.
        owner = "" if spelling.strength is Strength.FULL else brands[spelling.product_id]
        place = spelling.words, owner
        other = derived.setdefault(place, spelling)
        if other.product_id != spelling.product_id:
            collisions[place] = (" ".join(spelling.words), other.product_id, spelling.product_id)
    kept = [*known.values(), *(s for place, s in derived.items() if place not in collisions)]
    by_words: dict[tuple[str, ...], list[Spelling]] = defaultdict(list)
    lengths: dict[str, set[int]] = defaultdict(set)
    for spelling in kept:
        by_words[spelling.words].append(spelling)
        lengths[spelling.words[0]].add(len(spelling.words))
    return Spellings(
        dict(by_words),
        {word: sorted(counts, reverse=True) for word, counts in lengths.items()},
        {product.product_id: product.brand for product in domain.products},
        {
            product.brand: product.product_id
            for product in domain.products
            if product.category == BRAND_ROW
        },
        {
            name: frozenset(tuple(normalise(each).split()) for each in brand.company_names)
            for name, brand in domain.brands.items()
        },
        lines,
        _suffixes(domain),
        tuple(collisions.values()),
    )


def _is_brand_row(domain: Domain, spelling: Spelling) -> bool:
    return any(
        p.product_id == spelling.product_id and p.category == BRAND_ROW for p in domain.products
    )


def _written(domain: Domain) -> Iterator[Spelling]:
    for alias in domain.aliases():
        words = tuple(alias.alias.split())
        if words:
            strength = Strength.BRAND if alias.needs_brand else Strength.FULL
            yield Spelling(words, alias.product_id, strength)
    for row in domain.products:
        if row.category == BRAND_ROW and row.brand in domain.brands:
            for name in domain.brands[row.brand].other_models:
                strength = Strength.BRAND if name.startswith("~") else Strength.FULL
                words = tuple(normalise(name.removeprefix("~")).split())
                yield Spelling(words, row.product_id, strength, is_other_model=True)


def _derived(
    written: Spelling,
    lines: dict[str, frozenset[str]],
    row_words: frozenset[str],
    *,
    is_brand_row: bool,
) -> Iterator[Spelling]:
    """Yield what else people write for one written alias."""
    text = " ".join(written.words)
    last = written.words[-1]
    if not last.endswith(("s", "+")) and len(text) >= _PLURAL_MIN_CHARACTERS:
        yield written._replace(words=(*written.words[:-1], f"{last}s"))
    has_digit = bool(_DIGIT.search(text))
    glued = "".join(written.words)
    if (
        len(written.words) > 1
        and len(glued) >= _GLUED_MIN_CHARACTERS
        and (has_digit or written.strength is Strength.FULL)
    ):
        yield written._replace(words=(glued,))
    if has_digit:
        apart = tuple(_BOUNDARY.sub(" ", text).split())
        if apart != written.words and any(len(word) > 1 and word.isalpha() for word in apart):
            yield written._replace(words=apart)
        joined = [
            written._replace(words=words) for words in _joined(text) if words != written.words
        ]
        yield from joined
        if not is_brand_row:
            for each in (written, *joined):
                yield from _short(each, lines, row_words)


def _joined(text: str) -> Iterator[tuple[str, ...]]:
    """Yield a name without the spaces beside its digits: before them, after them, and both."""
    for beside in (r"(?<=[a-z]) (?=\d)", r"(?<=\d) (?=[a-z])"):
        yield tuple(re.sub(beside, "", text).split())
    yield tuple(re.sub(r"(?<=\d) (?=[a-z])|(?<=[a-z]) (?=\d)", "", text).split())


def _short(
    written: Spelling, lines: dict[str, frozenset[str]], row_words: frozenset[str]
) -> Iterator[Spelling]:
    """Yield the model without the words of its line: `14 pro` of `iphone 14 pro`, `14` of `iphone 14`."""
    words = list(written.words)
    own = lines.get(written.product_id, frozenset())
    while len(words) > 1 and words[0] in own:
        words = words[1:]
    if len(words) == len(written.words) or not _DIGIT.search(words[0]):
        return
    is_bare = len(words) == 1 and words[0].isdigit()
    if is_bare and written.words[-2] not in row_words:
        return
    yield Spelling(tuple(words), written.product_id, Strength.NUMBER if is_bare else Strength.BRAND)
    plural = f"{words[-1]}s"
    if is_bare:
        yield Spelling((plural,), written.product_id, Strength.NUMBER)
    elif len(words) > 1 and not words[-1].endswith("s"):
        yield Spelling((*words[:-1], plural), written.product_id, Strength.BRAND)
    if len(words) > _INITIALS_AFTER[words[0].isdigit()] and all(map(str.isalpha, words[1:])):
        # "13pm" of "13 pro max", "s24u" of "s24 ultra".
        initials = "".join(word[0] for word in words[1:])
        yield Spelling((f"{words[0]}{initials}",), written.product_id, Strength.BRAND)


def _line_words(domain: Domain) -> dict[str, frozenset[str]]:
    """By product, the words before the first digit of its brand's aliases that at least two of its products share."""
    by_brand: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for product, words in _alias_words(domain):
        for word in itertools.takewhile(lambda each: not _DIGIT.search(each), words[:-1]):
            by_brand[product.brand][word].add(product.product_id)
    shared = {
        brand: frozenset(word for word, products in words.items() if len(products) > 1)
        | {normalise(brand)}
        for brand, words in by_brand.items()
    }
    return {
        product.product_id: shared.get(product.brand, frozenset()) for product in domain.products
    }


def _row_words(domain: Domain) -> dict[str, frozenset[str]]:
    """By brand, the single words that stand for its row: `iphone`, `pixel`; a number after one of them is a model."""
    return {
        product.brand: frozenset(
            name
            for alias in product.aliases
            if " " not in (name := normalise(alias.removeprefix("~")))
        )
        for product in domain.products
        if product.category == BRAND_ROW
    }


def _suffixes(domain: Domain) -> dict[str, frozenset[str]]:
    """By brand, the words that make a model of another one: `pro` of `iphone 14 pro`, since there is `iphone 14`."""
    aliases: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for product, words in _alias_words(domain):
        aliases[product.brand].add(words)
    return {
        brand: frozenset(words[-1] for words in known if words[:-1] in known)
        | frozenset(_NUMBER_WORDS)
        for brand, known in aliases.items()
    }


def _alias_words(domain: Domain) -> Iterator[tuple[Product, tuple[str, ...]]]:
    for product in domain.products:
        if product.category != BRAND_ROW:
            for alias in product.aliases:
                yield product, tuple(normalise(alias.removeprefix("~")).split())
