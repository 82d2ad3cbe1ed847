"""Meanings of the tables, views and columns of the mart, and the comments that state them.

A column that a contract describes has the contract's words; the others have theirs here. The data
dictionary and the comments of every engine take them from this module alone.
"""

import re
from collections.abc import Iterator
from functools import cache
from hashlib import sha256

import duckdb

from market_opinion.core.contracts import TABLES
from market_opinion.serving import mart
from market_opinion.storage.state import WindowState

_GRAINS = {
    "dim_aspect": "One row per domain and aspect; `-1` is the unknown member.",
    "dim_community": "One row per platform and community; `-1` is the unknown member.",
    "dim_date": "One row per day from 1995 to 2049; `-1` is the unknown member.",
    "dim_product": (
        "One row per domain, product and version, valid from `valid_from` until before `valid_to`;"
        " `-1` is the unknown member."
    ),
    "dim_scorer": "One row per scorer, model and prompt version; `-1` is the unknown member.",
    "dim_submission": (
        "One row per thread; `is_captured` is false while its first item was not received;"
        " `-1` is the unknown member."
    ),
    "fact_aspect_opinion": (
        "One row per domain, item, product and aspect, of the score set that is shown."
    ),
    "fact_brand_mentions": (
        "One row per domain, item and product;"
        " polarity is the mean of the item's opinions on the product."
    ),
    "fact_window": (
        "One row per community and hour: what was received and how much of it can be used."
    ),
    "label_estimates": (
        "One row per domain, measure and cell of a part, corrected by labels,"
        " as in `gold.estimates`; the view `estimates` has them beside those of sampling."
    ),
    "weekly_changes": (
        "One row per domain, week, measure, brand and aspect, as in `gold.changes`."
    ),
    "daily_bursts": "One row per domain, day, brand and kind, as in `gold.bursts`.",
    "load_audit": (
        "One row per committed load: counts on both sides"
        " and the Iceberg snapshots they were taken from."
    ),
}
# Contracts whose words a column of these tables has before those of the items it is made of.
_CONTRACTS = {
    "fact_brand_mentions": "silver.mentions",
    "label_estimates": "gold.estimates",
    "weekly_changes": "gold.changes",
    "changes": "gold.changes",
    "daily_bursts": "gold.bursts",
    "bursts": "gold.bursts",
    "estimates": "gold.estimates",
    "daily_brand": "gold.daily_brand",
    "daily_aspect": "gold.daily_aspect",
    "daily_platform": "gold.daily_platform",
    "daily_product_aspect": "gold.daily_aspect",
    "weekly_aspect": "gold.daily_aspect",
    "weekly_product": "gold.daily_brand",
}
_FURTHER_CONTRACTS = ("silver.opinions", "silver.mentions", "silver.items", "gold.daily_brand")
_BRAND = "Brand of the product, by the catalogue at the time of the item."
_UNITS = {"UTC": " In UTC.", "characters": ""}
# Columns that mean something of their own in one table.
_OF_TABLE = {
    # Gold's brand is by the catalogue of now.
    **{
        f"{view}.brand": _BRAND
        for view in (
            "daily_aspect",
            "daily_brand",
            "daily_product_aspect",
            "weekly_aspect",
            "weekly_product",
        )
    },
    "aspect_scorecard.mean_polarity": "Mean polarity of opinions, from -1 to 1.",
    "daily_product_aspect.author_count": "Distinct authors of the opinions; do not add them up.",
    "dim_aspect.title": "Title of the aspect, as people read it.",
    "dim_date.full_date": "The day; none for the unknown member.",
    "dim_product.brand": "Brand of the product in this version of the catalogue.",
    "dim_submission.date_key": "Day on which the thread began, as YYYYMMDD; -1 where not known.",
    "dim_submission.permalink": (
        "Address of the thread's first item; none while it is not captured."
    ),
    "dim_submission.title": "Cleaned title of the thread; none while it is not captured.",
    "estimate_items.aspect": "Aspect of the opinion; none for a mention.",
    "estimate_items.label": "Polarity of the opinion in a word; none for a mention.",
    "fact_brand_mentions.label": "Polarity of the mention in a word; none where nothing is judged.",
    "fact_brand_mentions.opinion_count": "Number of the item's opinions on the product.",
    "fact_brand_mentions.polarity": (
        "Mean polarity of the item's opinions on the product, from -1 to 1; none without opinions."
    ),
    "fact_brand_mentions.scorer_key": (
        "Key of scorer, model and prompt version in dim_scorer; `-1` where nothing is judged."
    ),
    "load_audit.score_set": "Score set that was loaded.",
    "platform_brand.author_count": "Distinct authors; do not add them up.",
    "platform_brand_by_author.mean_polarity": (
        "Mean over authors of the mean polarity of each, from -1 to 1."
    ),
    "platform_brand_by_author.net_sentiment": (
        "Share of authors with a positive mean minus share of those with a negative one, of those"
        " who were judged, from -1 to 1."
    ),
    "share_of_voice_by_author.voice_share": (
        "Share of the authors of all brands of the week, from 0 to 1."
    ),
    "share_of_voice_by_platform.voice_share": (
        "Share of the mentions of all brands of the week on the platform, from 0 to 1."
    ),
    "star_agreement.mention_count": "Judged mentions in reviews with stars.",
    "top_evidence.item_id": "Id by the platform; empty in what is published without links.",
    "top_evidence.permalink": "Address of the item; none in what is published without links.",
    "weekly_aspect.author_count": "Distinct authors of the week's opinions; do not add them up.",
    "weekly_aspect.net_sentiment": (
        "Share of positive minus share of negative opinions, from -1 to 1."
    ),
    "weekly_aspect.opinion_count": "Opinions of the week.",
}
# Columns that no contract has, and those whose words in the contracts speak of the lake alone.
_OWN = {
    "agreeing_count": "Mentions whose tone agrees with the stars.",
    "agreement_ratio": "Share of mentions whose tone agrees with the stars, from 0 to 1.",
    "aspect_key": "Key of the aspect in dim_aspect.",
    "aspect_title": "Title of the aspect, as people read it.",
    "base": "What the row is: `mention` or `opinion`.",
    "author_count_before": "Distinct authors of the opinions of the week before.",
    "brand": _BRAND,
    "category": "Category of the product in the catalogue.",
    "certified_window_count": "Hours in the state CERTIFIED.",
    "comment_count": "Comments received.",
    "community_key": "Key of the community in dim_community.",
    "date_count": "Dates that the load rebuilt.",
    "date_key": "Day as YYYYMMDD, the key of dim_date.",
    "evidence_rank": "Rank among the words of its product and label; 1 is the surest.",
    "fact_mention_count": "Mentions in the mart after the load, on its dates.",
    "fact_opinion_count": "Opinions in the mart after the load, on its dates.",
    "failed_check_count": "Failed checks: 0, since a check that fails undoes the load.",
    "first_date_key": "First date of the load, as YYYYMMDD.",
    "is_captured": "Whether the thread's first item was received.",
    "is_current": "Whether this is the current version.",
    "is_overall": "Whether the aspect is the product as a whole.",
    "is_own_brand": "Whether the catalogue marks the brand as one's own.",
    "is_weekend": "Whether it is a Saturday or Sunday.",
    "iso_day_of_week": "Day of the week, from 1 for Monday to 7 for Sunday.",
    "item_count": "Items received.",
    "item_key": "Kind, id and day of the item, joined by `|`.",
    "items_snapshot_id": "Iceberg snapshot of silver.items that was read.",
    "last_date_key": "Last date of the load, as YYYYMMDD.",
    "load_key": "Key of the load; a load with the same inputs has the same.",
    "load_number": "Place of the load in the order of loads; the latest has the highest.",
    "mention_key": "Key of the mention in fact_brand_mentions.",
    "mentioned_at": "Time at which the item was written, in UTC.",
    "mentions_snapshot_id": "Iceberg snapshot of silver.mentions that was read.",
    "month": "Month, from 1 to 12.",
    "month_name": "First three letters of the month's name.",
    "month_start": "First day of the month.",
    "mention_count": "Pairs of an item and a product of the brand that it mentions.",
    "negative_share": "Share of negative opinions, from 0 to 1.",
    "net_sentiment": "Share of positive minus share of negative judged mentions, from -1 to 1.",
    "net_sentiment_before": (
        "Net sentiment of the week before, from -1 to 1; none where that week has no opinion."
    ),
    "net_sentiment_change": (
        "Net sentiment of the week minus that of the week before, from -2 to 2; it may be chance."
    ),
    "opinion_key": "Key of the opinion.",
    "opinion_count": "Number of opinions.",
    "opinion_count_before": "Opinions of the week before.",
    "opinions_snapshot_id": "Iceberg snapshot of silver.opinions that was read.",
    "positive_share": "Share of positive opinions, from 0 to 1.",
    "product": "Name of the product in the catalogue.",
    "product_key": "Key of the product's version in dim_product.",
    "quarter": "Quarter, from 1 to 4.",
    "released_on": "Day of release, where the catalogue has it.",
    "row_hash": "Hash of the catalogue's row; another hash makes a new version.",
    "score_as_of": (
        "Time at which the votes were read, in UTC; none in rows that version 0.3 loaded."
    ),
    "scorer_key": "Key of scorer, model and prompt version in dim_scorer.",
    "silver_mention_count": "Mentions in silver on the load's dates.",
    "silver_opinion_count": "Opinions in silver on the load's dates.",
    "state": f"State of the hour in the ledger: {', '.join(WindowState)}.",
    "submission_key": "Key of the thread in dim_submission.",
    "submitted_at": "Time of the thread's first item, in UTC; none while it is not captured.",
    "thread_key": "Thread of the item, or the item itself where the thread is not known.",
    "times_named": (
        "How often the text names the product; 1 where it does not. A mention is a row, however"
        " often it is named."
    ),
    "unknown_aspect_count": "Opinions whose aspect the domain no longer has.",
    "unknown_product_count": "Mentions whose product the catalogue no longer has.",
    "usable_comment_count": "Comments received that can be used.",
    "usable_comment_ratio": "Usable comments over comments received, from 0 to 1.",
    "usable_item_count": "Items received that can be used.",
    "valid_from": "Start of the version's time, in UTC; 1900-01-01 for the first version.",
    "valid_to": "Moment at which the version ends, in UTC; 9999-12-31 for the current one.",
    "voice_count": "Authors, each counted once; an item without an author counts by itself.",
    "voice_share": "Share of the mentions of all brands of the week, from 0 to 1.",
    "voice_weight": (
        "1 over the number of the author's items with a mention in the thread, above 0 and up to 1."
    ),
    "week_start": "Monday of the week.",
    "window_count": "Hours in the ledger.",
    "window_key": "Key of community and hour.",
    "window_start": "Start of the hour, in UTC.",
    "year": "Year.",
}


