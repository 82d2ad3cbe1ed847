"""Altair charts over rows of the mart; each fills the width of its container."""

from datetime import timedelta

import altair as alt
import polars as pl

PRAISE, COMPLAINT, NEUTRAL = "#1a7f6b", "#c2452d", "#c9c5bc"
_INK, _FAINT = "#2b2a27", "#8a867d"
_BRANDS_MAX = 10
# A cell of fewer opinions stays empty: it says nothing where some of them may be wrong.
CELL_MIN_OPINIONS = 5
_LINES = ("#22577a", "#c07f1f", "#6b4f9d", "#4d7c3a")
# From here on, white is easier to read on the colour than ink.
_WHITE_FROM = 0.85
# Steps of an axis of time in days, as Vega has them; its name for hours is not Vega-Lite's.
_TICK_STEPS = (
    *(("day", step, timedelta(days=step)) for step in (1, 2, 7)),
    *(("month", step, timedelta(days=30 * step)) for step in (1, 2, 3, 6, 12)),
)
_STEP_TITLES = {"1d": "day (UTC)", "1w": "week from (UTC)", "1mo": "month from (UTC)"}
# Hours of a day, or days; the year where it begins.
_TIME_LABEL = (
    "utcFormat(datum.value, utchours(datum.value) ? '%H:%M'"
    " : utcdayofyear(datum.value) == 1 ? '%Y' : '%-d %b')"
)
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


def share_of_voice(counts: pl.DataFrame, *, total: int | None = None) -> alt.LayerChart:
    """Draw bars of each brand's share of all mentions, split by tone, most mentioned first.

    Columns: `brand`, `tone`, `mention_count`. `total` is the number of mentions of all brands,
    where these are not all.
    """
    whole = total or counts["mention_count"].sum()
    by_brand = counts.group_by("brand").agg(pl.col("mention_count").sum().alias("brand_count"))
    totals = by_brand.sort("brand_count", "brand", descending=[True, False])
    shares = counts.join(totals.head(_BRANDS_MAX), on="brand").with_columns(
        share=pl.col("mention_count") / whole,
        brand_share=pl.col("brand_count") / whole,
        brand_label=pl.when(pl.col("brand_count") * 200 < whole)
        .then(pl.lit("<1%"))
        .otherwise(pl.format("{}%", (100 * pl.col("brand_count") / whole).round().cast(pl.Int64))),
    )
    tones = ["positive", "neutral", "negative", "not judged"]
    order = totals["brand"].head(_BRANDS_MAX).to_list()
    # Room for the number beside the longest bar.
    longest = shares["brand_share"].max() or 1.0
    across = alt.Scale(domain=[0, round(1.15 * float(longest), 4)], nice=False)  # type: ignore[arg-type]  # a number
    base = alt.Chart(shares.to_arrow()).encode(alt.Y("brand:N", sort=order, title=None))
    bars = (
        base.mark_bar(height={"band": 0.7})
        .encode(
            alt.X(
                "share:Q",
                title="share of mentions",
                scale=across,
                axis=alt.Axis(format="%", tickCount=4),
            ),
            alt.Color(
                "tone:N",
                sort=tones,
                scale=alt.Scale(domain=tones, range=[PRAISE, "#b3aea3", COMPLAINT, "#ebe8e1"]),
                legend=alt.Legend(orient="bottom", title=None, columns=2),
            ),
            alt.Order("tone_order:Q"),
            [
                alt.Tooltip("brand:N"),
                alt.Tooltip("tone:N"),
                alt.Tooltip("mention_count:Q", title="mentions"),
            ],
        )
        .transform_calculate(tone_order=f"indexof({tones}, datum.tone)")
    )
    labels = base.mark_text(align="left", dx=5, color=_FAINT).encode(
        alt.X("max(brand_share):Q"), alt.Text("brand_label:N")
    )
    return _styled((bars + labels).properties(width="container", height=alt.Step(30)))


