"""Queries behind the pages: the same views in DuckDB, Snowflake or PostgreSQL."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Literal, Protocol

import polars as pl

from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.settings import Settings
from market_opinion.serving.mart.engine import open_mart
from market_opinion.truth.accuracy import accuracy_path, accuracy_sentences, read_accuracies

Reads = Literal["mart", "postgres"]


class Source(Protocol):
    """A database that holds the views."""

    @property
    def is_loaded(self) -> bool:
        """Whether the database holds any load."""
        ...

    def query(self, sql: str, parameters: Mapping[str, str] | None = None) -> pl.DataFrame:
        """Return the rows of a SELECT."""
        ...


def open_source(settings: Settings, reads: Reads) -> Source:
    """Open the database that the settings name; raise SettingsInvalid if there is none."""
    if reads == "postgres":
        if settings.mart.postgres_uri is None:
            message = (
                "--reads postgres needs POSTGRES_URI: set it to the database with the views,"
                " or leave out --reads"
            )
            raise SettingsInvalid(message)
        from market_opinion.serving.mart.postgres import PostgresMart

        return PostgresMart(settings.mart.postgres_uri)
    if settings.mart.engine == "none":
        message = "MART_URI is none: set it to a mart, or use --reads postgres"
        raise SettingsInvalid(message)
    return open_mart(settings)


def domains(source: Source) -> list[str]:
    """Return the domains that have a mention."""
    return source.query("SELECT DISTINCT domain FROM mart.daily_platform ORDER BY domain")[
        "domain"
    ].to_list()


def platforms(source: Source) -> list[str]:
    """Return the platforms of which hours were read, also of those that no figure counts."""
    rows = source.query("SELECT DISTINCT platform FROM mart.dim_community ORDER BY platform")
    return rows["platform"].to_list()


def daily_brand(source: Source, domain: str) -> pl.DataFrame:
    """Return the view's rows of one domain."""
    return source.query(
        "SELECT * FROM mart.daily_brand WHERE domain = $domain ORDER BY full_date, brand",
        {"domain": domain},
    )


def scorer_days(source: Source, domain: str) -> pl.DataFrame:
    """Return the view's rows of one domain."""
    return source.query(
        "SELECT full_date, scorer, model, opinion_count FROM mart.scorer_days"
        " WHERE domain = $domain ORDER BY full_date, scorer, model",
        {"domain": domain},
    )


def daily_aspect(source: Source, domain: str) -> pl.DataFrame:
    """Return the view's rows of one domain."""
    return source.query(
        "SELECT * FROM mart.daily_aspect WHERE domain = $domain ORDER BY full_date, brand, aspect",
        {"domain": domain},
    )


def changes(source: Source, domain: str) -> pl.DataFrame:
    """Return weeks beside the weeks before, of one domain."""
    return source.query(
        "SELECT * FROM mart.changes WHERE domain = $domain ORDER BY week_start, measure, brand",
        {"domain": domain},
    )


def bursts(source: Source, domain: str) -> pl.DataFrame:
    """Return the bursts of one domain."""
    return source.query(
        "SELECT * FROM mart.bursts WHERE domain = $domain ORDER BY full_date, brand, kind",
        {"domain": domain},
    )


def scorecard(source: Source, domain: str) -> pl.DataFrame:
    """Return opinions by product and aspect over all days, of one domain."""
    return source.query(
        "SELECT * FROM mart.aspect_scorecard WHERE domain = $domain ORDER BY product, aspect",
        {"domain": domain},
    )


def product_quotes(source: Source, domain: str, product: str) -> pl.DataFrame:
    """Return the words on a product, surest first."""
    return source.query(
        "SELECT product, aspect_title, label, polarity, evidence, votes, platform, community,"
        " mentioned_at, permalink FROM mart.top_evidence"
        " WHERE domain = $domain AND product = $product ORDER BY evidence_rank, label LIMIT 200",
        {"domain": domain, "product": product},
    )


