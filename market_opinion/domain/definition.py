"""Content of a domain folder: domain.toml and products.csv as types, read and checked.

The words of domain.toml are those of its `languages`; a file of the folder `languages` adds one.

For example, a complete domain.toml::

    title = "Smartphones"
    languages = ["eng"]

    [sources.reddit]
    communities = ["android", "iphone"]

    [aspects.battery]
    title = "Battery life"
    cues = ["battery", "runs out", "all day"]

    [aspects.overall]
    title = "As a whole"
    is_overall = true
    cues = ["recommend", "regret"]

    [brands.Google]
    cues = ["google", "pixel"]

and its products.csv::

    product_id,brand,product,aliases,category,released_on,is_own_brand
    google-pixel-8,Google,Pixel 8,pixel 8|~p8,flagship,2023-10-12,false
"""

import csv
import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import (
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from market_opinion.core.errors import DomainInvalid, UnknownDomain
from market_opinion.core.markup import Markup
from market_opinion.domain.languages import Language, language_files, problems, read_languages
from market_opinion.domain.strict import Strict, invalid, read_toml
from market_opinion.storage.line_format import LineFormat

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
PlatformId = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[a-z][a-z0-9_]*:\S+$")
]
BRAND_ROW = "brand"


class Source(Strict):
    """Communities of a platform that are read for this domain, and the way to their comments.

    `comments` are read by their own time (`listing`), as trees of new submissions (`tree`), or not
    at all (`none`). A platform without communities is searched instead: `queries` has the search
    for each community under which the results are filed::

        [sources.x]
        communities = ["phones"]
        queries = { phones = "(pixel OR iphone) lang:en" }
    """

    communities: tuple[Text, ...] = Field(min_length=1)
    comments: Literal["listing", "tree", "none"] = "listing"
    queries: dict[Name, Text] = Field(default_factory=dict)


class FileMapping(Strict):
    """Mapping of files: the kind of their items, and the column of each field (see LineFormat).

    `platform` is the section's name where it is not given. For example::

        [files.survey]
        kind = "review"
        community = "customers"
        fields = { item_id = "answer", created_at = "answered", time = "iso", body = "text" }
    """

    platform: Name | None = None
    kind: Literal["submission", "comment", "review"] = "review"
    community: Text | None = None
    encoding: Text = "utf-8-sig"
    # Markup to take out of the texts; left out, that of the platform.
    markup: tuple[Markup, ...] | None = None
    # That of CSV files whose header does not show it.
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    # Cells of a CSV file are text, so numbers may come as text.
    fields: Annotated[
        LineFormat,
        BeforeValidator(
            lambda value: {"is_lenient": True, **value} if isinstance(value, dict) else value
        ),
    ]

    @model_validator(mode="after")
    def _has_community(self) -> Self:
        if self.community is None and self.fields.community is None:
            message = "give community, or fields.community for the column that holds it"
            raise ValueError(message)
        return self


class Aspect(Strict):
    """One side of a product that people judge, with the words (`cues`) by which they speak of it.

    `is_overall` marks the aspect that stands for the product as a whole. For example::

        [aspects.battery]
        title = "Battery life"
        cues = ["battery", "runs out", "all day"]
    """

    title: Text
    cues: tuple[Text, ...]
    is_overall: bool = False


class Brand(Strict):
    """Words about a brand, which show whether a name means one of its products.

    One of the `cues` in a text or title, or an item in one of the `communities`, puts the brand in
    sight: then its short aliases (`~alias` in products.csv) count too. In `owners` communities
    people speak of this brand's products without naming them; a community whose whole name is a
    product's needs no mention here. `company_names` are aliases that mean a product only at times:
    the name of the maker, or of something that only its products have. `also_makes` are its
    products that are not of the domain. `other_models` are products of the domain that the
    catalogue lacks, such as earlier ones; each counts as the row of its brand (`~` as in
    products.csv). For example::

        [brands.Samsung]
        cues = ["samsung", "galaxy", "one ui"]
        communities = ["samsung"]
        owners = ["galaxys24"]
        company_names = ["samsung"]
        also_makes = ["tv", "fridge", "galaxy watch"]
        other_models = ["galaxy note 9", "~note 9"]
    """

    cues: tuple[Text, ...] = ()
    communities: tuple[Text, ...] = ()
    owners: tuple[Text, ...] = ()
    company_names: tuple[Text, ...] = ()
    also_makes: tuple[Text, ...] = ()
    other_models: tuple[Text, ...] = ()


