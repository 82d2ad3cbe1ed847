"""Places of a text that name products of a domain, and the rules that decide what a name means."""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from market_opinion.domain.definition import Domain, normalise
from market_opinion.domain.languages import Meanings
from market_opinion.domain.spellings import Spelling, Spellings, Strength, spellings_of

_WORD = re.compile(r"[^\W_](?:[^\W_]|\+)*|\+")
_DIGIT = re.compile(r"\d")
_AMOUNT = re.compile(r"\d+(?:k|gb|tb|mb|mp|hz|w|mah|nm|g|fps|x|mm|th|st|nd|rd|s)")
_SHORT_WORD = 2
_MODEL_MAX_CHARACTERS, _NUMBER_MAX_DIGITS = 4, 2
_ORDINALS = frozenset("first second third fourth 1st 2nd 3rd 4th 5th 6th".split())
# Words that make a bare number after them a model: "my 14", "from the 13", "a 7 or an 8".
_BEFORE_MODEL = frozenset(
    """
    my the a an base regular normal standard old new original current previous her his our your
    their vanilla basic used refurbished
    """.split()
)
# Words that make a bare number before them no model: "the 14 hours", "a 5 year old".
_AFTER_QUANTITY = frozenset(
    """
    year years yr yrs month months week weeks day days hour hours hr hrs min mins minute minutes
    second seconds cents dollars bucks usd euro euros percent people times x gb tb mb mp mm cm inch
    inches in w watt watts mah hz fps degrees or of more less other others different steps points
    stars am pm k grand bands million billion thousand hundred th st nd rd foot feet miles km series
    generations
    """.split()
)
# Words between two models of one list: "the 11 or even the 12", "13 vs 14 Pro".
_IN_LISTS = frozenset("and or vs versus to than from even nor the a".split())
# Words before a maker's name that show that a product is meant: "my Samsung", "bought a Sony".
_OWNED = frozenset(
    """
    my mine our own owned have had got bought buy buying using used use switched upgraded
    """.split()
)


class Naming(NamedTuple):
    """One place of a text that names a product: `[start, end)` in characters.

    `is_unknown_model` marks a model that the catalogue lacks; `product_id` is then its brand's row.
    `is_company` marks a name that is also the maker's, where no word beside it shows that a product
    is meant. `is_beside_model` marks a brand's row in a text that also names a model of the brand.
    """

    product_id: str
    start: int
    end: int
    alias: str
    is_unknown_model: bool = False
    is_company: bool = False
    is_beside_model: bool = False


class _Word(NamedTuple):
    text: str
    start: int
    end: int


class _Context(NamedTuple):
    """Words that decide beside a name what it means.

    `owned` show that a product of a maker is meant. A bare number is a model after `before_model`,
    none before `quantities`, and one beside another where only `listing` stand between the two.
    """

    owned: frozenset[str]
    before_model: frozenset[str]
    quantities: frozenset[str]
    listing: frozenset[str]


_ENGLISH = _Context(_OWNED, _BEFORE_MODEL, _AFTER_QUANTITY, _IN_LISTS)


