"""Altair charts over rows of the mart; each fills the width of its container."""

from datetime import datetime, timedelta

import altair as alt
import polars as pl

PRAISE, COMPLAINT, NEUTRAL = "#1a7f6b", "#c2452d", "#c9c5bc"
_INK, _FAINT = "#2b2a27", "#8a867d"
_BRANDS_MAX, _LINES_MAX = 10, 5
# A cell of fewer opinions stays empty: it says nothing where some of them may be wrong.
CELL_MIN_OPINIONS = 5
_PALETTE = ["#22577a", "#d9782d", "#1a7f6b", "#8e4585", "#b8a11f"]
# Mean polarities rarely exceed this, so it gets the full colour.
_FULL_COLOUR_AT = 0.6
_WHITE_FROM = 0.45
_TIME_AXIS = alt.Axis(tickCount=4, labelOverlap=True)
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
        share=pl.col("mention_count") / whole, brand_share=pl.col("brand_count") / whole
    )
    tones = ["positive", "neutral", "negative", "not judged"]
    order = totals["brand"].head(_BRANDS_MAX).to_list()
    base = alt.Chart(shares.to_arrow()).encode(alt.Y("brand:N", sort=order, title=None))
    bars = (
        base.mark_bar(height={"band": 0.7})
        .encode(
            alt.X("share:Q", title="share of mentions", axis=alt.Axis(format="%", tickCount=4)),
            alt.Color(
                "tone:N",
                sort=tones,
                scale=alt.Scale(domain=tones, range=[PRAISE, NEUTRAL, COMPLAINT, "#e9e6df"]),
                legend=alt.Legend(orient="bottom", title=None),
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
        alt.X("max(brand_share):Q"), alt.Text("max(brand_share):Q", format=".0%")
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


def sentiment_over_time(polarities: pl.DataFrame) -> alt.LayerChart:
    """Draw lines of the mean polarity of the most mentioned brands, in steps that suit the span.

    Columns: `brand`, `at`, `polarity`, and `mention_count`, the number of judged mentions that the
    polarity is the mean of.
    """
    weight = pl.col("mention_count")
    totals = (
        polarities.group_by("brand")
        .agg(weight.sum())
        .sort("mention_count", "brand", descending=[True, False])
    )
    top = totals["brand"].head(_LINES_MAX).to_list()
    points = (
        polarities.filter(pl.col("brand").is_in(top))
        .group_by("brand", pl.col("at").dt.truncate(_step(polarities["at"])).alias("from"))
        .agg(((pl.col("polarity") * weight).sum() / weight.sum()).round(4), weight.sum())
    )
    brand = alt.Color(
        "brand:N",
        sort=top,
        scale=alt.Scale(domain=top, range=_PALETTE),
        legend=alt.Legend(orient="bottom", title=None, columns=3),
    )
    zero = (
        alt.Chart(pl.DataFrame({"polarity": [0.0]}).to_arrow())
        .mark_rule(color=_FAINT, strokeDash=[3, 3])
        .encode(alt.Y("polarity:Q"))
    )
    base = alt.Chart(points.sort("brand", "from").to_arrow()).encode(
        alt.X(
            "from:T",
            title=None,
            scale=alt.Scale(type="utc"),
            axis=alt.Axis(tickCount=6, labelOverlap=True),
        ),
        alt.Y(
            "polarity:Q",
            title="mean polarity",
            scale=alt.Scale(domain=[-1, 1]),
            axis=alt.Axis(tickCount=5),
        ),
        brand,
        [
            alt.Tooltip("brand:N"),
            alt.Tooltip("from:T", format="%d %b %H:%M"),
            alt.Tooltip("polarity:Q", format="+.2f"),
            alt.Tooltip("mention_count:Q", title="mentions"),
        ],
    )
    lines = base.mark_line(interpolate="linear", strokeWidth=2)
    dots = base.mark_circle(opacity=0.9).encode(
        size=alt.Size("mention_count:Q", scale=alt.Scale(range=[20, 200]), legend=None)
    )
    return _styled((zero + lines + dots).properties(width="container", height=280))


def brand_over_time(polarities: pl.DataFrame, span: tuple[datetime, datetime]) -> alt.LayerChart:
    """Draw the mean polarity of one brand; a step of too few mentions is a gap in the line.

    Columns: `at`, `polarity` and `mention_count`, as of `sentiment_over_time`; `span` are the first
    and last time of all brands, so that small charts beside each other have one scale.
    """
    weight = pl.col("mention_count")
    step = _step(pl.Series(span)).replace("6h", "1d")  # rows are of days
    steps = pl.Series("from", span).dt.truncate(step)
    grid = pl.datetime_range(steps[0], steps[1], step, eager=True).alias("from").to_frame()
    told = (
        polarities.group_by(pl.col("at").dt.truncate(step).alias("from"))
        .agg(((pl.col("polarity") * weight).sum() / weight.sum()).round(4), weight.sum())
        .filter(weight >= CELL_MIN_OPINIONS)
    )
    points = grid.join(told, on="from", how="left")
    base = alt.Chart(points.to_arrow()).encode(
        alt.X("from:T", title=None, scale=alt.Scale(type="utc"), axis=_TIME_AXIS)
    )
    of_step = base.encode(
        alt.Y(
            "polarity:Q",
            title=None,
            scale=alt.Scale(domain=[-1, 1]),
            axis=alt.Axis(values=[-1, 0, 1], format="+d"),
        ),
        tooltip=[
            alt.Tooltip("from:T", format="%d %b %Y %H:%M", title="from (UTC)"),
            alt.Tooltip("polarity:Q", format="+.2f", title="mean polarity"),
            alt.Tooltip("mention_count:Q", title="mentions"),
        ],
    )
    middle = alt.Chart(pl.DataFrame({"polarity": [0.0]}).to_arrow())
    zero = middle.mark_rule(color=_FAINT, strokeDash=[3, 3]).encode(alt.Y("polarity:Q"))
    line = of_step.mark_line(strokeWidth=2, color=_PALETTE[0], invalid="break-paths-show-domains")
    dots = of_step.mark_circle(size=30, color=_PALETTE[0], opacity=1).transform_filter(
        "isValid(datum.polarity)"
    )
    return _styled((zero + line + dots).properties(width="container", height=110))


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
            axis=alt.Axis(tickCount=6, labelOverlap=True),
        ),
        alt.X2("until:T"),
        alt.Y("place:N", title=None),
        tooltip=[
            alt.Tooltip("place:N", title="community"),
            alt.Tooltip("from:T", format="%d %b %H:%M"),
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
    """Draw cells of mean polarity over their number of opinions, brand by aspect, most first.

    Columns: `brand`, `aspect_title`, `opinion_count`, `mean_polarity`.
    """
    order = {
        name: cells.group_by(name)
        .agg(pl.col("opinion_count").sum())
        .sort("opinion_count", name, descending=[True, False])[name]
        .to_list()
        for name in ("brand", "aspect_title")
    }
    words = pl.Series("shown", [signed(each) for each in cells["mean_polarity"]], pl.String)
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
            alt.Tooltip("mean_polarity:Q", format="+.2f", title="mean polarity"),
            alt.Tooltip("opinion_count:Q", title="opinions"),
        ],
    )
    colour = alt.Scale(
        domain=[-_FULL_COLOUR_AT, 0, _FULL_COLOUR_AT],
        range=[COMPLAINT, "#f6f3ec", PRAISE],
        clamp=True,
        interpolate="rgb",  # else half of a complaint is orange
    )
    filled = base.mark_rect(stroke="white").encode(
        alt.Color("mean_polarity:Q", scale=colour, legend=None)
    )
    is_dark = f"abs(datum.mean_polarity) > {_WHITE_FROM}"
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
            axis=alt.Axis(tickCount=6, labelOverlap=True, format="%d %b"),
        ),
        alt.Y(
            "usable_comment_ratio:Q",
            title="usable comments",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="%", tickCount=5),
        ),
        alt.Color("place:N", legend=alt.Legend(orient="bottom", title=None, columns=3)),
        [
            alt.Tooltip("place:N"),
            alt.Tooltip("full_date:T", format="%d %b"),
            alt.Tooltip("usable_comment_ratio:Q", format=".1%"),
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


def _step(times: pl.Series) -> str:
    """Return a Polars duration that divides the span of the times into ten to thirty steps."""
    for limit, step in ((4, "6h"), (31, "1d"), (240, "1w")):
        if _span(times) <= timedelta(days=limit):
            return step
    return "1mo"


def _styled(chart: alt.LayerChart) -> alt.LayerChart:
    styled: alt.LayerChart = (
        chart.configure(font=_FONT, background="transparent", padding=0)
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
        alt.X("usd:Q", title="USD for 1,000 items with a mention"),
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
