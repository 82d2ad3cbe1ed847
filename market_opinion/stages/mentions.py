"""Mentions: the products of an item, each with a reason and a confidence.

An item names a product, is a review of it, or refers to the product of its thread.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import polars as pl

from market_opinion.core.contracts import SILVER_MENTIONS
from market_opinion.domain.definition import BRAND_ROW, Domain, normalise
from market_opinion.domain.phrases import Phrases, words_of
from market_opinion.stages.cleaning import normalise as normalise_text
from market_opinion.stages.naming import Namer, Naming, namer_of
from market_opinion.stages.silver import UNDETERMINED
from market_opinion.stages.spoken import by_language, with_language

# Confidence of the rules in each reason; a scorer that reads better replaces them.
_SUBJECT, _MODEL, _ROW, _UNKNOWN_MODEL, _COMPANY = 1.0, 0.95, 0.88, 0.8, 0.3
_BESIDE_MODEL = 0.4
_REFERRED, _IN_THREAD = 0.6, 0.1
# A title that names more products than these is a list.
_IN_TITLE_MAX = 3
# The least confidence that the rules accept without a scorer.
CONFIDENCE_MIN = 0.5
# Words by which people refer to a product without naming it.
_OWN = re.compile(
    r"\b(?:mine|my (?:phone|device|one|old one|new one)|this (?:phone|device|thing|one)|the phone"
    r"|i(?:'ve| have|'m)? (?:had|got|have|own|owned|bought|ordered|use|used|using|love|hate"
    r"|returned|switched to)"
    r" (?:it|mine|one|this|the|them|both))\b",
    re.IGNORECASE,
)
_PRODUCT_SCHEMA = {
    "row": pl.UInt32,
    "product_id": pl.String,
    "aliases": pl.String,
    "mention_count": pl.Int64,
    "reason": pl.String,
    "confidence": pl.Float64,
}


class Candidate(NamedTuple):
    """A product that an item may mention.

    `row` is the item's; all other fields are those of the contract of silver.mentions.
    """

    row: int
    product_id: str
    aliases: str
    mention_count: int
    reason: str
    confidence: float


def find_candidates(items: pl.DataFrame, domain: Domain) -> pl.DataFrame:
    """Return one row per item and possibly mentioned product, in the contract of silver.mentions.

    Only usable items in a language of the domain count. The reason is `title` for a product in a
    submission's title, `named` for one that is named elsewhere, `subject` for the product of a
    review of a known one. It is `referred` for a comment, and for any other review, that does not
    name the product, but whose thread is about it and few others, or whose community is.
    """
    languages = [*domain.judged_languages, UNDETERMINED]
    usable = items.filter("is_usable", pl.col("language").is_in(languages))
    relevant = with_language(usable, domain).with_row_index("row")
    subjects = _subjects(relevant, domain)
    found = itertools.chain.from_iterable(
        _candidates(part, domain, code) for code, part in by_language(relevant, domain)
    )
    candidates = pl.DataFrame(list(found), schema=_PRODUCT_SCHEMA, orient="row").join(
        subjects, on=["row", "product_id"], how="anti"
    )
    reviewed = subjects.select("row").unique()
    # A review of a known product names other products, but refers to none.
    others = candidates.join(reviewed, on="row", how="anti")
    beside = candidates.filter(pl.col("reason") != "referred").join(reviewed, on="row", how="semi")
    return (
        relevant.join(pl.concat([subjects, others, beside]), on="row")
        .with_columns(domain=pl.lit(domain.name), domain_version=pl.lit(domain.version))
        .select(*SILVER_MENTIONS.schema)
        .sort(SILVER_MENTIONS.key)
    )


def find_mentions(items: pl.DataFrame, domain: Domain) -> pl.DataFrame:
    """Return the candidates that the rules accept without a scorer."""
    return believed(find_candidates(items, domain))


def believed(candidates: pl.DataFrame, *, confidence_min: float = CONFIDENCE_MIN) -> pl.DataFrame:
    """Return the candidates with at least this confidence."""
    return candidates.filter(pl.col("confidence") >= confidence_min)


def unknown_models(items: pl.DataFrame, domain: Domain) -> pl.DataFrame:
    """Return names that look like a model of a known brand and are not in the catalogue.

    Columns are `name`, `brand` and `item_count`; the most frequent name comes first.
    """
    namer, brands = namer_of(domain), {p.product_id: p.brand for p in domain.products}
    rows_by_name: dict[tuple[str, str], set[int]] = {}
    for row, text, title, community, _ in _nameable(items.with_row_index("row"), namer):
        for name in namer.names(text, title=title, community=community):
            if name.is_unknown_model:
                key = (normalise(text[name.start : name.end]), brands[name.product_id])
                rows_by_name.setdefault(key, set()).add(row)
    rows = [(name, brand, len(rows)) for (name, brand), rows in rows_by_name.items()]
    schema = {"name": pl.String, "brand": pl.String, "item_count": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row").sort(
        "item_count", "name", descending=[True, False]
    )


def _subjects(relevant: pl.DataFrame, domain: Domain) -> pl.DataFrame:
    """Return the product of each review, where the catalogue has the platform's id of it."""
    known_ids = [
        (platform, subject, product_id)
        for platform in relevant["platform"].unique()
        for subject, product_id in domain.product_ids(platform).items()
    ]
    ids = pl.DataFrame(
        known_ids,
        schema=dict.fromkeys(("platform", "thread_id", "product_id"), pl.String),
        orient="row",
    )
    reviews = relevant.filter(kind="review").join(ids, on=["platform", "thread_id"])
    return reviews.select(
        "row",
        "product_id",
        aliases=pl.col("thread_id").str.to_lowercase(),
        mention_count=pl.lit(1, pl.Int64),
        reason=pl.lit("subject"),
        confidence=pl.lit(_SUBJECT),
    )