class Namer:
    """Finder of the names of a domain's products in texts."""

    def __init__(self, domain: Domain, code: str | None = None) -> None:
        """Compile the spellings of the domain and the other meanings of its names.

        `code` is an added language, whose words count beside those of domain.toml.
        """
        added = domain.added_languages[code].meaning if code else Meanings()
        not_names = frozenset(map(str.lower, added.not_names))
        self._spellings: Spellings = _without(spellings_of(domain), not_names)
        self._context = _ENGLISH if code is None else _with_words(_ENGLISH, added)
        own_words = frozenset(map(normalise, domain.meaning.product_words))
        added_words = frozenset(map(normalise, added.product_words))
        self._product_words = own_words | added_words
        others = (*domain.meaning.other_products, *added.other_products)
        general = {tuple(normalise(each).split()) for each in others}
        self._other_kinds = frozenset(words[0] for words in general if len(words) == 1)
        self._others = {
            name: _by_first(general | {tuple(normalise(each).split()) for each in brand.also_makes})
            for name, brand in domain.brands.items()
        }
        self._cues = _cues_of(domain, own_words, added_words, not_names)
        self._padded_cues = {name: [f" {cue} " for cue in own] for name, own in self._cues.items()}
        self._line_brands: dict[str, set[str]] = {}
        for product_id, line in self._spellings.line_words.items():
            for word in line:
                brand_of_line = self._spellings.brand_of[product_id]
                self._line_brands.setdefault(word, set()).add(brand_of_line)
        self._own_words = {normalise(name) for name in domain.brands} | {
            words[0]
            for words, spellings in self._spellings.by_words.items()
            if len(words) == 1
            for each in spellings
            if each.product_id in self._spellings.brand_row_of.values() and not each.is_other_model
        }
        self._row_names = {
            spelling.words
            for spelling in itertools.chain.from_iterable(self._spellings.by_words.values())
            if spelling.product_id in self._spellings.brand_row_of.values()
            and self._is_distinct(spelling)
        }
        self._starts = {*self._spellings.lengths, *self._line_brands}
        self._homes = {
            community.lower(): name
            for name, brand in domain.brands.items()
            for community in (*brand.communities, *brand.owners)
        }
        rows = self._spellings.brand_row_of
        self._home_products: dict[str, str | None] = {
            community.lower(): rows[name]
            for name, brand in domain.brands.items()
            if name in rows
            for community in brand.owners
        }
        self._own_communities = frozenset(map(str.lower, domain.meaning.communities))
        self._brand_names = set(self._spellings.brand_of.values())

    def _is_distinct(self, spelling: Spelling) -> bool:
        """Return whether the name of a brand's row may count without the brand in sight.

        Such a name is the maker's or a line's, and longer than two characters.
        """
        name, brand = spelling.words[0], self._spellings.brand_of[spelling.product_id]
        return len(name) > _SHORT_WORD and (
            spelling.words in self._spellings.company_words[brand]
            or brand in self._line_brands.get(name.removesuffix("s"), ())
        )

    @property
    def sure_phrases(self) -> list[str]:
        """Phrases that name a product wherever they stand.

        A text without one of them names no product unless it has one of the `short_phrases`.
        """
        rows = {" ".join(words) for words in self._row_names}
        return sorted(self._phrases({Strength.FULL}) | set(self._line_brands) | rows)

    @property
    def short_phrases(self) -> list[str]:
        """Phrases that name a product where its brand is in sight."""
        return sorted(self._phrases({Strength.BRAND, Strength.NUMBER}))

    @property
    def cues(self) -> list[str]:
        """Phrases that put a brand in sight."""
        return sorted(set(itertools.chain.from_iterable(self._cues.values())))

    def _phrases(self, strengths: set[Strength]) -> set[str]:
        spellings = itertools.chain.from_iterable(self._spellings.by_words.values())
        return {" ".join(each.words) for each in spellings if each.strength in strengths}

    @property
    def homes(self) -> list[str]:
        """Communities, in lower case, in which a brand is in sight."""
        return sorted({*self._homes, *self._own_communities})

    def home(self, community: str) -> str | None:
        """Return the product that a community is about; None where it is about none or several.

        It is the row of the brand whose owners meet there, or the product whose name the community
        has: `eldenring`, `galaxys24`.
        """
        key = community.lower()
        if key not in self._home_products:
            self._home_products[key] = self._named_home(key.replace("_", " "))
        return self._home_products[key]

    def _named_home(self, name: str) -> str | None:
        (place, *others) = [*self.names(name), None]
        is_whole = place is not None and (place.start, place.end) == (0, len(name))
        is_sure = place is not None and not (place.is_company or place.is_unknown_model)
        return place.product_id if place and is_whole and is_sure and others == [None] else None

    def names(self, text: str, *, title: str | None = None, community: str = "") -> list[Naming]:
        """Return the places of a text that name a product, in their order.

        A name that needs its brand counts where the text names another product of the brand, where
        text or title have a cue of the brand, and in a community of the brand.
        """
        words = _words(text)
        starts = [n for n, word in enumerate(words) if word.text in self._starts]
        if not starts:
            return []
        brands = self._spellings.brand_of
        sure = {brands[place.product_id] for place in self._places(words, starts, frozenset())}
        sure |= self._brands_in_sight(words, title, community)
        return self._beside_models(list(self._places(words, starts, frozenset(sure))))

    def _places(
        self, words: Sequence[_Word], starts: Sequence[int], in_sight: frozenset[str]
    ) -> Iterator[Naming]:
        """Yield the names in the text, with these brands in sight.

        `starts` are the words at which a name may begin. Of several names that begin with the same
        word, it is the longest.
        """
        at, last = 0, _NOTHING_NAMED
        for begin in starts:
            if begin < at:
                continue
            at = begin
            spelling = self._longest(words, at, in_sight, last)
            model_at = self._model_after(spelling, words, at, in_sight, last) if spelling else None
            if model_at is not None:
                at = model_at
                spelling = self._longest(words, at, in_sight, last)
            place = (
                self._place(spelling, words, at)
                if spelling
                else self._unknown_model(words, at, in_sight)
            )
            if place is not None:
                yield place._replace(start=words[begin].start)
                last = _Named(self._spellings.brand_of[place.product_id], at, place.end)
            at += len(spelling.words) if spelling else 1
            while place is not None and at < len(words) and words[at].start < place.end:
                at += 1

    def _model_after(
        self,
        name: Spelling,
        words: Sequence[_Word],
        at: int,
        in_sight: frozenset[str],
        last: "_Named",
    ) -> int | None:
        """Return the word at which a model begins that a shorter name of its brand introduces.

        For example, 1 of `samsung galaxy s24 ultra`, where `samsung galaxy` names any phone of the
        brand and `galaxy s24 ultra` one. None where the name stands for itself.
        """
        brand, end = self._spellings.brand_of[name.product_id], at + len(name.words)
        row = self._spellings.brand_row_of.get(brand)
        is_row = name.product_id == row
        for start in range(at + 1, min(end + is_row, len(words))):
            model = self._longest(words, start, in_sight | {brand}, last)
            if (
                model is not None
                and not model.is_other_model
                and self._spellings.brand_of[model.product_id] == brand
                and model.product_id != row
                and start + len(model.words) > end
            ):
                return start
        return None

    def _longest(
        self, words: Sequence[_Word], at: int, in_sight: frozenset[str], last: "_Named"
    ) -> Spelling | None:
        """Return the longest spelling that counts at a word.

        None without one, and where it means two products.
        """
        first = words[at].text
        for count in self._spellings.lengths.get(first, ()):
            phrase = tuple([word.text for word in words[at : at + count]])
            written = self._spellings.by_words.get(phrase, ())
            spellings = [
                each for each in written if self._may_mean(each, words, at, in_sight, last)
            ]
            if spellings:
                return spellings[0] if len({each.product_id for each in spellings}) == 1 else None
        return None

    def _may_mean(
        self,
        spelling: Spelling,
        words: Sequence[_Word],
        at: int,
        in_sight: frozenset[str],
        last: "_Named",
    ) -> bool:
        """Return whether a spelling in this place may count as its product."""
        brand = self._spellings.brand_of[spelling.product_id]
        if spelling.strength is Strength.FULL:
            return True
        if brand not in in_sight:
            return self._is_row_meant(spelling, words, at, in_sight)
        is_listed = last.brand == brand and _is_listed(words, at, last, self._context)
        return spelling.strength is Strength.BRAND or _is_model_number(
            words, at, at + len(spelling.words), self._context, is_listed=is_listed
        )

    def _is_row_meant(
        self, spelling: Spelling, words: Sequence[_Word], at: int, in_sight: frozenset[str]
    ) -> bool:
        """Return whether a name means its brand's row without a cue of that brand.

        For example, `my Samsung`, or both names in `an iPhone or a Pixel`.
        """
        return spelling.words in self._row_names and (
            bool(in_sight) or self._is_meant(words, at, at + len(spelling.words))
        )

    def _place(self, spelling: Spelling, words: Sequence[_Word], at: int) -> Naming | None:
        """Return the naming of a spelling in its place; None where another thing is named."""
        end = at + len(spelling.words)
        brand = self._spellings.brand_of[spelling.product_id]
        row = self._spellings.brand_row_of.get(brand)
        following = [word.text for word in words[end : end + 3]]
        if self._is_other_product(brand, following) or self._is_of_other(spelling, words, at):
            return None
        alias = " ".join(spelling.words)
        start, stop = words[at].start, words[end - 1].end
        if spelling.is_other_model:
            return Naming(spelling.product_id, start, stop, alias, is_unknown_model=True)
        if spelling.product_id == row:
            is_unknown = _is_model_token(following, self._context)
            is_company = spelling.words in self._spellings.company_words[
                brand
            ] and not self._is_meant(words, at, end)
            stop = words[end].end if is_unknown else stop
            return Naming(spelling.product_id, start, stop, alias, is_unknown, is_company)
        if row and self._is_other_model(spelling, brand, following):
            return Naming(row, start, words[end].end, alias, is_unknown_model=True)
        return Naming(spelling.product_id, start, stop, alias)

    def _unknown_model(
        self, words: Sequence[_Word], at: int, in_sight: frozenset[str]
    ) -> Naming | None:
        """Return the naming of a line's word and a model that the catalogue lacks: `galaxy s9`.

        The word may be an ordinary one, as `find` or `phone`, or of two brands, so that its brand
        must be in sight, unless it is the brand's name or names its row alone: `pixel`.
        """
        lines = self._line_brands.get(words[at].text, set())
        is_own = len(lines) == 1 and words[at].text in self._own_words
        brands = [each for each in lines if each in in_sight or is_own]
        following = [word.text for word in words[at + 1 : at + 4]]
        row = self._spellings.brand_row_of.get(brands[0]) if len(brands) == 1 else None
        if (
            row is None
            or not _is_model_token(following, self._context)
            or self._is_other_product(brands[0], following)
        ):
            return None
        return Naming(
            row, words[at].start, words[at + 1].end, words[at].text, is_unknown_model=True
        )

    def _is_other_product(self, brand: str, following: Sequence[str]) -> bool:
        """Return whether the words after a name make it another kind of product: `pixel watch`."""
        others = self._others[brand]
        return any(
            tuple(following[skip : skip + len(other)]) == other
            for skip in range(min(2, len(following)))
            if skip == 0 or following[0] in {"smart", "oled", "pro", "ultra", "galaxy", "new"}
            for other in others.get(following[skip], ())
        )

    def _is_of_other(self, spelling: Spelling, words: Sequence[_Word], at: int) -> bool:
        """Return whether a short name is that of another kind of product: `galaxy tab s9`."""
        if not at or spelling.strength is Strength.FULL:
            return False
        before = words[at - 1]
        return words[at].start == before.end + 1 and before.text in self._other_kinds

    def _is_other_model(self, spelling: Spelling, brand: str, following: Sequence[str]) -> bool:
        """Return whether the next words make a name a model that the catalogue lacks.

        For example, `iphone se 4` or `iphone se first gen`.
        """
        if not following or spelling.strength is Strength.NUMBER:
            return False
        has_digit = any(character.isdigit() for character in "".join(spelling.words))
        if has_digit:
            return (
                following[0] in self._spellings.suffixes[brand]
                and following[0] not in _PLAIN_SUFFIXES
            )
        is_generation = (
            following[0] in _ORDINALS and len(following) > 1 and following[1].startswith("gen")
        )
        is_number = following[0].isdigit() and len(following[0]) <= _NUMBER_MAX_DIGITS
        is_counted = is_number and len(following) > 1 and following[1] in self._context.quantities
        return is_generation or (is_number and not is_counted) or following[:2] == ["gen", "1"]

    def _is_meant(self, words: Sequence[_Word], at: int, end: int) -> bool:
        """Return whether the words around a maker's name show that a product is meant."""
        before = [word.text for word in words[max(0, at - 3) : at]]
        after = [word.text for word in words[end : end + 4]]
        return bool(self._product_words & {*before, *after} or self._context.owned & set(before))

    def _brands_in_sight(
        self, words: Sequence[_Word], title: str | None, community: str
    ) -> set[str]:
        if community.lower() in self._own_communities:
            return self._brand_names
        text = f" {' '.join([word.text for word in words])} {normalise(title or '')} "
        brands = {
            brand for brand, cues in self._padded_cues.items() if any(cue in text for cue in cues)
        }
        if community.lower() in self._homes:
            brands.add(self._homes[community.lower()])
        return brands

    def _beside_models(self, places: list[Naming]) -> list[Naming]:
        """Return the places, with a mark on each brand's row beside a model of that brand.

        A row that stands for an unknown model gets no mark.
        """
        brands, rows = self._spellings.brand_of, set(self._spellings.brand_row_of.values())
        models = {brands[place.product_id] for place in places if place.product_id not in rows}
        return [
            place._replace(is_beside_model=True)
            if place.product_id in rows
            and not place.is_unknown_model
            and brands[place.product_id] in models
            else place
            for place in places
        ]


