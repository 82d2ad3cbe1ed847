"""The report's figures: read from the mart's views and shaped for the page."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from market_opinion.domain.definition import BRAND_ROW, Domain
from market_opinion.domain.languages import LANGUAGES
from market_opinion.scorers.clauses import CueFinder
from market_opinion.serving.charts import CELL_MIN_OPINIONS, signed
from market_opinion.stages.naming import namer_of
from market_opinion.truth.estimates import LABELS

_PRODUCTS_MAX, _BRANDS_MAX = 16, 12
_QUOTES_MAX, _WORDS_MAX, _NAMES_MAX = 6, 5, 8
_QUOTE_CONFIDENCE_MIN, _QUOTE_REFERRED_MIN = 0.55, 0.8
_QUOTE_MIN_WORDS, _QUOTE_MAX_CHARACTERS = 5, 280
# "The last great small one": the word says which one is judged, not what of it.
_SAYS_WHICH = re.compile(r"\s+ones?\b", re.IGNORECASE)
_FULL_COLOUR_AT = 1.0


class Read(Protocol):
    """A reader of several SELECTs, which refer to a parameter as `$name`."""

    def __call__(
        self, selects: dict[str, str], parameters: dict[str, str], /
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield the name and the rows of each SELECT in turn."""


@dataclass(frozen=True)
class Figures:
    """All rows that the page shows of one domain."""

    mentions: pl.DataFrame
    scorecard: pl.DataFrame
    evidence: pl.DataFrame
    words: pl.DataFrame
    coverage: pl.DataFrame
    windows: pl.DataFrame
    loads: pl.DataFrame
    scorers: pl.DataFrame
    scorer_days: pl.DataFrame
    platforms: pl.DataFrame
    stars: pl.DataFrame
    estimates: pl.DataFrame
    opinions: pl.DataFrame
    known: pl.DataFrame


