"""The report: one HTML page over the mart's views, which loads nothing from any address."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import altair as alt
import jinja2
import polars as pl
import vl_convert

from market_opinion.core.contracts import OPS_REJECTIONS, SILVER_EXTRACTIONS
from market_opinion.domain.definition import Domain
from market_opinion.domain.languages import LANGUAGES
from market_opinion.serving import charts
from market_opinion.serving.digest import headlines
from market_opinion.serving.report import figures
from market_opinion.serving.report.complaints import complaints
from market_opinion.truth.accuracy import Accuracy, accuracy_sentences
from market_opinion.truth.estimates import SIZE_MIN

REJECTIONS = OPS_REJECTIONS
ANSWERS = SILVER_EXTRACTIONS
ANSWER_COLUMNS = ("model", "status", "input_tokens", "output_tokens", "usd")
LANGUAGE_DAYS = 30
NO_LANGUAGES = pl.DataFrame(schema={"language": pl.String, "comment_count": pl.Int64})
_TRENDS_MAX = 4
# Two points are no trend.
_PRODUCT_STEPS_MIN = 3
_TEMPLATE = Path(__file__).parent / "page.html.j2"


def chart_script() -> str:
    """Return what draws the charts in a browser, 0.9 MB; putting it together takes over a second.

    It depends on the version of vl_convert alone.
    """
    script: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub forgets the default
    return script


def render(
    read: figures.Read,
    domain: Domain,
    *,
    now: datetime,
    rejections: pl.DataFrame,
    answers: pl.DataFrame,
    accuracies: dict[str, Accuracy],
    changes: pl.DataFrame | None = None,
    languages: pl.DataFrame = NO_LANGUAGES,
    script: Callable[[], str] = chart_script,
) -> str:
    """Return the page as HTML; for an empty mart, a page that says so.

    `answers` are the domain's rows of silver.extractions, with ANSWER_COLUMNS; `accuracies` the
    measured accuracy of each scorer, `changes` the rows of gold.changes of the last week that was
    compared. `languages` has the `comment_count` of each `language`, of the last
    LANGUAGE_DAYS. `script` returns what draws the charts in a browser.
    """
    facts = figures.collect(read, domain.name)
    has_sample, leaves_sample_out = figures.has_sample(facts)
    brands_over_time, products_over_time = _over_time(facts)
    template = _environment().from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        domain=domain,
        now=now,
        news=_news(changes, domain),
        sources=figures.sources(facts.coverage),
        tiles=figures.tiles(facts),
        coverage_tiles=figures.coverage_tiles(facts.coverage),
        heat=figures.with_words(
            figures.heat(facts.scorecard, facts.estimates, domain), facts.words
        ),
        unnamed=figures.unnamed_share(facts.scorecard),
        trends=charts.brands_over_time(brands_over_time, most=_TRENDS_MAX),
        product_trends=_products(products_over_time),
        complaints=complaints(facts.opinions, domain),
        step_min=charts.CELL_MIN_OPINIONS,
        standing=figures.standing(facts.estimates),
        best=figures.quotes(facts.evidence, "positive", domain),
        worst=figures.quotes(facts.evidence, "negative", domain),
        rejection_counts=_rejection_counts(rejections),
        costs=figures.costs(answers).to_dicts(),
        loads=facts.loads.to_dicts(),
        scorers=facts.scorers.to_dicts(),
        coverage=figures.coverage_table(facts.coverage),
        language_days=LANGUAGE_DAYS,
        judged=[LANGUAGES.get(code, code) for code in domain.judged_languages],
        not_judged=figures.not_judged(languages, domain),
        by_platform=figures.platform_table(facts.platforms),
        stars=facts.stars.to_dicts(),
        accuracy=accuracy_sentences(accuracies, facts.scorers),
        fewest=SIZE_MIN,
        has_sample=has_sample,
        leaves_sample_out=leaves_sample_out,
        # Altair's own validation takes a tenth of a second here; a test validates instead.
        specs={name: chart.to_dict(validate=False) for name, chart in draw(facts).items()},
        script=script() if facts.mentions.height else "",
    )


def _environment() -> jinja2.Environment:
    """Return what the page is made in, with the ways in which it writes numbers and days."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = lambda value: "–" if value is None else f"{value:.0%}"
    environment.filters["share"] = lambda value: "–" if value is None else f"{value:.1%}"
    environment.filters["signed"] = charts.signed
    environment.filters["date"] = lambda key: f"{key // 10000}-{key // 100 % 100:02}-{key % 100:02}"
    return environment


def draw(facts: figures.Figures) -> dict[str, alt.LayerChart]:
    """Return charts by the id of their HTML element; none if there is no mention."""
    if not facts.mentions.height:
        return {}
    brands = figures.standing(facts.estimates)["brands"]
    standing = {"standing": charts.standing(brands)} if brands.height else {}
    rows, of_products = _over_time(facts)
    trends = {
        f"trend-{place}": charts.brand_over_time(rows, name)
        for place, name in enumerate(charts.brands_over_time(rows, most=_TRENDS_MAX))
    } | {
        f"product-trend-{place}": charts.brand_over_time(of_products, name)
        for place, name in enumerate(_products(of_products))
    }
    return standing | {
        "share-of-voice": charts.share_of_voice(figures.tones(facts.mentions)),
        **trends,
        "coverage": charts.coverage(facts.windows),
    }


def _over_time(facts: figures.Figures) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what the courses of brands and of products are drawn from."""
    courses = figures.trend(facts.mentions), figures.product_trend(facts.mentions)
    of_brands, of_products = (charts.by_scorer(rows, facts.scorer_days) for rows in courses)
    return of_brands, of_products


def _products(rows: pl.DataFrame) -> list[str]:
    """Return the products whose course over time is drawn."""
    return charts.brands_over_time(rows, most=_TRENDS_MAX, least=_PRODUCT_STEPS_MIN)


def _news(changes: pl.DataFrame | None, domain: Domain) -> list[str]:
    """Return what changed in at most three sentences, or that there is nothing to compare yet."""
    if changes is None or changes.is_empty():
        return ["No week was compared with the weeks before it yet: market-opinion watch does so."]
    return headlines(changes, domain, changes["week_start"][0])


def _rejection_counts(rejections: pl.DataFrame) -> list[dict[str, Any]]:
    counts = rejections.group_by("stage", "reason").agg(pl.len().alias("count"))
    return counts.sort("count", "stage", "reason", descending=[True, False, False]).to_dicts()
