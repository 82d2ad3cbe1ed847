"""Which products an item speaks of, by the aliases of a domain: whole words, longest alias first."""

import polars as pl

from market_opinion.core.contracts import SILVER_MENTIONS
from market_opinion.domain.definition import BRAND_ROW, Domain
from market_opinion.domain.definition import normalise as normalise_alias
from market_opinion.stages.cleaning import normalise
from market_opinion.stages.silver import UNDETERMINED


def find_mentions(items: pl.DataFrame, domain: Domain) -> pl.DataFrame:
    """One row per usable item, in a language of the domain, and product it speaks of, in the contract of silver.mentions.

    A review speaks of its subject, where the catalogue knows it by the platform's id. Another item that names no product
    inherits the one its thread's title names; a title that names several gives none.
    """
    relevant = items.filter(
        "is_usable", pl.col("language").is_in([*domain.languages, UNDETERMINED])
    ).with_row_index("row")
    own = _products(relevant.select("row", "community", "text", "context_title"), domain)
    subjects = _subjects(relevant, domain).join(own, on=["row", "product_id"], how="anti")
    silent = relevant.filter(pl.col("context_title").is_not_null()).join(
        pl.concat([own, subjects]), on="row", how="anti"
    )
    inherited = pl.concat([subjects, _inherited(silent, domain)])
    found = pl.concat(
        [own.with_columns(is_inherited=False), inherited.with_columns(is_inherited=True)]
    )
    return (
        relevant.join(found, on="row")
        .with_columns(domain=pl.lit(domain.name), domain_version=pl.lit(domain.version))
        .select(*SILVER_MENTIONS.schema)
        .sort(SILVER_MENTIONS.key)
    )


def _subjects(relevant: pl.DataFrame, domain: Domain) -> pl.DataFrame:
    """The product that each review is of, per `row`, where its platform's id is in the catalogue."""
    named = [
        (platform, subject, product_id)
        for platform in relevant["platform"].unique()
        for subject, product_id in domain.product_ids(platform).items()
    ]
    ids = pl.DataFrame(
        named,
        schema=dict.fromkeys(("platform", "thread_id", "product_id"), pl.String),
        orient="row",
    )
    reviews = relevant.filter(kind="review").join(ids, on=["platform", "thread_id"])
    return reviews.select(
        "row",
        "product_id",
        aliases=pl.col("thread_id").str.to_lowercase(),
        mention_count=pl.lit(1, pl.Int64),
    )


def _inherited(silent: pl.DataFrame, domain: Domain) -> pl.DataFrame:
    """Products of the titles of items that name none themselves, per `row`."""
    titles = silent.select("community", text="context_title").unique().with_row_index("title_row")
    asked = titles.select(
        row="title_row", community="community", text="text", context_title=pl.lit(None, pl.String)
    )
    named = _products(asked, domain)
    alone = named.filter(pl.len().over("row") == 1).rename({"row": "title_row"})
    per_title = titles.join(alone, on="title_row").drop("title_row")
    return (
        silent.select("row", "community", text="context_title")
        .join(per_title, on=["community", "text"])
        .select(named.columns)
    )


def _products(texts: pl.DataFrame, domain: Domain) -> pl.DataFrame:
    """`row`, `product_id`, `aliases` and `mention_count` of every product named in `text`.

    An alias marked as needing its brand counts where a cue of the brand, or another of its products, is in the text or
    the title, or where the community is the brand's own. The row of a brand gives way to a product of that brand.
    """
    catalogue = pl.DataFrame(
        [(a.alias, a.product_id, a.needs_brand) for a in domain.aliases()],
        schema={"alias": pl.String, "product_id": pl.String, "needs_brand": pl.Boolean},
        orient="row",
    )
    brands = pl.DataFrame(
        [(p.product_id, p.brand, p.category == BRAND_ROW) for p in domain.products],
        schema={"product_id": pl.String, "brand": pl.String, "is_brand_row": pl.Boolean},
        orient="row",
    )
    hits = (
        _occurrences(texts.select("row", "text"), catalogue["alias"])
        .join(catalogue, on="alias")
        .join(brands, on="product_id")
    )
    weak_rows = texts.join(hits.filter("needs_brand").select("row").unique(), on="row", how="semi")
    in_sight = pl.concat(
        [
            _brands_in_sight(weak_rows, domain),
            hits.filter(~pl.col("needs_brand")).select("row", "brand"),
        ]
    ).unique()
    believed = pl.concat(
        [
            hits.filter(~pl.col("needs_brand")),
            hits.filter("needs_brand").join(in_sight, on=["row", "brand"], how="semi"),
        ]
    )
    named = believed.filter(
        ~pl.col("is_brand_row") | pl.col("is_brand_row").all().over("row", "brand")
    )
    return named.group_by("row", "product_id").agg(
        pl.col("alias").unique().sort().str.join("|").alias("aliases"),
        pl.len().cast(pl.Int64).alias("mention_count"),
    )


def _brands_in_sight(texts: pl.DataFrame, domain: Domain) -> pl.DataFrame:
    """`row` and `brand` of every brand that a cue or the community puts in sight."""
    cues = pl.DataFrame(
        [
            (normalise_alias(cue), brand)
            for brand, entry in domain.brands.items()
            for cue in entry.cues
        ],
        schema={"alias": pl.String, "brand": pl.String},
        orient="row",
    )
    homes = pl.DataFrame(
        [
            (community.lower(), brand)
            for brand, entry in domain.brands.items()
            for community in entry.communities
        ],
        schema={"community": pl.String, "brand": pl.String},
        orient="row",
    )
    both = pl.concat_str("text", "context_title", separator=" ", ignore_nulls=True)
    by_cue = _occurrences(texts.select("row", text=both), cues["alias"].unique()).join(
        cues, on="alias"
    )
    return pl.concat(
        [by_cue.select("row", "brand"), texts.join(homes, on="community").select("row", "brand")]
    )


def _occurrences(texts: pl.DataFrame, aliases: pl.Series) -> pl.DataFrame:
    """`row` and `alias` of every place where an alias stands in `text` as whole words, the longest where several begin.

    Words are parted by two spaces and aliases carry one at either end, so that neighbours do not share a space.
    """
    longest_first = sorted(aliases, key=len, reverse=True)
    patterns = [f" {alias.replace(' ', '  ')} " for alias in longest_first]
    if not patterns:
        return pl.DataFrame(schema={"row": pl.UInt32, "alias": pl.String})
    return (
        texts.lazy()
        .with_columns(normalise(pl.col("text")).alias("text"))
        # The cheap look comes first: most texts name nothing.
        .filter(pl.col("text").str.contains_any(longest_first))
        .with_columns(padded=" " + pl.col("text").str.replace_all(" ", "  ", literal=True) + " ")
        .select("row", alias=pl.col("padded").str.extract_many(patterns, leftmost=True))
        .explode("alias", empty_as_null=False)
        .with_columns(pl.col("alias").str.strip_chars().str.replace_all("  ", " ", literal=True))
        .collect(engine="streaming")
    )