class Meaning(Strict):
    """Words that show whether a name means a product of the domain.

    `product_words` are common nouns for a product of the domain, `other_products` those for other
    things, of any maker; "Samsung laptop" names no phone. `no_cues` are phrases that contain a cue
    of an aspect and mean something else. In `communities` people speak of little else than the
    domain, so every brand is in sight there. For example::

        [meaning]
        product_words = ["phone", "handset"]
        other_products = ["laptop", "phone case"]
        no_cues = ["deal with"]
        communities = ["smartphones"]
    """

    product_words: tuple[Text, ...] = ()
    other_products: tuple[Text, ...] = ()
    no_cues: tuple[Text, ...] = ()
    communities: tuple[Text, ...] = ()


class Polarity(Strict):
    """Words that praise or blame in this domain, in addition to VADER's.

    `neutral` are words of VADER's that judge nothing here, `turned` words whose sign depends on
    the aspect. Words are in lower case; `praise` and `complaint` may be phrases. For example::

        [polarity]
        praise = ["just works"]
        complaint = ["bricked", "gave up on"]
        neutral = ["sharp"]

        [polarity.turned]
        price = { cheap = 1 }
        build = { cheap = -1 }
    """

    praise: tuple[Text, ...] = ()
    complaint: tuple[Text, ...] = ()
    neutral: tuple[Text, ...] = ()
    turned: dict[Name, dict[Text, Literal[-1, 1]]] = Field(default_factory=dict)