def standing(brands: pl.DataFrame) -> alt.LayerChart:
    """Draw bars of each brand's net sentiment with whiskers; pale where the interval crosses zero.

    Columns: `brand`, `value`, `low`, `high`, `comment_count`, `thread_count`, in the order shown.
    """
    order = brands["brand"].to_list()
    rows = brands.select(
        "brand",
        "comment_count",
        "thread_count",
        *(pl.col(name).round(4) for name in ("value", "low", "high")),
        direction=pl.when(pl.col("low") > 0)
        .then(pl.lit("praise"))
        .when(pl.col("high") < 0)
        .then(pl.lit("complaint"))
        .otherwise(pl.lit("unsure")),
    )
    base = alt.Chart(rows.to_arrow()).encode(
        alt.Y("brand:N", sort=order, title=None),
        tooltip=[
            alt.Tooltip("brand:N"),
            alt.Tooltip("value:Q", format="+.2f", title="net sentiment"),
            alt.Tooltip("low:Q", format="+.2f"),
            alt.Tooltip("high:Q", format="+.2f"),
            alt.Tooltip("comment_count:Q", title="comments"),
            alt.Tooltip("thread_count:Q", title="threads"),
        ],
    )
    scale = alt.Scale(domain=[-1, 1])
    axis = alt.Axis(
        format="+.1f",
        labelExpr="datum.value == 0 ? '0' : datum.label",
        tickCount=5,
        grid=True,
        gridColor="#eeeae2",
    )
    place = alt.X("value:Q", title=None, scale=scale, axis=axis)
    colour = alt.Color(
        "direction:N",
        scale=alt.Scale(
            domain=["praise", "complaint", "unsure"], range=[PRAISE, COMPLAINT, NEUTRAL]
        ),
        legend=None,
    )
    bars = base.mark_bar(height={"band": 0.5}).encode(place, colour)
    whiskers = base.mark_rule(color=_INK, strokeWidth=1.5).encode(alt.X("low:Q"), alt.X2("high:Q"))
    ends = [
        base.mark_tick(color=_INK, thickness=1.5, size=9).encode(alt.X(f"{end}:Q"))
        for end in ("low", "high")
    ]
    zero = (
        alt.Chart(pl.DataFrame({"value": [0.0]}).to_arrow())
        .mark_rule(color=_FAINT)
        .encode(alt.X("value:Q"))
    )
    dots = base.mark_circle(color=_INK, size=40, opacity=1).encode(alt.X("value:Q"))
    drawn = bars + zero + whiskers + ends[0] + ends[1] + dots
    return _styled(drawn.properties(width="container", height=alt.Step(30)))