# In one order, so that the same mart gives the same page byte for byte.
_SQL = {
    "mentions": """
        SELECT p.brand, p.product, p.category, f.mentioned_at, f.author_key,
               f.polarity, f.label, f.opinion_count
        FROM mart.fact_brand_mentions AS f
        JOIN mart.dim_product AS p ON p.product_key = f.product_key
        WHERE f.domain = $domain
        ORDER BY f.mention_key""",
    "scorecard": """
        SELECT s.*, p.category
        FROM mart.aspect_scorecard AS s
        JOIN mart.dim_product AS p
          ON p.domain = s.domain AND p.product_id = s.product_id AND p.is_current
        WHERE s.domain = $domain""",
    "evidence": """
        SELECT e.*, m.reason, m.confidence AS mention_confidence,
               COALESCE(o.confidence, 1.0) AS confidence, n.product_count
        FROM mart.top_evidence AS e
        JOIN (SELECT domain, platform, kind, item_id, COUNT(DISTINCT product_id) AS product_count
              FROM mart.fact_brand_mentions
              GROUP BY domain, platform, kind, item_id) AS n
          ON n.domain = e.domain AND n.platform = e.platform AND n.kind = e.kind
         AND n.item_id = e.item_id
        JOIN mart.fact_brand_mentions AS m
          ON m.domain = e.domain AND m.platform = e.platform AND m.kind = e.kind
         AND m.item_id = e.item_id AND m.product_id = e.product_id
        JOIN mart.fact_aspect_opinion AS o
          ON o.mention_key = m.mention_key AND o.aspect = e.aspect
        WHERE e.domain = $domain AND e.evidence_rank <= 6
        ORDER BY e.evidence_rank, e.product_id, e.aspect, e.label""",
    "words": """
        SELECT * FROM (
            SELECT e.*,
                   ROW_NUMBER() OVER (PARTITION BY e.product_id, e.aspect
                                      ORDER BY e.evidence_rank, e.label, e.item_id) AS of_product,
                   ROW_NUMBER() OVER (PARTITION BY e.brand, e.aspect
                                      ORDER BY e.evidence_rank, e.label, e.product_id, e.item_id)
                       AS of_brand
            FROM mart.top_evidence AS e
            WHERE e.domain = $domain) AS w
        WHERE w.of_product <= 5 OR w.of_brand <= 5
        ORDER BY w.brand, w.product_id, w.aspect, w.of_product""",
    "coverage": """
        SELECT platform, community, MIN(full_date) AS first_date, MAX(full_date) AS last_date,
               CAST(SUM(window_count) AS BIGINT) AS window_count,
               CAST(SUM(certified_window_count) AS BIGINT) AS certified_window_count,
               CAST(SUM(item_count) AS BIGINT) AS item_count,
               CAST(SUM(comment_count) AS BIGINT) AS comment_count,
               CAST(SUM(usable_comment_count) AS BIGINT) AS usable_comment_count
        FROM mart.coverage
        WHERE $domain IS NOT NULL
        GROUP BY platform, community
        ORDER BY platform, community""",
    "windows": """
        SELECT c.platform, c.community, w.window_start, w.state, w.item_count
        FROM mart.fact_window AS w
        JOIN mart.dim_community AS c ON c.community_key = w.community_key
        WHERE $domain IS NOT NULL""",
    "loads": """
        SELECT * FROM mart.load_audit AS a
        WHERE a.domain = $domain
          AND NOT EXISTS (SELECT 1 FROM mart.load_audit AS b
                          WHERE b.domain = a.domain AND b.load_number > a.load_number
                            AND b.first_date_key <= a.last_date_key
                            AND b.last_date_key >= a.first_date_key)
        ORDER BY a.last_date_key DESC LIMIT 12""",
    "scorers": """
        SELECT scorer, model, opinion_count FROM mart.scorer_opinions
        WHERE domain = $domain ORDER BY opinion_count DESC, scorer, model""",
    "scorer_days": """
        SELECT full_date, scorer, model, opinion_count FROM mart.scorer_days
        WHERE domain = $domain""",
    "platforms": """
        SELECT r.platform, r.brand, r.mention_count, v.voice_count, v.net_sentiment
        FROM mart.platform_brand AS r
        JOIN mart.platform_brand_by_author AS v
          ON v.domain = r.domain AND v.platform = r.platform AND v.brand = r.brand
        WHERE r.domain = $domain""",
    "estimates": """
        SELECT * FROM mart.estimates
        WHERE domain = $domain AND measure = 'net_sentiment'
          AND part IN ('brand', 'aspect', 'product_aspect')""",
    "opinions": """
        SELECT brand, aspect, thread_key, item_key, author_key, voice_weight, label
        FROM mart.estimate_items
        WHERE domain = $domain AND base = 'opinion'
        ORDER BY thread_key, item_key, brand, aspect, label""",
    "known": """
        SELECT DISTINCT platform FROM mart.dim_community
        WHERE $domain IS NOT NULL ORDER BY platform""",
    "stars": "SELECT * FROM mart.star_agreement WHERE domain = $domain ORDER BY platform",
}


def collect(read: Read, domain: str) -> Figures:
    """Read the figures of a domain from the mart."""
    return Figures(**dict(read(_SQL, {"domain": domain})))


def has_sample(facts: Figures) -> tuple[bool, bool]:
    """Return whether figures hold items of the bundled sample, and whether they leave them out."""
    counted = facts.platforms if facts.platforms.height else facts.coverage
    is_counted, is_known = (
        "sample" in rows["platform"].to_list() for rows in (counted, facts.known)
    )
    return is_counted, is_known and not is_counted


def sources(coverage: pl.DataFrame) -> str:
    """Return what was read, and of which days; empty where nothing was."""
    if coverage.is_empty():
        return ""
    places = [
        f"{platform}: {', '.join(names) if len(names) <= _NAMES_MAX else f'{len(names):,} places'}"
        for (platform,), rows in coverage.sort("platform", "community").group_by(
            "platform", maintain_order=True
        )
        if (names := rows["community"].to_list())
    ]
    first, last = coverage["first_date"].min(), coverage["last_date"].max()
    return f"{'; '.join(places)} · {_day(first)} to {_day(last)}"


def _day(day: Any) -> str:  # noqa: ANN401, a date or a time of the database
    return f"{day.day} {day:%B %Y}"