def quotes(
    source: Source, domain: str, brand: str, aspect: str, days: tuple[date, date]
) -> pl.DataFrame:
    """Return the words on a brand and aspect, surest first."""
    sql = (
        "SELECT product, label, polarity, evidence, votes, platform, community, mentioned_at,"
        " permalink FROM mart.top_evidence"
        " WHERE domain = $domain AND brand = $brand AND aspect = $aspect"
        " AND CAST(mentioned_at AS DATE) >= CAST($first AS DATE)"
        " AND CAST(mentioned_at AS DATE) <= CAST($last AS DATE)"
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


def accuracy(source: Source, domain: str, domains_path: Path) -> list[str]:
    """Return one sentence a scorer of the domain's opinions: how often they are right."""
    recorded = read_accuracies(accuracy_path(domain, domains_path))
    scorers = source.query(
        "SELECT scorer, model, opinion_count FROM mart.scorer_opinions WHERE domain = $domain"
        " ORDER BY opinion_count DESC, scorer, model",
        {"domain": domain},
    )
    return accuracy_sentences(recorded, scorers)


def coverage(source: Source) -> pl.DataFrame:
    """Return the daily view of coverage."""
    return source.query("SELECT * FROM mart.coverage ORDER BY platform, community, full_date")


def hours(source: Source, since: date) -> pl.DataFrame:
    """Return the hourly view of coverage, from a day on."""
    return source.query(
        "SELECT * FROM mart.hourly_coverage WHERE window_start >= CAST($since AS TIMESTAMP)",
        {"since": str(since)},
    )


def loads(source: Source) -> pl.DataFrame:
    """Return the latest loads with their counts."""
    rows = source.query(
        "SELECT load_number, domain, first_date_key AS first_date, last_date_key AS last_date,"
        " fact_mention_count, fact_opinion_count, unknown_product_count, unknown_aspect_count"
        " FROM mart.load_audit ORDER BY load_number DESC LIMIT 20"
    )
    keys = pl.col("first_date", "last_date").cast(pl.String)
    return rows.with_columns(keys.str.to_date("%Y%m%d").cast(pl.String))


def tones(days: pl.DataFrame) -> pl.DataFrame:
    """Count mentions by `brand` and `tone`, from rows of daily_brand."""
    judged = {name: pl.col(f"{name}_count") for name in ("positive", "neutral", "negative")}
    counts = days.select(
        "brand",
        **judged,
        **{"not judged": pl.col("mention_count") - pl.sum_horizontal(*judged.values())},
    )
    long = counts.unpivot(index="brand", variable_name="tone", value_name="mention_count")
    return (
        long.group_by("brand", "tone")
        .agg(pl.col("mention_count").sum())
        .filter(pl.col("mention_count") > 0)
    )


def trend(days: pl.DataFrame) -> pl.DataFrame:
    """Return net sentiment and judged mentions by `brand` and day, from rows of daily_brand."""
    judged = pl.sum_horizontal("positive_count", "neutral_count", "negative_count")
    return (
        days.with_columns(mention_count=judged, at=pl.col("full_date").cast(pl.Datetime("us")))
        .filter(pl.col("mention_count") > 0)
        .select("brand", "at", "mention_count", net_sentiment=_net("mention_count"))
    )


def cells(aspects: pl.DataFrame) -> pl.DataFrame:
    """Return net sentiment and opinion counts by brand and aspect, from rows of daily_aspect."""
    counts = pl.col("opinion_count", "positive_count", "negative_count").sum()
    summed = aspects.group_by("brand", "aspect", "aspect_title").agg(counts)
    return summed.with_columns(net_sentiment=_net("opinion_count"))


def aspect_trend(aspects: pl.DataFrame) -> pl.DataFrame:
    """Return net sentiment and opinions by `brand` and day, from rows of daily_aspect."""
    return aspects.select(
        "brand",
        at=pl.col("full_date").cast(pl.Datetime("us")),
        mention_count="opinion_count",
        net_sentiment=_net("opinion_count"),
    )


def aspect_net_sentiment(aspects: pl.DataFrame) -> float | None:
    """Return the share of praise minus the share of complaint among opinions; None without one."""
    count = int(aspects["opinion_count"].sum())
    praise, complaint = (int(aspects[f"{tone}_count"].sum()) for tone in ("positive", "negative"))
    return (praise - complaint) / count if count else None


def net_sentiment(days: pl.DataFrame) -> float | None:
    """Return the share of praise minus the share of complaint; None without a judged mention."""
    praise, neutral, complaint = (
        int(days[f"{tone}_count"].sum()) for tone in ("positive", "neutral", "negative")
    )
    judged = praise + neutral + complaint
    return (praise - complaint) / judged if judged else None


def _net(of: str) -> pl.Expr:
    """Return praise minus complaint, of the count in the column `of`."""
    return (pl.col("positive_count") - pl.col("negative_count")) / pl.col(of)