@cache
def columns() -> tuple[tuple[str, str, str, bool], ...]:
    """Return table, column, type and whether it may be null, of all of the mart's own objects."""
    with duckdb.connect() as connection:
        for schema in ("mart", "staging", "silver"):
            connection.execute(f"ATTACH ':memory:' AS {schema}")
        connection.execute("USE mart")
        for name in [*mart.SCHEMA, *mart.names("views")]:
            for statement in mart.statements(name):
                connection.execute(statement)
        rows = connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns()"
            " WHERE database_name = 'mart' AND NOT internal ORDER BY table_name, column_index"
        ).fetchall()
    return tuple(rows)


def column_names() -> dict[str, list[str]]:
    """Return the columns of each table and view, in their order."""
    found: dict[str, list[str]] = {}
    for table, column, *_ in columns():
        found.setdefault(table, []).append(column)
    return found


def views() -> set[str]:
    """Return the names of the views."""
    return {name.partition("/")[2] for name in mart.names("views")}


def of_tables() -> dict[str, str]:
    """Return the meaning of each table and view: its grain in a sentence or two.

    That of a view stands in the first lines of its file.
    """
    of_views = {
        name.partition("/")[2]: " ".join(re.findall(r"^-- (.*)$", mart.text(name), re.MULTILINE))
        for name in mart.names("views")
    }
    return {**_GRAINS, **of_views}