class _Named(NamedTuple):
    """Brand of the last name, the number of its first word, and the offset of its end."""

    brand: str
    word: int
    end: int


_NOTHING_NAMED = _Named("", -1, -1)


# Suffixes that are ordinary words as well: "the 15 plus my watch" names no model.
_PLAIN_SUFFIXES = frozenset("plus air edge max first second third fourth gen".split())


@lru_cache(maxsize=16)
def namer_of(domain: Domain, code: str | None = None) -> Namer:
    """Return the namer of a domain, for texts in an added language if given, compiled once."""
    return Namer(domain, code)


def _cues_of(
    domain: Domain,
    own_words: frozenset[str],
    added_words: frozenset[str],
    not_names: frozenset[str],
) -> dict[str, list[str]]:
    """Return the phrases that put each brand in sight.

    A common noun of the domain that does so does it in every language, by its words there.
    """
    return {
        name: [
            " ".join(normalise(cue).split())
            for cue in (*brand.cues, *(added_words if own_words & {*brand.cues} else ()))
            if cue not in not_names
        ]
        for name, brand in domain.brands.items()
    }


def _without(spellings: Spellings, not_names: frozenset[str]) -> Spellings:
    """Return the spellings without those that are ordinary words of a language."""
    if not not_names:
        return spellings
    by_words = {
        words: each
        for words, each in spellings.by_words.items()
        if not {" ".join(words), f"{words[0]} *"} & not_names
    }
    lengths: dict[str, set[int]] = {}
    for words in by_words:
        lengths.setdefault(words[0], set()).add(len(words))
    return spellings._replace(
        by_words=by_words,
        lengths={word: sorted(counts, reverse=True) for word, counts in lengths.items()},
        line_words={name: line - not_names for name, line in spellings.line_words.items()},
    )