def tiles(facts: Figures) -> list[tuple[str, str, str]]:
    """Return title, figure and meaning of each tile, most asked for first."""
    judged = facts.mentions.filter(pl.col("opinion_count") > 0).height
    mentions = facts.mentions.height
    authors = facts.mentions["author_key"].n_unique() if mentions else 0
    net = (
        facts.mentions.filter(pl.col("label") == "positive").height
        - facts.mentions.filter(pl.col("label") == "negative").height
    )
    return [
        ("Mentions", f"{mentions:,}", f"by {authors:,} authors"),
        (
            "Opinions",
            f"{facts.scorecard['opinion_count'].sum():,}",
            "each with the words behind it",
        ),
        (
            "Net sentiment",
            signed(net / judged) if judged else "–",
            "of all mentions that are judged",
        ),
        (
            "Mentions judged",
            f"{judged / mentions:.0%}" if mentions else "–",
            "have at least one opinion",
        ),
    ]


def coverage_tiles(coverage: pl.DataFrame) -> list[tuple[str, str, str]]:
    """Return title, figure and meaning of each tile about what was read."""
    total = {
        name: int(coverage[name].sum()) for name in coverage.columns if name.endswith("_count")
    }
    comments, usable = total["comment_count"], total["usable_comment_count"]
    hours, certified = total["window_count"], total["certified_window_count"]
    return [
        ("Items read", f"{total['item_count']:,}", "posts, comments and reviews"),
        (
            "Usable comments",
            f"{usable / comments:.1%}" if comments else "–",
            "the rest is deleted, spam, too short or copied",
        ),
        (
            "Complete hours",
            f"{certified / hours:.0%}" if hours else "–",
            f"of {hours:,}: all that the source gave is here",
        ),
    ]


def tones(mentions: pl.DataFrame) -> pl.DataFrame:
    """Count mentions by `brand` and `tone`."""
    return (
        mentions.with_columns(tone=pl.col("label").fill_null("not judged"))
        .group_by("brand", "tone")
        .agg(pl.len().alias("mention_count"))
        .sort("brand", "tone")
    )