def of_column(table: str, column: str) -> str:
    """Return the meaning of a column; raise KeyError where neither contract nor module has one."""
    if own := _OF_TABLE.get(f"{table}.{column}"):
        return own
    described = _descriptions()
    if words := described.get((_CONTRACTS.get(table, ""), column)):
        return words
    if own := _OWN.get(column):
        return own
    for contract in _FURTHER_CONTRACTS:
        if words := described.get((contract, column)):
            return words
    message = f"mart.{table}.{column} has no meaning: give it one in {__name__}"
    raise KeyError(message)


def quoted(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def comments(*, has_views: bool = True) -> Iterator[tuple[str, str, str, str]]:
    """Yield table, column or "", meaning and COMMENT statement of all tables, views and columns.

    `has_views` is false on an engine that keeps the views' rows in tables.
    """
    meanings, as_views = of_tables(), views() if has_views else set()
    for table, names in column_names().items():
        kind = "VIEW" if table in as_views else "TABLE"
        text = meanings[table]
        yield table, "", text, f"COMMENT ON {kind} mart.{table} IS {quoted(text)}"
        for name in names:
            text = of_column(table, name)
            yield table, name, text, f"COMMENT ON COLUMN mart.{table}.{name} IS {quoted(text)}"


def version() -> str:
    """Return a hash of every meaning, which costs less than to list the columns."""
    words = (of_tables(), _CONTRACTS, _FURTHER_CONTRACTS, _OF_TABLE, _OWN, _descriptions())
    return sha256(repr(words).encode()).hexdigest()[:16]


@cache
def _descriptions() -> dict[tuple[str, str], str]:
    """Return the descriptions of the contracts, by the names of table and column."""
    return {
        (table.name, name): f"{column.description}{_unit((column.metadata or {}).get('unit'))}"
        for table in TABLES
        for name, column in table.contract.to_schema().columns.items()
    }


def _unit(unit: str | None) -> str:
    """Return a column's unit or range as a sentence that ends its description."""
    return _UNITS.get(unit, f" From {unit}.") if unit else ""
