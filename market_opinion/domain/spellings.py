"""Spellings of product names: the aliases of a catalogue, and the forms derived from them.

For example, `iphone 14 pro` gives `iphone 14 pros`, `iphone14pro`, `iphone14 pro` and, where the
brand is in sight, `14 pro`.
"""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from market_opinion.domain.definition import BRAND_ROW, Domain, Product, normalise

_NUMBER_WORDS = frozenset("gen generation first second third fourth 1st 2nd 3rd 4th 5th".split())
_GLUED_MIN_CHARACTERS = 5
_PLURAL_MIN_CHARACTERS = 3
# The fewest words of a name with initials, less one, by whether it begins with a bare number: a
# number with a single letter may be a quantity, as "12m".
_INITIALS_AFTER = {True: 2, False: 1}
_ARTICLE = "a"
_DIGIT = re.compile(r"\d")
_BOUNDARY = re.compile(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])")


class Strength(StrEnum):
    """Condition under which a spelling counts as its product."""

    # Wherever it stands.
    FULL = "full"
    # With the brand in sight.
    BRAND = "brand"
    # A bare number: with the brand in sight and a word such as `my` before the number.
    NUMBER = "number"


class Spelling(NamedTuple):
    """One way to write a product, as normalised words.

    `is_other_model` marks a model that the catalogue lacks; `product_id` is then its brand's row.
    """

    words: tuple[str, ...]
    product_id: str
    strength: Strength
    is_other_model: bool = False


class Spellings(NamedTuple):
    """Spellings of a domain's products, and words that tell its models apart.

    `by_words` has the spellings by their words, `lengths` the word counts of the spellings that
    begin with a word, largest first. `brand_of` and `line_words` are by product, all others by
    brand: the product that stands for the brand (`brand_row_of`), the aliases that are also the
    maker's name (`company_words`), and the words that make another model of a model (`suffixes`,
    as `pro`). `collisions` are spellings that were dropped, each as (spelling, product, product).
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

    A spelling of the catalogue wins over a derived one. A derived spelling that means two
    products, even with their brand in sight, is dropped and kept in `collisions`.
    """
    aliases = list(_written(domain))
    by_alias: dict[tuple[str, ...], Spelling] = {}
    for spelling in aliases:
        by_alias.setdefault(spelling.words, spelling)
    derived: dict[tuple[tuple[str, ...], str], Spelling] = {}
    collisions: dict[tuple[tuple[str, ...], str], tuple[str, str, str]] = {}
    lines = _line_words(domain)
    row_words, brands = _row_words(domain), {p.product_id: p.brand for p in domain.products}
    for spelling in itertools.chain.from_iterable(
        _derived(
            each,
            lines,
            row_words.get(brands[each.product_id], frozenset()),
            maker=normalise(brands[each.product_id]).replace(" ", ""),
            is_brand_row=_is_brand_row(domain, each),
        )
        for each in aliases
    ):
        if spelling.words in by_alias:
            continue
        # The brand in sight decides between products of different brands, not of the same one.
        owner = "" if spelling.strength is Strength.FULL else brands[spelling.product_id]
        place = spelling.words, owner
        other = derived.setdefault(place, spelling)
        if other.product_id != spelling.product_id:
            collisions[place] = (" ".join(spelling.words), other.product_id, spelling.product_id)
    distinct = (s for place, s in derived.items() if place not in collisions)
    by_words: dict[tuple[str, ...], list[Spelling]] = defaultdict(list)
    lengths: dict[str, set[int]] = defaultdict(set)
    for spelling in (*by_alias.values(), *distinct):
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
    alias: Spelling,
    lines: dict[str, frozenset[str]],
    row_words: frozenset[str],
    *,
    maker: str,
    is_brand_row: bool,
) -> Iterator[Spelling]:
    """Yield the other spellings that people use for one alias of the catalogue.

    `maker` is the brand's name in one word, as in `samsunggalaxys24`.
    """
    text = " ".join(alias.words)
    last = alias.words[-1]
    if not last.endswith("s") and len(text) >= _PLURAL_MIN_CHARACTERS:
        for plural in (f"{last}s", f"{last}es") if last.endswith("x") else (f"{last}s",):
            yield alias._replace(words=(*alias.words[:-1], plural))
    yield from _glued(alias, maker)
    has_digit = bool(_DIGIT.search(text))
    if has_digit:
        apart = tuple(_BOUNDARY.sub(" ", text).split())
        is_told = any(len(word) > 1 and word.isalpha() for word in apart)
        # "Gave the Pixel 8 a new battery" names no 8a.
        if apart != alias.words and is_told and apart[-1] != _ARTICLE:
            yield alias._replace(words=apart)
        joined = [alias._replace(words=words) for words in _joined(text) if words != alias.words]
        yield from joined
        yield from _with_initials(joined)
        if not is_brand_row:
            for each in (alias, *joined):
                yield from _short(each, lines, row_words)