def product_trend(mentions: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of `trend` of models alone, each with the product's name as its `brand`."""
    models = mentions.filter(pl.col("category") != BRAND_ROW)
    return trend(models.with_columns(brand="product"))


def trend(mentions: pl.DataFrame) -> pl.DataFrame:
    """Return a row a judged mention: `brand`, `at`, `net_sentiment`, and a `mention_count` of 1."""
    signs = {"positive": 1.0, "negative": -1.0, "neutral": 0.0}
    return mentions.drop_nulls("label").select(
        "brand",
        at="mentioned_at",
        net_sentiment=pl.col("label").replace_strict(signs, return_dtype=pl.Float64),
        mention_count=1,
    )


def unnamed_share(scorecard: pl.DataFrame) -> float | None:
    """Return the share of opinions on a brand of which no model is named; None without opinions."""
    count = int(scorecard["opinion_count"].sum())
    of_brands = scorecard.filter(category=BRAND_ROW)["opinion_count"].sum()
    return int(of_brands) / count if count else None


def standing(estimates: pl.DataFrame) -> dict[str, Any]:
    """Return net sentiment by brand, most comments first, and the words that go with it.

    `brands` have enough to say something, `too_few` are the names of the others, `label_count` is
    the number of labelled items that the figures are corrected by; 0 where there are none. A brand
    of which these say too little has a star, and the scorer's own figure.
    """
    best = _best(estimates.filter(part="brand", measure="net_sentiment")).sort(
        "comment_count", "brand", descending=[True, False]
    )
    labels = max(best["label_count"], default=0)
    is_own = (pl.lit(labels) > 0) & (pl.col("method") != LABELS)
    starred = pl.when(is_own).then(pl.format("{} *", "brand")).otherwise("brand")
    return {
        "brands": best.filter(~pl.col("is_too_few")).head(_BRANDS_MAX).with_columns(brand=starred),
        "too_few": best.filter("is_too_few")["brand"].to_list(),
        "label_count": labels,
    }


def heat(scorecard: pl.DataFrame, estimates: pl.DataFrame, domain: Domain) -> dict[str, Any]:
    """Return a table of net sentiments, products by aspects, most judged first.

    Where no product has enough opinions on any aspect, its rows are brands. A cell of which too
    little is known is None; `is_sure` tells whether its interval leaves out zero.
    """
    products = scorecard.filter(pl.col("category") != BRAND_ROW)
    table = _table(products, estimates.filter(part="product_aspect"), domain, row="product_id")
    if table["rows"]:
        return {"title": "Products by aspect", "is_of_brands": False, **table}
    brands = scorecard.with_columns(product=pl.col("brand"))
    return {
        "title": "Brands by aspect",
        "is_of_brands": True,
        **_table(brands, estimates.filter(part="aspect"), domain, row="brand"),
    }


def _table(
    scorecard: pl.DataFrame, estimates: pl.DataFrame, domain: Domain, *, row: str
) -> dict[str, Any]:
    """Return titles of aspects, and a row of cells for each value of the column `row`."""
    top = (
        scorecard.group_by(list(dict.fromkeys((row, "product", "brand"))))
        .agg(pl.col("opinion_count").sum())
        .sort("opinion_count", row, descending=[True, False])
        .head(_PRODUCTS_MAX)
    )
    known = _best(estimates.filter(measure="net_sentiment")).filter(
        ~pl.col("is_too_few"), pl.col("comment_count") >= CELL_MIN_OPINIONS
    )
    kept = known.join(top, on=row, how="semi")
    totals = (
        kept.group_by("aspect")
        .agg(pl.col("comment_count").sum())
        .sort("comment_count", "aspect", descending=[True, False])
    )
    aspects = totals["aspect"].to_list()
    cells = {(each[row], each["aspect"]): _cell(each) for each in kept.to_dicts()}
    rows = [
        {**each, "cells": [cells.get((each[row], aspect)) for aspect in aspects]}
        for each in top.to_dicts()
    ]
    return {
        "names": aspects,
        "aspects": [
            domain.aspects[name].title if name in domain.aspects else name for name in aspects
        ],
        "rows": [each for each in rows if any(each["cells"])],
        "left_out_count": sum(not any(each["cells"]) for each in rows),
    }


def with_words(table: dict[str, Any], words: pl.DataFrame) -> dict[str, Any]:
    """Return the table of `heat` with the words behind each of its cells: praise and complaint.

    `words` are the surest of each product and aspect, by `of_product`, and of each brand and
    aspect, by `of_brand`.
    """
    key, place = ("brand", "of_brand") if table["is_of_brands"] else ("product_id", "of_product")
    kept = words.filter(pl.col(place) <= _WORDS_MAX).sort(key, "aspect", place)
    by_cell = kept.partition_by(key, "aspect", as_dict=True)
    rows = []
    for row in table["rows"]:
        cells = [
            cell and {**cell, "aspect": title, "words": _dicts(by_cell.get((row[key], name)))}
            for cell, name, title in zip(
                row["cells"], table["names"], table["aspects"], strict=True
            )
        ]
        rows.append({**row, "cells": cells})
    return {**table, "rows": rows}


def _dicts(rows: pl.DataFrame | None) -> list[dict[str, Any]]:
    """Return rows as dicts; one sentence may tell of several products."""
    if rows is None:
        return []
    return rows.unique("evidence", keep="first", maintain_order=True).to_dicts()


def _best(estimates: pl.DataFrame) -> pl.DataFrame:
    """Return one row a cell: corrected by labels where that says something, else of sampling."""
    cell = ["part", "brand", "product_id", "aspect"]
    is_said = (pl.col("method") == LABELS) & ~pl.col("is_too_few")
    return (
        estimates.filter(is_said | (pl.col("method") != LABELS))
        .sort("label_count", descending=True)
        .unique(cell, keep="first", maintain_order=True)
    )


def _cell(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("value", "low", "high", "comment_count")},
        "strength": round(min(1.0, abs(row["value"]) / _FULL_COLOUR_AT) * 100),
        "is_praise": row["value"] >= 0,
        "is_sure": row["low"] > 0 or row["high"] < 0,
    }


def plain(places: Iterable[tuple[str, str, str, int]], domain: Domain) -> list[bool]:
    """Return whether each of (words, product, aspect) speaks of the two alone, and in one tone.

    The number beside them is of the products in the words' text. Where there are several, the words
    name theirs.
    """
    namer, cues, tone = namer_of(domain), CueFinder(domain), SentimentIntensityAnalyzer()

    def is_plain(words: str, product: str, aspect: str, product_count: int) -> bool:
        named = {name.product_id for name in namer.names(words)}
        judged = {cue.aspect for cue in cues.find(words) if not _SAYS_WHICH.match(words, cue.end)}
        scores = tone.polarity_scores(words)
        is_one_tone = not (scores["pos"] and scores["neg"])
        sides = judged - {domain.overall_aspect}
        is_of_aspect = sides == {aspect} - {domain.overall_aspect}
        is_of_product = product in named if named or product_count > 1 else True
        return is_of_product and is_of_aspect and is_one_tone

    return [is_plain(*place) for place in places]


