"""What a domain folder must hold: its aspects, brands, products and where people speak of them."""

import csv
import hashlib
import itertools
import json
import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from market_opinion.core.errors import DomainInvalid, UnknownDomain
from market_opinion.storage.line_format import LineFormat

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
PlatformId = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[a-z][a-z0-9_]*:\S+$")
]
BRAND_ROW = "brand"


class _Strict(BaseModel):
    """Text from outside: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Strict):
    """Where a platform is read for this domain, and how comments are: by their own time, as trees of new submissions, or not at all."""

    communities: tuple[Text, ...] = Field(min_length=1)
    comments: Literal["listing", "tree", "none"] = "listing"
    # What to search a platform for that has no communities of its own, by the community it is filed under.
    queries: dict[Name, Text] = {}


class FileMapping(_Strict):
    """Files of one form: what their items are, and where in a row each thing stands. The section's name is the platform's, unless told."""

    platform: Name | None = None
    kind: Literal["submission", "comment", "review"] = "review"
    community: Text | None = None
    encoding: Text = "utf-8-sig"
    # Tables know no numbers, so none are insisted on.
    fields: Annotated[
        LineFormat,
        BeforeValidator(
            lambda value: {"is_lenient": True, **value} if isinstance(value, dict) else value
        ),
    ]

    @model_validator(mode="after")
    def _has_community(self) -> Self:
        if self.community is None and self.fields.community is None:
            message = "say community, or fields.community for the column that holds it"
            raise ValueError(message)
        return self


class Aspect(_Strict):
    """One side of a product that people judge; `is_overall` marks the one for the product as a whole."""

    title: Text
    cues: tuple[Text, ...]
    is_overall: bool = False


class Brand(_Strict):
    """What puts a brand in sight, so that its short aliases may be believed, and what else its name may mean.

    In `owners` communities people speak of this brand's products without naming them.
    `company_names` are aliases that are the maker's name as well, `also_makes` what it makes that
    is no product of the domain. `other_models` are products of the domain that the catalogue lacks,
    such as earlier ones: each counts as the row of its brand (`~` as in products.csv).
    """

    cues: tuple[Text, ...] = ()
    communities: tuple[Text, ...] = ()
    owners: tuple[Text, ...] = ()
    company_names: tuple[Text, ...] = ()
    also_makes: tuple[Text, ...] = ()
    other_models: tuple[Text, ...] = ()


class Meaning(_Strict):
    """Words that show whether a name means a product of the domain.

    `product_words` are what the product is called ("phone"), `other_products` what is none of the domain, whoever makes
    it ("laptop", "phone case"); a name right before one of them means that. `no_cues` are phrases
    that hold a cue of an aspect and mean something else ("deal with"). In `communities` people
    speak of little else, so every brand is in sight there.
    """

    product_words: tuple[Text, ...] = ()
    other_products: tuple[Text, ...] = ()
    no_cues: tuple[Text, ...] = ()
    communities: tuple[Text, ...] = ()


class Polarity(_Strict):
    """Words that praise or blame in this domain, beside what VADER knows.

    `neutral` are words of VADER's that mean nothing here; `turned` are words whose sign depends on the aspect, as
    `{price = {cheap = 1}, build = {cheap = -1}}`. Words are in lower case; praise and complaint may be phrases.
    """

    praise: tuple[Text, ...] = ()
    complaint: tuple[Text, ...] = ()
    neutral: tuple[Text, ...] = ()
    turned: dict[Name, dict[Text, Literal[-1, 1]]] = {}


class Product(_Strict):
    """One row of products.csv. Aliases are parted by `|`; `~alias` counts only with the brand in sight.

    `ids` is what platforms of reviews call it, as `amazon:B0CHX1W1XY|steam:1245620`; the column may be missing.
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


class DomainFile(_Strict):
    """domain.toml as written."""

    title: Text
    languages: tuple[Text, ...] = Field(min_length=1)
    sources: dict[Name, Source]
    files: dict[Name, FileMapping] = {}
    aspects: dict[Name, Aspect] = Field(min_length=1)
    brands: dict[Text, Brand]
    meaning: Meaning = Meaning()
    polarity: Polarity = Polarity()