def _candidates(relevant: pl.DataFrame, domain: Domain, code: str | None) -> Iterator[Candidate]:
    """Yield the candidates of items in one language: an added one, or that of domain.toml."""
    namer, refers = namer_of(domain, code), _own_words(domain, code)
    rows = {p.product_id for p in domain.products if p.category == BRAND_ROW}
    named_rows: dict[int, set[str]] = {}
    for row, text, title, community, kind in _nameable(relevant, namer):
        names = namer.names(text, title=title, community=community)
        title_end = len(title or "") if kind == "submission" else 0
        own = list(_named(row, names, rows, title_end))
        named_rows[row] = {each.product_id for each in own}
        yield from own
    threads = Threads(namer)
    columns = ("row", "text", "context_title", "community", "kind")
    for row, text, title, community, kind in relevant.select(columns).iter_rows():
        named = named_rows.get(row, set())
        products = threads.referred(kind, title, community, names_others=bool(named))
        is_surely = len(products) == 1 and refers(text)
        for product_id in products:
            if product_id not in named:
                confidence = _REFERRED if is_surely else _IN_THREAD
                yield Candidate(row, product_id, "", 1, "referred", confidence)


def _own_words(domain: Domain, code: str | None) -> Callable[[str], bool]:
    """Return what tells whether a text refers to a product without naming it."""
    if code is None:
        return lambda text: bool(_OWN.search(text))
    phrases = Phrases(dict.fromkeys(domain.added_languages[code].meaning.own, True))
    return lambda text: any(phrases.find(words_of(text)))


def _nameable(items: pl.DataFrame, namer: Namer) -> Iterator[tuple[int, str, str | None, str, str]]:
    """Yield row, text, title, community and kind of the items that may name a product.

    Most items contain no phrase of the domain, so they are dropped before the exact search.
    """

    def has(text: pl.Expr, phrases: Sequence[str]) -> pl.Expr:
        if not phrases:  # Polars cannot tell that an empty list is one of texts.
            return pl.lit(value=False)
        is_plain = text.str.contains(r"^[\x00-\x7f]*$")
        plain = pl.when(is_plain).then(text).otherwise(text.str.normalize("NFKC"))
        padded = pl.concat_str(pl.lit(" "), normalise_text(plain), pl.lit(" "))
        return padded.str.contains_any([f" {phrase} " for phrase in phrases])

    text, title = pl.col("text"), pl.col("context_title").fill_null("")
    in_sight = (
        has(text, namer.cues) | has(title, namer.cues) | pl.col("community").is_in(namer.homes)
    )
    nameable = (
        items.lazy()
        .filter(has(text, namer.sure_phrases) | (has(text, namer.short_phrases) & in_sight))
        .select("row", "text", "context_title", "community", "kind")
        .collect(engine="streaming")
    )
    yield from nameable.iter_rows()


def _named(
    row: int, names: Sequence[Naming], rows: set[str], title_end: int
) -> Iterator[Candidate]:
    """Yield one candidate per named product, with the confidence of its surest place."""
    by_product: dict[str, list[Naming]] = {}
    for name in names:
        by_product.setdefault(name.product_id, []).append(name)
    for product_id, places in by_product.items():
        confidence = max(_confidence(place, rows) for place in places)
        aliases = "|".join(sorted({place.alias for place in places}))
        reason = "title" if places[0].start < title_end else "named"
        yield Candidate(row, product_id, aliases, len(places), reason, confidence)


def _confidence(place: Naming, rows: set[str]) -> float:
    if place.is_unknown_model:
        return _UNKNOWN_MODEL
    if place.is_company:
        return _COMPANY
    if place.is_beside_model:
        return _BESIDE_MODEL
    return _ROW if place.product_id in rows else _MODEL


class Threads:
    """Products of threads: those that the title names, or the one that the community is about."""

    def __init__(self, namer: Namer) -> None:
        """Look up every title once."""
        self._namer = namer
        self._products: dict[tuple[str | None, str], tuple[str, ...]] = {}

    def referred(
        self, kind: str, title: str | None, community: str, *, names_others: bool
    ) -> tuple[str, ...]:
        """Return the products that an item may speak of without naming them.

        What begins a thread refers to nothing but the product of its community, where it names no
        other.
        """
        if kind != "submission":
            return self.products(title, community)
        return () if names_others else self.products("", community)

    def products(self, title: str | None, community: str) -> tuple[str, ...]:
        """Return the products that a thread is about, in the order of its title.

        None for a title that names more than a few, which is a list, and for one that names no
        product in a community that is about none.
        """
        place = (title, community)
        if place not in self._products:
            names = self._namer.names(title or "", community=community)
            named = dict.fromkeys(
                name.product_id
                for name in names
                if not name.is_company and not name.is_beside_model
            )
            home = self._namer.home(community)
            products = tuple(named) or ((home,) if home else ())
            self._products[place] = products if len(products) <= _IN_TITLE_MAX else ()
        return self._products[place]