def quotes(evidence: pl.DataFrame, label: str, domain: Domain) -> list[dict[str, Any]]:
    """Return the strongest quotes of one label, one per product: readable lengths, no questions.

    Out of their text they must say one thing: no other product is named, their own one is where the
    text has several, the aspect has a cue and no other one has, and no word praises where another
    one blames. They are rather right than not,
    and a text that names its product nowhere surely speaks of it.
    """
    is_sure = pl.col("mention_confidence") >= _QUOTE_REFERRED_MIN
    readable = evidence.filter(
        (pl.col("reason") != "referred") | is_sure,
        pl.col("confidence") >= _QUOTE_CONFIDENCE_MIN,
        pl.col("label") == label,
        pl.col("evidence").str.count_matches(r"\w+") >= _QUOTE_MIN_WORDS,
        pl.col("evidence").str.len_chars() <= _QUOTE_MAX_CHARACTERS,
        ~pl.col("evidence").str.ends_with("?"),
    )
    places = readable.select("evidence", "product_id", "aspect", "product_count").iter_rows()
    readable = readable.filter(pl.Series(plain(places, domain), dtype=pl.Boolean))
    strength = (
        pl.col("polarity").abs() * (3 + pl.col("votes").fill_null(0).clip(lower_bound=0)).log()
    )
    ranked = readable.with_columns(strength=strength).sort(
        "strength", "item_id", "aspect", descending=[True, False, False]
    )
    return (
        ranked.unique(["product_id"], keep="first", maintain_order=True)
        .unique("item_id", keep="first", maintain_order=True)
        .head(_QUOTES_MAX)
        .to_dicts()
    )


def platform_table(platforms: pl.DataFrame) -> dict[str, Any]:
    """Return brands by platform: authors, mentions, and net sentiment with each author once."""
    totals = (
        platforms.group_by("brand")
        .agg(pl.col("voice_count").sum())
        .sort("voice_count", "brand", descending=[True, False])
    )
    names = (
        platforms.group_by("platform")
        .agg(pl.col("voice_count").sum())
        .sort("voice_count", "platform", descending=[True, False])
    )
    cells = {(row["brand"], row["platform"]): row for row in platforms.iter_rows(named=True)}
    columns = names["platform"].to_list()
    rows = [
        {"brand": brand, "cells": [cells.get((brand, name)) for name in columns]}
        for brand in totals["brand"].head(_BRANDS_MAX)
    ]
    return {"platforms": columns, "rows": rows}


def coverage_table(coverage: pl.DataFrame) -> list[dict[str, Any]]:
    """Return one row per community, with its share of usable comments."""
    ratio = pl.when(pl.col("comment_count") > 0).then(
        pl.col("usable_comment_count") / pl.col("comment_count")
    )
    return coverage.with_columns(usable_comment_ratio=ratio).to_dicts()


def not_judged(languages: pl.DataFrame, domain: Domain) -> dict[str, Any]:
    """Return the share of usable comments in languages that are not judged, and counts of each.

    `languages` has `language` and `comment_count`; `share` is None without a usable comment.
    """
    codes = sorted({*LANGUAGES} - {*domain.judged_languages})
    left = languages.filter(pl.col("language").is_in(codes))
    ordered = left.sort("comment_count", "language", descending=[True, False])
    usable = int(languages["comment_count"].sum())
    return {
        "share": int(left["comment_count"].sum()) / usable if usable else None,
        "languages": [
            (LANGUAGES.get(code, code), count)
            for code, count in ordered.select("language", "comment_count").iter_rows()
        ],
    }


def costs(answers: pl.DataFrame) -> pl.DataFrame:
    """Return one row per model: questions, tokens and USD (null if a price is unknown)."""
    return (
        answers.group_by("model")
        .agg(
            pl.len().alias("question_count"),
            (pl.col("status") != "ok").sum().alias("given_up_count"),
            pl.col("input_tokens", "output_tokens").sum(),
            pl.when(pl.col("usd").null_count() == 0).then(pl.col("usd").sum()).alias("usd"),
        )
        .sort("question_count", "model", descending=[True, False])
    )