class Domain(_Strict):
    """A product category: data only, identified by its folder's name and versioned by its content."""

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
    version: str

    def __hash__(self) -> int:
        """Hash of what the domain holds, which its version stands for."""
        return hash((self.name, self.version))

    def communities(self, platform: str) -> tuple[str, ...]:
        """The communities of a platform this domain listens to, in lower case; empty when it names none."""
        source = self.sources.get(platform)
        return tuple(sorted({name.lower() for name in source.communities})) if source else ()

    def aliases(self) -> list[Alias]:
        """Every alias of every product, normalised as texts are, in the order of the catalogue."""
        return [
            Alias(normalise(alias.removeprefix("~")), product.product_id, alias.startswith("~"))
            for product in self.products
            for alias in product.aliases
        ]

    def product_ids(self, platform: str) -> dict[str, str]:
        """Our products by what a platform calls them."""
        named = (
            (each.partition(":"), product.product_id)
            for product in self.products
            for each in product.ids
        )
        return {name: product_id for (prefix, _, name), product_id in named if prefix == platform}

    @property
    def overall_aspect(self) -> str:
        """The aspect that stands for the product as a whole."""
        return next(name for name, aspect in self.aspects.items() if aspect.is_overall)


def normalise(text: str) -> str:
    """Lower case, with everything but letters, digits and `+` turned into single spaces."""
    return " ".join(re.sub(r"[^\w+]|_", " ", text.lower()).split())


def domain_names(domains_path: Path) -> list[str]:
    """Every domain there is, in alphabetical order."""
    return sorted(path.parent.name for path in domains_path.glob("*/domain.toml"))


def load_domain(name: str, domains_path: Path) -> Domain:
    """The domain kept in a folder of this name.

    Raises UnknownDomain naming those that exist, or DomainInvalid naming file, line and rule.
    """
    folder = domains_path / name
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or not (folder / "domain.toml").is_file():
        known = domain_names(domains_path)
        message = (
            f"no domain {name!r} below {domains_path}; there are: {', '.join(known) or 'none'}"
        )
        raise UnknownDomain(message)
    stamps = [
        (path.stat().st_mtime_ns, path.stat().st_size)
        for path in (folder / "domain.toml", folder / "products.csv")
        if path.exists()
    ]
    return _load(folder, repr(stamps))


@lru_cache(maxsize=16)
def _load(folder: Path, _stamps: str) -> Domain:
    """The same, read once for as long as nobody touches it: a run asks for it at every stage."""
    name, file = folder.name, _read_toml(folder / "domain.toml")
    products = _read_products(folder / "products.csv")
    content = {
        "file": file.model_dump(mode="json"),
        "products": [p.model_dump(mode="json") for p in products],
    }
    version = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
    domain = Domain(name=name, products=products, version=version, **dict(file))
    _check(domain, folder)
    return domain


def _read_toml(path: Path) -> DomainFile:
    try:
        return DomainFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path}: not TOML in UTF-8: {error}"
        raise DomainInvalid(message) from error
    except ValidationError as error:
        raise _invalid(path, error) from error


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
                raise _invalid(place, error) from error
    if not products:
        message = f"{path} has no product"
        raise DomainInvalid(message)
    return tuple(products)


def _invalid(place: object, error: ValidationError) -> DomainInvalid:
    reasons = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return DomainInvalid(f"{place}: {reasons}")


def _check(domain: Domain, folder: Path) -> None:
    """Refuse what would make a mention or an opinion ambiguous."""
    problems = itertools.chain(_aspect_problems(domain), _product_problems(domain))
    for file, problem in problems:
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


def _product_problems(domain: Domain) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for product in domain.products:
        if product.product_id in seen:
            yield "products.csv", f"product_id {product.product_id!r} appears twice"
        seen.add(product.product_id)
        if product.brand not in domain.brands:
            yield (
                "products.csv",
                f"brand {product.brand!r} of {product.product_id} has no [brands] entry in domain.toml",
            )
    named = [("alias", alias.alias, alias.product_id) for alias in domain.aliases()]
    named += [
        ("id", each, product.product_id) for product in domain.products for each in product.ids
    ]
    owners: dict[tuple[str, str], str] = {}
    for what, name, product_id in named:
        owner = owners.setdefault((what, name), product_id)
        if not name:
            yield "products.csv", f"{product_id} has an alias without a letter or digit"
        elif owner != product_id:
            yield (
                "products.csv",
                f"{what} {name!r} stands for both {owner} and {product_id}: keep one",
            )