def _glued(alias: Spelling, maker: str) -> Iterator[Spelling]:
    """Yield a name of several words in one: `pixel8pro`, and `googlepixel8pro` with its maker."""
    glued = "".join(alias.words)
    has_digit = bool(_DIGIT.search(glued))
    if (
        len(alias.words) == 1
        or len(glued) < _GLUED_MIN_CHARACTERS
        or not (has_digit or alias.strength is Strength.FULL)
    ):
        return
    yield alias._replace(words=(glued,))
    if has_digit and alias.strength is Strength.FULL and not glued.startswith(maker):
        yield alias._replace(words=(f"{maker}{glued}",))


def _joined(text: str) -> Iterator[tuple[str, ...]]:
    """Yield a name without the spaces before its digits, those after them, or both.

    For example, `iphone 14 pro` gives `iphone14 pro`, `iphone 14pro` and `iphone14pro`.
    """
    for beside in (r"(?<=[a-z]) (?=\d)", r"(?<=\d) (?=[a-z])"):
        yield tuple(re.sub(beside, "", text).split())
    yield tuple(re.sub(r"(?<=\d) (?=[a-z])|(?<=[a-z]) (?=\d)", "", text).split())


def _with_initials(joined: Iterable[Spelling]) -> Iterator[Spelling]:
    """Yield names with initials for two or more words after a glued model.

    For example, `iphone15pm` of `iphone15 pro max`.
    """
    for each in joined:
        first, *after = each.words
        if len(after) > 1 and _DIGIT.search(first) and all(map(str.isalpha, after)):
            yield each._replace(words=(first + "".join(word[0] for word in after),))


def _short(
    alias: Spelling, lines: dict[str, frozenset[str]], row_words: frozenset[str]
) -> Iterator[Spelling]:
    """Yield the model without the words of its line: `14 pro` of `iphone 14 pro`, for example."""
    words = list(alias.words)
    line = lines.get(alias.product_id, frozenset())
    while len(words) > 1 and words[0] in line:
        words = words[1:]
    if len(words) == len(alias.words) or not _DIGIT.search(words[0]):
        return
    is_bare = len(words) == 1 and words[0].isdigit()
    if is_bare and alias.words[-2] not in row_words:
        return
    yield Spelling(tuple(words), alias.product_id, Strength.NUMBER if is_bare else Strength.BRAND)
    plural = f"{words[-1]}s"
    if is_bare:
        yield Spelling((plural,), alias.product_id, Strength.NUMBER)
    elif len(words) > 1 and not words[-1].endswith("s"):
        yield Spelling((*words[:-1], plural), alias.product_id, Strength.BRAND)
    if len(words) > _INITIALS_AFTER[words[0].isdigit()] and all(map(str.isalpha, words[1:])):
        # "13pm" of "13 pro max", "s24u" of "s24 ultra".
        initials = "".join(word[0] for word in words[1:])
        yield Spelling((f"{words[0]}{initials}",), alias.product_id, Strength.BRAND)


def _line_words(domain: Domain) -> dict[str, frozenset[str]]:
    """Return the words of each product's line, as `iphone` and `apple` for an iPhone 14.

    They are the brand's name and the words before a digit that aliases of two or more of the
    brand's products share.
    """
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
    """Return the single words that name each brand's row, as `iphone` or `pixel`.

    A number after such a word is a model.
    """
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
    """Return the words that turn one model of a brand into another.

    For example, `pro` does, where there are `iphone 14` and `iphone 14 pro`. A word that does so
    for two brands does for all: `galaxy s24 pro` is no `galaxy s24`.
    """
    aliases: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for product, words in _alias_words(domain):
        aliases[product.brand].add(words)
    own = {
        brand: frozenset(words[-1] for words in names if words[:-1] in names)
        for brand, names in aliases.items()
    }
    counts = Counter(itertools.chain.from_iterable(own.values()))
    shared = {word for word, count in counts.items() if count > 1 and word.isalpha()}
    return {brand: words | shared | _NUMBER_WORDS for brand, words in own.items()}


def _alias_words(domain: Domain) -> Iterator[tuple[Product, tuple[str, ...]]]:
    for product in domain.products:
        if product.category != BRAND_ROW:
            for alias in product.aliases:
                yield product, tuple(normalise(alias.removeprefix("~")).split())