class Product(Strict):
    """One row of products.csv.

    `aliases` are separated by `|`; an alias with `~` counts only with the brand in sight
    (`pixel 8|~p8`). `ids` are the product's ids on platforms of reviews, as
    `amazon:B0CHX1W1XY|steam:1245620`; the column may be missing. A row of the category `brand`
    stands for the brand itself.
    """

    product_id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    brand: Text
    product: Text
    aliases: Annotated[tuple[Text, ...], BeforeValidator(lambda text: tuple(text.split("|")))] = (
        Field(min_length=1)
    )
    ids: Annotated[
        tuple[PlatformId, ...], BeforeValidator(lambda text: tuple(text.split("|")) if text else ())
    ] = ()
    category: Text
    released_on: Annotated[str, StringConstraints(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
    is_own_brand: bool


class Alias(NamedTuple):
    """One normalised way to write a product."""

    alias: str
    product_id: str
    needs_brand: bool


class DomainFile(Strict):
    """Content of domain.toml; the module shows an example."""

    title: Text
    languages: tuple[Text, ...] = Field(min_length=1)
    sources: dict[Name, Source]
    files: dict[Name, FileMapping] = Field(default_factory=dict)
    aspects: dict[Name, Aspect] = Field(min_length=1)
    brands: dict[Text, Brand]
    meaning: Meaning = Meaning()
    polarity: Polarity = Polarity()


class Domain(Strict):
    """One product category: identified by the name of its folder, versioned by its content."""

    name: str
    title: str
    languages: tuple[str, ...]
    sources: dict[str, Source]
    files: dict[str, FileMapping]
    aspects: dict[str, Aspect]
    brands: dict[str, Brand]
    meaning: Meaning
    polarity: Polarity
    products: tuple[Product, ...]
    added_languages: dict[str, Language] = Field(default_factory=dict)
    version: str

    def __hash__(self) -> int:
        """Hash of name and version, which changes with the content."""
        return hash((self.name, self.version))

    def communities(self, platform: str) -> tuple[str, ...]:
        """Return the platform's communities in lower case; empty where the domain names none."""
        source = self.sources.get(platform)
        return tuple(sorted({name.lower() for name in source.communities})) if source else ()

    def aliases(self) -> list[Alias]:
        """Return every alias of every product, normalised, in the order of the catalogue."""
        return [
            Alias(normalise(alias.removeprefix("~")), product.product_id, alias.startswith("~"))
            for product in self.products
            for alias in product.aliases
        ]

    def product_ids(self, platform: str) -> dict[str, str]:
        """Return product ids of the catalogue by the platform's own ids."""
        pairs = (
            (platform_id.partition(":"), product.product_id)
            for product in self.products
            for platform_id in product.ids
        )
        return {name: product_id for (prefix, _, name), product_id in pairs if prefix == platform}

    @property
    def judged_languages(self) -> tuple[str, ...]:
        """Codes of the languages in which opinions are looked for."""
        return (*self.languages, *self.added_languages)

    @property
    def overall_aspect(self) -> str:
        """Name of the aspect that stands for the product as a whole."""
        return next(name for name, aspect in self.aspects.items() if aspect.is_overall)


def normalise(text: str) -> str:
    """Return the text in lower case, with single spaces for all but letters, digits and `+`.

    For example, "Moto G-Power (2024)" becomes "moto g power 2024".
    """
    return " ".join(re.sub(r"[^\w+]|_", " ", text.lower()).split())


def domain_names(domains_path: Path) -> list[str]:
    """Return the names of all domains, in alphabetical order."""
    return sorted(path.parent.name for path in domains_path.glob("*/domain.toml"))


def load_domain(name: str, domains_path: Path) -> Domain:
    """Return the domain of the folder with this name.

    Raises UnknownDomain, which lists the existing domains, or DomainInvalid, which names file,
    line and rule.
    """
    folder = domains_path / name
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or not (folder / "domain.toml").is_file():
        names = domain_names(domains_path)
        message = (
            f"no domain {name!r} below {domains_path}; there are: {', '.join(names) or 'none'}"
        )
        raise UnknownDomain(message)
    stamps = [
        (path.stat().st_mtime_ns, path.stat().st_size)
        for path in (folder / "domain.toml", folder / "products.csv", *language_files(folder))
        if path.exists()
    ]
    return _load(folder, repr(stamps))


@lru_cache(maxsize=16)
def _load(folder: Path, _stamps: str) -> Domain:
    """Return the domain of a folder; cached until a file changes, since every stage loads it."""
    name, file = folder.name, read_toml(folder / "domain.toml", DomainFile)
    products, added = _read_products(folder / "products.csv"), read_languages(folder)
    content: dict[str, object] = {
        "file": file.model_dump(mode="json"),
        "products": [p.model_dump(mode="json") for p in products],
    }
    if added:
        content["languages"] = {code: each.model_dump(mode="json") for code, each in added.items()}
    version = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
    domain = Domain(
        name=name, products=products, added_languages=added, version=version, **dict(file)
    )
    _check(domain, folder)
    return domain


def _read_products(path: Path) -> tuple[Product, ...]:
    if not path.is_file():
        message = f"{path} is missing: a domain needs a catalogue of products"
        raise DomainInvalid(message)
    products = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in (reader := csv.DictReader(file)):
            try:
                products.append(Product.model_validate(row))
            except ValidationError as error:
                place = f"{path} line {reader.line_num}"
                raise invalid(place, error) from error
    if not products:
        message = f"{path} has no product"
        raise DomainInvalid(message)
    return tuple(products)


def _check(domain: Domain, folder: Path) -> None:
    """Raise DomainInvalid for content that would make a mention or an opinion ambiguous."""
    found = itertools.chain(
        _aspect_problems(domain), _product_problems(domain), _language_problems(domain)
    )
    for file, problem in found:
        message = f"{folder / file}: {problem}"
        raise DomainInvalid(message)


def _aspect_problems(domain: Domain) -> Iterator[tuple[str, str]]:
    overall = [name for name, aspect in domain.aspects.items() if aspect.is_overall]
    if len(overall) != 1:
        yield (
            "domain.toml",
            f"exactly one aspect must have is_overall = true, found {overall or 'none'}",
        )
    owners: dict[str, str] = {}
    for name, aspect in domain.aspects.items():
        for cue in aspect.cues:
            if (owner := owners.setdefault(normalise(cue), name)) != name:
                yield "domain.toml", f"cue {cue!r} stands for both {owner} and {name}: keep one"


def _language_problems(domain: Domain) -> Iterator[tuple[str, str]]:
    for code, language in domain.added_languages.items():
        file = f"languages/{code}.toml"
        if code in domain.languages:
            yield file, f"the words of {code} are those of domain.toml: keep one"
        for problem in problems(language, domain.aspects):
            yield file, problem


def _product_problems(domain: Domain) -> Iterator[tuple[str, str]]:
    ids: set[str] = set()
    for product in domain.products:
        if product.product_id in ids:
            yield "products.csv", f"product_id {product.product_id!r} appears twice"
        ids.add(product.product_id)
        if product.brand not in domain.brands:
            yield (
                "products.csv",
                (
                    f"brand {product.brand!r} of {product.product_id} has no [brands] entry"
                    " in domain.toml"
                ),
            )
    names = [("alias", alias.alias, alias.product_id) for alias in domain.aliases()]
    names += [
        ("id", each, product.product_id) for product in domain.products for each in product.ids
    ]
    owners: dict[tuple[str, str], str] = {}
    for kind, name, product_id in names:
        owner = owners.setdefault((kind, name), product_id)
        if not name:
            yield "products.csv", f"{product_id} has an alias without a letter or digit"
        elif owner != product_id:
            yield (
                "products.csv",
                f"{kind} {name!r} stands for both {owner} and {product_id}: keep one",
            )
