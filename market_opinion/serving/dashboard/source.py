"""Where the pages' figures come from: the same views of DuckDB, Snowflake or PostgreSQL."""

from collections.abc import Mapping
from datetime import date
from typing import Literal, Protocol

import polars as pl

from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.settings import Settings
from market_opinion.serving.mart.engine import open_mart

Reads = Literal["mart", "postgres"]


class Source(Protocol):
    """What is asked."""

    @property
    def is_loaded(self) -> bool:
        """Whether there is anything."""
        ...

    def query(self, sql: str, parameters: Mapping[str, str] | None = None) -> pl.DataFrame:
        """Rows of a SELECT."""
        ...


def open_source(settings: Settings, reads: Reads) -> Source:
    """What the settings name; raises SettingsInvalid where that is nothing."""
    if reads == "postgres":
        if settings.mart.postgres_uri is None:
            message = (
                "POSTGRES_URI is not set: say where the views were published, or leave out --reads"
            )
            raise SettingsInvalid(message)
        from market_opinion.serving.mart.postgres import PostgresMart

        return PostgresMart(settings.mart.postgres_uri)
    if settings.mart.engine == "none":
        message = "MART_URI is none: the dashboard needs a mart, or --reads postgres"
        raise SettingsInvalid(message)
    return open_mart(settings)


def domains(source: Source) -> list[str]:
    """The domains that anything was mentioned of."""
    return source.query("SELECT DISTINCT domain FROM mart.daily_platform ORDER BY domain")[
        "domain"
    ].to_list()


def daily_brand(source: Source, domain: str) -> pl.DataFrame:
    """The view, of one domain."""
    return source.query(
        "SELECT * FROM mart.daily_brand WHERE domain = $domain ORDER BY full_date, brand",
        {"domain": domain},
    )


def daily_aspect(source: Source, domain: str) -> pl.DataFrame:
    """The view, of one domain."""
    return source.query(
        "SELECT * FROM mart.daily_aspect WHERE domain = $domain ORDER BY full_date, brand, aspect",
        {"domain": domain},
    )


def quotes(
    source: Source, domain: str, brand: str, aspect: str, days: tuple[date, date]
) -> pl.DataFrame:
    """The words behind a number: of a brand and aspect, strongest first."""
    sql = (
        "SELECT product, label, polarity, evidence, votes, platform, community, mentioned_at, permalink FROM mart.top_evidence"
        " WHERE domain = $domain AND brand = $brand AND aspect = $aspect"
        " AND CAST(mentioned_at AS DATE) >= CAST($first AS DATE) AND CAST(mentioned_at AS DATE) <= CAST($last AS DATE)"
        " ORDER BY evidence_rank, product LIMIT 40"
    )
    return source.query(
        sql,
        {
            "domain": domain,
            "brand": brand,
            "aspect": aspect,
            "first": str(days[0]),
            "last": str(days[1]),
        },
    )


def coverage(source: Source) -> pl.DataFrame:
    """The view by day."""
    return source.query("SELECT * FROM mart.coverage ORDER BY platform, community, full_date")


def hours(source: Source, since: date) -> pl.DataFrame:
    """The view by hour, from a day on."""
    return source.query(
        "SELECT * FROM mart.hourly_coverage WHERE window_start >= CAST($since AS TIMESTAMP)",
        {"since": str(since)},
    )


def loads(source: Source) -> pl.DataFrame:
    """The last loads and what they proved."""
    return source.query(
        "SELECT load_number, domain, first_date_key, last_date_key, fact_mention_count, fact_opinion_count, unknown_product_count,"
        " unknown_aspect_count, items_snapshot_id FROM mart.load_audit ORDER BY load_number DESC LIMIT 20"
    )


def tones(days: pl.DataFrame) -> pl.DataFrame:
    """Mentions by `brand` and `tone`, from rows of daily_brand."""
    judged = {name: pl.col(f"{name}_count") for name in ("positive", "neutral", "negative")}
    counted = days.select(
        "brand",
        **judged,
        **{"not judged": pl.col("mention_count") - pl.sum_horizontal(*judged.values())},
    )
    long = counted.unpivot(index="brand", variable_name="tone", value_name="mention_count")
    return (
        long.group_by("brand", "tone")
        .agg(pl.col("mention_count").sum())
        .filter(pl.col("mention_count") > 0)
    )


def trend(days: pl.DataFrame) -> pl.DataFrame:
    """Mean polarity by `brand` and day, with how many judged mentions it is of, from rows of daily_brand."""
    judged = pl.sum_horizontal("positive_count", "neutral_count", "negative_count")
    return (
        days.with_columns(mention_count=judged, at=pl.col("full_date").cast(pl.Datetime("us")))
        .filter(pl.col("mention_count") > 0)
        .select("brand", "at", "mention_count", polarity="mean_polarity")
    )


def cells(aspects: pl.DataFrame) -> pl.DataFrame:
    """Mean polarity and number of opinions by brand and aspect, from rows of daily_aspect."""
    weight = pl.col("opinion_count")
    return aspects.group_by("brand", "aspect", "aspect_title").agg(
        ((pl.col("mean_polarity") * weight).sum() / weight.sum()).alias("mean_polarity"),
        weight.sum(),
        pl.col("positive_count", "negative_count").sum(),
    )


def net_sentiment(days: pl.DataFrame) -> float | None:
    """Share of praise minus share of complaint among judged mentions; none where none was judged."""
    praise, neutral, complaint = (
        int(days[f"{tone}_count"].sum()) for tone in ("positive", "neutral", "negative")
    )
    judged = praise + neutral + complaint
    return (praise - complaint) / judged if judged else None