def _with_words(context: _Context, added: Meanings) -> _Context:
    lists = (added.owned, added.before_model, added.quantities, added.listing)
    return _Context(
        *(
            words | frozenset(map(normalise, more))
            for words, more in zip(context, lists, strict=True)
        )
    )


def flatten(text: str) -> str:
    """Return the text in lower case, with plain letters for compatibility letters.

    Every character keeps its place. For example, a full-width or a bold P becomes `p`.
    """
    if text.isascii():
        return text.lower()
    return "".join(_plain(character) for character in text)


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    folded = unicodedata.normalize("NFKC", character).lower()
    return folded if len(folded) == 1 else character


def _words(text: str) -> list[_Word]:
    return [
        _Word(match.group(), match.start(), match.end()) for match in _WORD.finditer(flatten(text))
    ]


def _is_model_token(following: Sequence[str], context: _Context) -> bool:
    """Return whether the next word is a model's: short, with a digit, and no amount."""
    if (
        not following
        or len(following[0]) > _MODEL_MAX_CHARACTERS
        or not _DIGIT.search(following[0])
    ):
        return False
    is_amount = len(following) > 1 and following[1] in context.quantities
    return not (
        following[0].isdigit() and (is_amount or len(following[0]) > _NUMBER_MAX_DIGITS)
    ) and not _AMOUNT.fullmatch(following[0])


def _is_model_number(
    words: Sequence[_Word], at: int, end: int, context: _Context, *, is_listed: bool
) -> bool:
    """Return whether a bare number is a model: `my 14`, `iPhone 13 and 15`, `14s`, `13's`."""
    before = words[at - 1].text if at else ""
    after = words[end].text if end < len(words) else ""
    is_plural = after == "s" and words[end].start == words[end - 1].end + 1
    return is_plural or (
        after not in context.quantities and (is_listed or before in context.before_model)
    )


def _is_listed(words: Sequence[_Word], at: int, last: _Named, context: _Context) -> bool:
    """Return whether a word is in one list with the last name: `iPhone 11, 12 and 13`."""
    between = [word.text for word in words[last.word + 1 : at] if word.start >= last.end]
    return set(between) <= context.listing


def _by_first(names: set[tuple[str, ...]]) -> dict[str, list[tuple[str, ...]]]:
    by_first: dict[str, list[tuple[str, ...]]] = {}
    for name in names:
        if name:
            by_first.setdefault(name[0], []).append(name)
    return by_first
