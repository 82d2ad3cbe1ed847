"""A home in Python: its figures as Polars frames, for notebooks and scripts."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Literal, TypedDict, Unpack

import polars as pl

from market_opinion.core.errors import InvalidRequest, MartRefused
from market_opinion.core.setting_groups import mart_file
from market_opinion.core.settings import load_settings
from market_opinion.serving.filters import Filters, condition, read_view
from market_opinion.serving.mart import Mart
from market_opinion.serving.mart.engine import open_mart

By = Literal["day", "week", "month"]
Each = Literal["brand", "product"]
Names = str | list[str] | tuple[str, ...]
_PERIODS = {"day": "d.full_date", "week": "d.week_start", "month": "d.month_start"}
_TONES = ("positive", "neutral", "negative")
_MENTION = {
    "domain": "f.domain",
    "brand": "p.brand",
    "product": "p.product",
    "product_id": "p.product_id",
    "platform": "c.platform",
    "community": "c.community",
    "full_date": "d.full_date",
}
_OPINION = {**_MENTION, "aspect": "a.aspect", "aspect_title": "a.title"}
_JOINS = (
    " JOIN mart.dim_product AS p ON p.product_key = f.product_key"
    " JOIN mart.dim_community AS c ON c.community_key = f.community_key"
    " JOIN mart.dim_date AS d ON d.date_key = f.date_key"
)
_COUNTS = ", COUNT(*) AS {count}, " + ", ".join(
    f"CAST(SUM(CASE WHEN f.label = '{tone}' THEN 1 ELSE 0 END) AS BIGINT) AS {tone}_count"
    for tone in _TONES
)


class Choice(TypedDict, total=False):
    """Filters of a question: a name or several, and the first and last day in UTC."""

    brand: Names
    product: Names
    aspect: Names
    platform: Names
    community: Names
    since: date | str
    until: date | str


class Home:
    """The mart of a home; every answer is a Polars frame, and nothing is ever written.

    The bundled sample is in no answer on a domain that has real items.

    For example::

        home = open_home()
        home.share_of_voice(brand="Google", by="week")
        home.quotes(brand="Google", aspect="battery", label="negative")
    """

    def __init__(self, mart: Mart, domain: str | None = None) -> None:
        """Ask this mart, of this domain; of its only one where it is left out."""
        self._mart = mart
        self._domain = domain

    @property
    def domain(self) -> str:
        """The domain asked about; raises InvalidRequest where the mart has several."""
        if self._domain is None:
            rows = self.query(
                "SELECT DISTINCT domain FROM mart.fact_brand_mentions ORDER BY domain"
            )
            self._domain = _only(rows["domain"].to_list())
        return self._domain

    def query(self, sql: str, parameters: Mapping[str, str] | None = None) -> pl.DataFrame:
        """Return the rows of one statement that reads; a parameter is written as `$name`.

        Raises InvalidRequest for any other statement, MartRefused where there is no mart yet or it
        does not understand the statement.
        """
        if not self._mart.is_loaded:
            message = "the mart is empty: run `market-opinion backfill` first"
            raise MartRefused(message)
        return self._mart.query(sql, parameters)

    def view(self, name: str, **of: Unpack[Choice]) -> pl.DataFrame:
        """Return the rows of a view of the mart that the filters keep, of all domains."""
        return read_view(self.query, name, _filters(None, of))

    def share_of_voice(
        self, *, by: By | None = "week", each: Each = "brand", **of: Unpack[Choice]
    ) -> pl.DataFrame:
        """Return mentions and share of all mentions, a row a period and brand or product.

        The share is one of all brands and products that the other filters keep.
        """
        kept, keys = _filters(self.domain, of), [*_period(by), *_unit(each)]
        everyone = replace(kept, brand=(), product=())
        total = pl.col("mention_count").sum()
        rows = self._count("brand_mentions", everyone, keys).with_columns(
            voice_share=pl.col("mention_count") / (total.over(_period(by)) if by else total)
        )
        rows = rows.join(self._count("brand_mentions", kept, keys), on=keys, how="semi")
        return rows.select(*keys, "mention_count", "voice_share").sort(keys)

    def net_sentiment(
        self, *, by: By | None = None, each: Each = "brand", **of: Unpack[Choice]
    ) -> pl.DataFrame:
        """Return the share of praise minus the share of complaint among judged mentions.

        A row is a period and brand or product; the figure is null where no mention is judged.
        """
        keys = [*_period(by), *_unit(each)]
        return self._count("brand_mentions", _filters(self.domain, of), keys)

    def aspects(
        self, *, by: By | None = None, each: Each = "brand", **of: Unpack[Choice]
    ) -> pl.DataFrame:
        """Return opinions by aspect, a row a period, brand or product, and aspect."""
        keys = [*_period(by), *_unit(each), "aspect"]
        return self._count("aspect_opinion", _filters(self.domain, of), keys)

    def quotes(
        self, *, label: str | None = None, limit: int = 20, **of: Unpack[Choice]
    ) -> pl.DataFrame:
        """Return the words behind the figures with their links, the surest first.

        `label` keeps one of positive, neutral and negative.
        """
        rows = read_view(self.query, "top_evidence", _filters(self.domain, of))
        kept = rows.filter(pl.col("label") == label) if label else rows
        return kept.sort("evidence_rank", "product", "item_id", "aspect").head(limit)

    def _count(self, fact: str, filters: Filters, keys: list[str]) -> pl.DataFrame:
        """Return rows of a fact with their tones, one a combination of the keys."""
        is_opinion = fact == "aspect_opinion"
        columns = _OPINION if is_opinion else _MENTION
        where, values = condition(filters, columns, of="this question")
        expressions = columns | {f"{name}_start": sql for name, sql in _PERIODS.items()}
        shown = ", ".join(f"{expressions[key]} AS {key}" for key in keys)
        groups = ", ".join(expressions[key] for key in keys)
        counts = _COUNTS.format(count="opinion_count" if is_opinion else "mention_count")
        aspects = " JOIN mart.dim_aspect AS a ON a.aspect_key = f.aspect_key"
        rows = self.query(
            f"SELECT {shown}{counts} FROM mart.fact_{fact} AS f{_JOINS}"  # noqa: S608, our names
            f"{aspects if is_opinion else ''}{where} GROUP BY {groups}",
            values,
        )
        judged = pl.sum_horizontal(f"{tone}_count" for tone in _TONES)
        net = (pl.col("positive_count") - pl.col("negative_count")) / judged
        return rows.with_columns(net_sentiment=pl.when(judged > 0).then(net)).sort(keys)


def open_home(folder: Path | str | None = None, *, domain: str | None = None) -> Home:
    """Return the home of this folder, or the one that the settings name, to be asked."""
    if folder is None:
        return Home(open_mart(load_settings()), domain)
    from market_opinion.serving.mart.duckdb import DuckDBMart

    return Home(DuckDBMart(mart_file(Path(folder))), domain)


def _filters(domain: str | None, of: Choice) -> Filters:
    return Filters(
        domain,
        brand=_several(of.get("brand", ())),
        product=_several(of.get("product", ())),
        aspect=_several(of.get("aspect", ())),
        platform=_several(of.get("platform", ())),
        community=_several(of.get("community", ())),
        since=_day(of.get("since")),
        until=_day(of.get("until")),
    )


def _period(by: By | None) -> list[str]:
    return [f"{by}_start"] if by else []


def _unit(each: Each) -> list[str]:
    return ["brand", "product"] if each == "product" else ["brand"]


def _several(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _day(value: date | str | None) -> date | None:
    """Return the day of a date, or of its ISO form; raises InvalidRequest for anything else."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        message = f"{value} is no day: write 2026-03-01"
        raise InvalidRequest(message) from None


def _only(domains: list[str]) -> str:
    if len(domains) == 1:
        return domains[0]
    message = (
        f"the mart holds {', '.join(domains) or 'no mention of any domain'}:"
        " say which, as open_home(domain=...)"
    )
    raise InvalidRequest(message)