def by_scorer(tones: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with `scorer`: the one that gave most opinions on the row's day.

    Opinions of two scorers differ where nobody changed their mind, so that no figure is of days of
    both. `days` has `full_date`, `scorer`, `model` and `opinion_count`.
    """
    main = (
        days.sort("opinion_count", "scorer", "model", descending=[True, False, False])
        .unique("full_date", keep="first")
        .select("full_date", scorer=pl.format("{} ({})", "scorer", "model"))
    )
    day = pl.col("at").dt.date()
    return tones.with_columns(full_date=day).join(main, on="full_date", how="left")


def brands_over_time(tones: pl.DataFrame, *, most: int, least: int = 1) -> list[str]:
    """Return the most judged brands with at least so many steps to draw.

    Columns are those of `brand_over_time`.
    """
    if tones.is_empty():
        return []
    totals = tones.group_by("brand").agg(pl.col("mention_count").sum())
    order = totals.sort("mention_count", "brand", descending=[True, False])["brand"]
    step = _step(tones["at"])
    return [name for name in order if _steps(tones.filter(brand=name), step).height >= least][:most]


def brand_over_time(tones: pl.DataFrame, brand: str) -> alt.LayerChart:
    """Draw the net sentiment of one brand; a step of too few judged mentions is a gap in the line.

    Columns: `brand`, `at`, `net_sentiment`, `mention_count`, the number of judged mentions that it
    is of, and `scorer`: each has a line of its own. The span is that of all brands, so that small
    charts beside each other have one scale.
    """
    step = _step(tones["at"])
    starts = tones["at"].dt.truncate(step).unique().sort()
    grid = pl.datetime_range(starts[0], starts[-1], step, eager=True).alias("from").to_frame()
    steps = _steps(tones.filter(brand=brand), step)
    scorers = steps.sort("from")["scorer"].unique(maintain_order=True)
    points = grid.join(scorers.to_frame(), how="cross").join(
        steps, on=["from", "scorer"], how="left", nulls_equal=True
    )
    axis = _time_axis(tones["at"], ticks=4)
    base = alt.Chart(points.to_arrow()).encode(
        alt.X("from:T", title=None, scale=alt.Scale(type="utc"), axis=axis)
    )
    of_step = base.encode(
        alt.Y(
            "net_sentiment:Q",
            title=None,
            scale=alt.Scale(domain=[-1, 1]),
            axis=alt.Axis(tickCount=2, format="+d", labelExpr="datum.value ? datum.label : '0'"),
        ),
        tooltip=[
            alt.Tooltip("from:T", format="%-d %b %Y", title=_STEP_TITLES[step]),
            alt.Tooltip("net_sentiment:Q", format="+.2f", title="net sentiment"),
            alt.Tooltip("mention_count:Q", title="judged mentions"),
            alt.Tooltip("scorer:N", title="judged by"),
        ],
        color=_of_scorer(tones, is_told=len(scorers) > 1),
    )
    middle = alt.Chart(pl.DataFrame({"net_sentiment": [0.0]}).to_arrow())
    zero = middle.mark_rule(color=_FAINT, strokeDash=[3, 3]).encode(alt.Y("net_sentiment:Q"))
    line = of_step.mark_line(strokeWidth=2, invalid="break-paths-show-domains")
    dots = of_step.mark_circle(size=30, opacity=1).transform_filter("isValid(datum.net_sentiment)")
    return _styled((zero + line + dots).properties(width="container", height=110))


def _of_scorer(tones: pl.DataFrame, *, is_told: bool) -> alt.Color:
    """Return the colour of a line by its scorer, the same for all brands; a legend may tell it."""
    scorers = tones.sort("at")["scorer"].unique(maintain_order=True).to_list()
    legend = alt.Legend(title="judged by", orient="bottom", columns=1) if is_told else None
    scale = alt.Scale(domain=scorers, range=_LINES[: len(scorers)])
    return alt.Color("scorer:N", legend=legend, scale=scale)


def coverage(windows: pl.DataFrame) -> alt.LayerChart:
    """Draw cells of items received, community by hour or day; uncertified hours are framed."""
    every = "1h" if _span(windows["window_start"]) <= timedelta(days=4) else "1d"
    step = timedelta(hours=1) if every == "1h" else timedelta(days=1)
    cells = (
        windows.group_by(
            "platform", "community", pl.col("window_start").dt.truncate(every).alias("from")
        )
        .agg(pl.col("item_count").sum(), (pl.col("state") != "CERTIFIED").sum().alias("open_count"))
        .with_columns(
            place=pl.concat_str("platform", "community", separator="/"), until=pl.col("from") + step
        )
        .sort("place", "from")
    )
    base = alt.Chart(cells.to_arrow()).encode(
        alt.X(
            "from:T",
            title=None,
            scale=alt.Scale(type="utc"),
            axis=_time_axis(windows["window_start"], ticks=6, has_hours=True),
        ),
        alt.X2("until:T"),
        alt.Y("place:N", title=None),
        tooltip=[
            alt.Tooltip("place:N", title="community"),
            alt.Tooltip("from:T", format="%-d %b %Y %H:%M", title="from (UTC)"),
            alt.Tooltip("item_count:Q", title="items"),
            alt.Tooltip("open_count:Q", title="hours not certified"),
        ],
    )
    filled = base.mark_rect().encode(
        alt.Color(
            "item_count:Q",
            title="items",
            scale=alt.Scale(scheme="tealblues"),
            legend=alt.Legend(orient="bottom"),
        )
    )
    framed = base.transform_filter("datum.open_count > 0").mark_rect(
        filled=False, stroke=COMPLAINT, strokeWidth=1.5
    )
    return _styled((filled + framed).properties(width="container", height=alt.Step(26)))


def aspect_heat(cells: pl.DataFrame) -> alt.LayerChart:
    """Draw cells of net sentiment over their number of opinions, brand by aspect, most first.

    Columns: `brand`, `aspect_title`, `opinion_count`, `net_sentiment`.
    """
    order = {
        name: cells.group_by(name)
        .agg(pl.col("opinion_count").sum())
        .sort("opinion_count", name, descending=[True, False])[name]
        .to_list()
        for name in ("brand", "aspect_title")
    }
    words = pl.Series("shown", [signed(each) for each in cells["net_sentiment"]], pl.String)
    base = alt.Chart(cells.with_columns(words).to_arrow()).encode(
        alt.X(
            "aspect_title:N",
            sort=order["aspect_title"],
            title=None,
            axis=alt.Axis(orient="top", labelAngle=-35),
        ),
        alt.Y("brand:N", sort=order["brand"], title=None),
        tooltip=[
            alt.Tooltip("brand:N"),
            alt.Tooltip("aspect_title:N", title="aspect"),
            alt.Tooltip("shown:N", title="net sentiment"),
            alt.Tooltip("opinion_count:Q", title="opinions"),
        ],
    )
    colour = alt.Scale(
        domain=[-1, 0, 1],
        range=[COMPLAINT, "#f6f3ec", PRAISE],
        clamp=True,
        interpolate="rgb",  # else half of a complaint is orange
    )
    filled = base.mark_rect(stroke="white").encode(
        alt.Color("net_sentiment:Q", scale=colour, legend=None)
    )
    is_dark = f"abs(datum.net_sentiment) > {_WHITE_FROM}"
    ink = alt.condition(is_dark, alt.value("white"), alt.value(_INK))
    values = base.mark_text(fontSize=11, dy=-5).encode(alt.Text("shown:N"), color=ink)
    counts = base.mark_text(fontSize=9, dy=8, opacity=0.75).encode(
        alt.Text("opinion_count:Q", format=","), color=ink
    )
    return _styled((filled + values + counts).properties(width="container", height=alt.Step(36)))


def usable_ratio(days: pl.DataFrame) -> alt.LayerChart:
    """Draw lines of the share of usable comments.

    Columns: `place`, `full_date`, `usable_comment_ratio`.
    """
    base = alt.Chart(
        days.drop_nulls("usable_comment_ratio").sort("place", "full_date").to_arrow()
    ).encode(
        alt.X(
            "full_date:T",
            title=None,
            scale=alt.Scale(type="utc"),
            axis=_time_axis(days["full_date"].cast(pl.Datetime("us")), ticks=6),
        ),
        alt.Y(
            "usable_comment_ratio:Q",
            title="usable comments",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="%", tickCount=5),
        ),
        alt.Color("place:N", legend=alt.Legend(orient="bottom", title=None, columns=3)),
        [
            alt.Tooltip("place:N", title="community"),
            alt.Tooltip("full_date:T", format="%-d %b %Y", title="day (UTC)"),
            alt.Tooltip("usable_comment_ratio:Q", format=".1%", title="usable comments"),
        ],
    )
    return _styled(
        (base.mark_line(strokeWidth=2) + base.mark_circle()).properties(
            width="container", height=220
        )
    )


def signed(value: float) -> str:
    """Return a polarity with a true minus, and without a signed zero."""
    rounded = round(value, 2) + 0
    return "0.00" if rounded == 0 else f"{rounded:+.2f}".replace("-", "−")


def _span(times: pl.Series) -> timedelta:
    """Return the time between the first and the last of the times."""
    seconds = times.dt.epoch("s")
    return timedelta(seconds=int(seconds.max() or 0) - int(seconds.min() or 0))  # type: ignore[arg-type]  # numbers


def _time_axis(times: pl.Series, *, ticks: int, has_hours: bool = False) -> alt.Axis:
    """Return the axis of a span with some `ticks`, on whole days or months.

    With `has_hours`, ticks of a short span are hours. Without, Vega would show one day twice.
    """
    apart = _span(times) / ticks
    every, step, _ = next((each for each in _TICK_STEPS if each[2] >= apart), _TICK_STEPS[-1])
    # On a phone every second label is left out, and it would be that of each day.
    is_short = has_hours and _span(times) < timedelta(days=2)
    return alt.Axis(
        tickCount=ticks if is_short else {"interval": every, "step": step},
        labelExpr=_TIME_LABEL,
        labelOverlap=True,
        labelSeparation=2,
    )


def _steps(tones: pl.DataFrame, step: str) -> pl.DataFrame:
    """Return net sentiment and judged mentions by step and scorer, where they are enough."""
    weight = pl.col("mention_count")
    return (
        tones.group_by(pl.col("at").dt.truncate(step).alias("from"), "scorer")
        .agg(((pl.col("net_sentiment") * weight).sum() / weight.sum()).round(4), weight.sum())
        .filter(weight >= CELL_MIN_OPINIONS)
    )


def _step(times: pl.Series) -> str:
    """Return a Polars duration that divides the span of the times into days, or some thirty."""
    for limit, step in ((31, "1d"), (240, "1w")):
        if _span(times) <= timedelta(days=limit):
            return step
    return "1mo"


def _styled(chart: alt.LayerChart) -> alt.LayerChart:
    styled: alt.LayerChart = (
        chart.configure(
            font=_FONT,
            background="transparent",
            padding={"left": 0, "top": 2, "right": 2, "bottom": 6},
        )
        .configure_view(stroke=None)
        .configure_axis(
            grid=False,
            domainColor=_FAINT,
            tickColor=_FAINT,
            labelColor=_INK,
            titleColor=_FAINT,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
        )
        .configure_legend(labelColor=_INK, labelFontSize=12)
    )
    return styled


def frontier(points: pl.DataFrame) -> alt.Chart | alt.LayerChart | alt.FacetChart:
    """Draw precision and recall of opinions against what the model's answers cost.

    Columns: `share` of items that the model is asked about, `usd`, `precision`, `recall`.
    """
    figures = points.unpivot(["precision", "recall"], index=["share", "usd"], variable_name="of")
    base = alt.Chart(figures.to_arrow(), title="Opinions that are right, by what is spent").encode(
        alt.X("usd:Q", title="USD for 1,000 items that may name a product"),
        alt.Y("value:Q", scale=alt.Scale(domain=[0, 1]), title="share of opinions"),
        alt.Color("of:N", title=None, scale=alt.Scale(range=[PRAISE, COMPLAINT])),
    )
    labels = base.mark_text(dy=-12, color=_INK).encode(alt.Text("share:Q", format=".0%"))
    return alt.layer(base.mark_line(), base.mark_point(filled=True, size=60), labels)


def accuracy(curve: pl.DataFrame, groups: pl.DataFrame) -> alt.HConcatChart:
    """Draw precision and recall at every confidence, beside how often each confidence is right.

    Columns: `confidence`, `precision`, `recall` of the curve; `confidence`, `right_ratio`,
    `opinion_count` of the groups.
    """
    shares = curve.unpivot(["precision", "recall"], index="confidence", variable_name="figure")
    scale = alt.Scale(domain=[0, 1])
    lines = (
        alt.Chart(shares.to_arrow(), title="Opinions that count from a confidence on")
        .mark_line(interpolate="step-after")
        .encode(
            alt.X("confidence:Q", scale=scale),
            alt.Y("value:Q", scale=scale, title="share of opinions"),
            alt.Color("figure:N", title=None, scale=alt.Scale(range=["#1a7f6b", "#c2452d"])),
        )
    )
    dots = (
        alt.Chart(groups.to_arrow(), title="How often a confidence is right")
        .mark_point(filled=True, size=60, color="#2b2a27")
        .encode(
            alt.X("confidence:Q", scale=scale),
            alt.Y("right_ratio:Q", scale=scale, title="share that is right"),
            tooltip=["opinion_count:Q"],
        )
    )
    ends = pl.DataFrame({"confidence": [0.0, 1.0], "right_ratio": [0.0, 1.0]})
    diagonal = (
        alt.Chart(ends.to_arrow())
        .mark_line(strokeDash=[4, 4], color="#b8b2a6")
        .encode(x="confidence:Q", y="right_ratio:Q")
    )
    return alt.hconcat(lines, diagonal + dots)
