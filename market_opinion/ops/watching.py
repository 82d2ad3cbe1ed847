"""Watching a domain: the last closed week beside the four before, and bursts since it began.

Rows of gold.changes and gold.bursts are replaced, so that a rerun writes the same. Where another
version of the scorer judged the weeks before, the one of now judges a sample of their days once
more, into a score set of its own: the anchor by which the scorer's part of a change is told.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import polars as pl

from market_opinion.core.contracts import (
    GOLD_BURSTS,
    GOLD_CHANGES,
    ITEM_KEY,
    SILVER_ITEMS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.core.window import Slice, Window, spans
from market_opinion.domain.definition import Domain, domain_names
from market_opinion.ops import score_sets
from market_opinion.ops.alerts import Alert
from market_opinion.ops.run import Run
from market_opinion.scorers.judging import scorer_version
from market_opinion.serving.digest import burst_sentence, change_sentence, headlines, told
from market_opinion.stages.opinions import ACTIVE_SET
from market_opinion.storage.lake.tables import Lake
from market_opinion.storage.state import StateStore
from market_opinion.truth.bursts import Days, find_bursts
from market_opinion.truth.changes import VERSION, Judged, Weeks, find_changes

ANCHOR_SET = "anchor"
# Opinions of an earlier version on the days that are judged again, and the fewest days.
_ANCHOR_OPINIONS, _ANCHOR_DAYS_MIN = 2_000, 4
_PLACE_COLUMNS = [*ITEM_KEY, "community", "thread_id", "created_at", "author_key"]
_TOPIC = "watch"


def anchor_slices(run: Run) -> list[Slice]:
    """Return days before the last closed week for the scorer of now to judge once more.

    They are drawn by a hash, so that a later run draws the same. There are none where the scorer of
    now did not judge the week, or nobody else judged the weeks before.
    """
    weeks, domain, lake = Weeks.closed(run.now), run.load_domain(), run.adapters.lake()
    live = _opinions(lake, run.domain, ACTIVE_SET, weeks.window)
    is_ours = _is_of((*scorer_version(domain, run.settings), domain.version))
    is_now = pl.col("window_start") >= weeks.start_at
    if live.filter(is_now, is_ours).is_empty():
        return []
    theirs = live.filter(~is_now, ~is_ours)
    counts = dict(theirs.group_by(pl.col("window_start").dt.date()).len().iter_rows())
    drawn: list[datetime] = []
    count = 0
    for day in sorted(counts, key=lambda day: _hash(f"{domain.name} {day}")):
        if len(drawn) >= _ANCHOR_DAYS_MIN and count >= _ANCHOR_OPINIONS:
            break
        drawn.append(datetime.combine(day, time(), UTC))
        count += counts[day]
    return [span for start in sorted(drawn) for span in _day_slices(run, lake, start)]


def _day_slices(run: Run, lake: Lake, start: datetime) -> Iterator[Slice]:
    """Yield the slices of a day's items, each platform in parts that fit in memory."""
    day, domain = Window(start, start + timedelta(days=1)), run.load_domain()
    columns = ["platform", "community", "window_start"]
    items = lake.read(SILVER_ITEMS, window=day, columns=columns)
    for platform in domain.sources:
        known = domain.communities(platform)
        theirs = items.filter(pl.col("community").is_in(known), platform=platform)
        counts = dict(theirs.group_by("window_start").len().iter_rows())
        communities = tuple(theirs["community"].unique().sort())
        hours = [(hour, counts.get(hour.start, 0)) for hour in day.hours()]
        for part in spans(hours, max_items=run.settings.span_max_items) if counts else ():
            yield Slice(platform, communities, part)


def make_changes(run: Run) -> tuple[int, int]:
    """Replace what is known of the last closed week, and return the changes and bursts in it.

    Rows of gold.bursts are replaced from the week's Monday to the day before now, those of
    gold.changes of the week.
    """
    return _make_week(run, Weeks.closed(run.now))


def told_runs(run: Run) -> list[Run]:
    """Return this run for every domain of which a week was compared, or a burst found."""
    lake, known = run.adapters.lake(), domain_names(run.settings.domains_path)
    told = {
        name
        for table in (GOLD_CHANGES, GOLD_BURSTS)
        for name in lake.read(table, columns=["domain"])["domain"].unique()
    }
    return [replace(run, domain=name) for name in known if name in told]


def make_again(run: Run, slices: Collection[Slice]) -> int:
    """Make what is known of weeks anew whose rows rest on the slices, and return their number.

    After an erasure nothing that a person wrote is counted any more; other weeks stay.
    """
    lake, where, closed = run.adapters.lake(), {"domain": run.domain}, Weeks.closed(run.now)
    days = [
        *lake.read(GOLD_CHANGES, where, columns=["week_start"])["week_start"],
        *lake.read(GOLD_BURSTS, where, columns=["full_date"])["full_date"],
    ]
    # Bursts of the week that is not over yet are made with the last one that is.
    starts = {min(day - timedelta(days=day.weekday()), closed.start) for day in days}
    touched = [
        weeks
        for weeks in map(Weeks, sorted(starts))
        if any(
            span.window.start < (run.now if weeks == closed else weeks.window.end)
            and weeks.window.start < span.window.end
            for span in slices
        )
    ]
    for weeks in touched:
        _make_week(run, weeks)
    return len(touched)


def last_day(run: Run) -> list[Slice]:
    """Return the last day of the last closed week; none where the star schema was never loaded.

    A load of that day brings the week's changes and bursts into the star schema.
    """
    if not run.adapters.mart().is_loaded:
        return []
    end = Weeks.closed(run.now).week.end
    return [Slice("", (), Window(end - timedelta(days=1), end))]


def _make_week(run: Run, weeks: Weeks) -> tuple[int, int]:
    """Replace the rows of a week, and of bursts since it began where it is the last closed one."""
    lake, where = run.adapters.lake(), {"domain": run.domain}
    bursts, flagged = _make_bursts(run, lake, weeks)
    opinions = _opinions(lake, run.domain, ACTIVE_SET, weeks.window)
    judged = Judged(
        lake.read(SILVER_ITEMS, window=weeks.window, columns=_PLACE_COLUMNS),
        lake.read(SILVER_MENTIONS, where, weeks.window),
        opinions,
        *_anchors(lake, run.adapters.state(), run.domain, weeks, opinions),
        flagged,
    )
    few = run.settings.mart.publish_min_authors
    found = find_changes(judged, _brands(run), weeks, min_authors=few)
    rows = found.with_columns(domain=pl.lit(run.domain)).select(*GOLD_CHANGES.schema)
    earlier = lake.read(GOLD_CHANGES, where).filter(pl.col("week_start") != weeks.start)
    lake.overwrite(GOLD_CHANGES, pl.concat([earlier, rows]), where, None, run=run.commit())
    return rows.filter("is_change").height, bursts.height


def unsent_alerts(run: Run) -> dict[str, Alert]:
    """Return an alert of each change and burst, and of the week's digest, by a name that lasts.

    Those that were sent before are left out.
    """
    domain, lake, where = run.load_domain(), run.adapters.lake(), {"domain": run.domain}
    start = Weeks.closed(run.now).start
    changes = lake.read(GOLD_CHANGES, where).filter(week_start=start)
    bursts = lake.read(GOLD_BURSTS, where).filter(pl.col("full_date") >= start)
    alerts = dict(_alerts(changes, bursts, domain))
    lines = " ".join(headlines(changes, domain, start))
    path = run.settings.digest_path(run.domain, "html")
    alerts[f"{start} digest"] = Alert("digest", f"{domain.title}: {lines} Read {path}")
    sent = run.adapters.state().notes(_TOPIC)
    return {name: alert for name, alert in alerts.items() if f"{run.domain}/{name}" not in sent}


def record_alerts(run: Run, names: Iterable[str]) -> None:
    """Remember that these were sent, and forget those of days before the last closed week."""
    state, start = run.adapters.state(), str(Weeks.closed(run.now).start)
    state.put_notes(_TOPIC, {f"{run.domain}/{name}": str(run.now) for name in names})
    ours = [name for name in state.notes(_TOPIC) if name.startswith(f"{run.domain}/")]
    state.drop_notes(
        _TOPIC, [name for name in ours if name.partition("/")[2][: len(start)] < start]
    )


def _alerts(
    changes: pl.DataFrame, bursts: pl.DataFrame, domain: Domain
) -> Iterator[tuple[str, Alert]]:
    for row in told(changes):
        name = f"{row['week_start']} {row['measure']} {row['brand']} {row['aspect'] or ''}"
        yield name, Alert("opinion_changed", f"{domain.title}: {change_sentence(row, domain)}")
    for row in bursts.iter_rows(named=True):
        name = f"{row['full_date']} {row['kind']} {row['brand']}"
        yield name, Alert("burst", f"{domain.title}: {burst_sentence(row)}")


def _make_bursts(run: Run, lake: Lake, weeks: Weeks) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Replace and return the rows of bursts, and return the items of bursts by brand."""
    where = {"domain": run.domain}
    is_last = weeks == Weeks.closed(run.now)
    last = run.now if is_last else weeks.week.end
    days = Days(weeks.start, last.date() - timedelta(days=1))
    watched = Window(weeks.start_at, days.window.end)
    texts = lake.read(SILVER_ITEMS, window=watched, columns=[*ITEM_KEY, "text"])
    items = lake.read(SILVER_ITEMS, window=days.window, columns=_PLACE_COLUMNS)
    found, flagged = find_bursts(
        items.join(texts, on=ITEM_KEY, how="left"),
        lake.read(SILVER_MENTIONS, where, days.window),
        _opinions(lake, run.domain, ACTIVE_SET, watched),
        _brands(run),
        days,
    )
    rows = found.with_columns(domain=pl.lit(run.domain)).select(*GOLD_BURSTS.schema)
    lake.overwrite(GOLD_BURSTS, rows, where, watched, run=run.commit())
    return rows, flagged


def _anchors(
    lake: Lake, state: StateStore, domain: str, weeks: Weeks, live: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return opinions of the version that judged most of the week on hours before, and the hours.

    They are of any score set that is mostly of this version, as the live one is not. An hour counts
    where all of its opinions in the set are, and counts once; opinions on purged items are not.
    """
    nothing = live.clear(), live.clear().select("platform", "window_start")
    of_week = live.filter(pl.col("window_start") >= weeks.start_at)
    if of_week.is_empty():
        return nothing
    most = of_week.group_by(VERSION).len().sort("len", *VERSION).select(VERSION).row(-1)
    place, found, known = ["platform", "window_start"], [nothing[0]], nothing[1]
    for name, parts_judged in state.notes(score_sets.TOPIC).items():
        of_domain, _, score_set = name.partition("/")
        if of_domain != domain:
            continue
        rows = _opinions(lake, domain, score_set, weeks.before)
        others = rows.filter(~_is_of(most))
        if 2 * others.height >= rows.height:
            continue
        hours = _hours(parts_judged, weeks.before).join(others, on=place, how="anti")
        new = hours.join(known, on=place, how="anti")
        found.append(rows.join(new, on=place, how="semi"))
        known = pl.concat([known, new])
    return pl.concat(found), known


def _hours(parts: Iterable[tuple[str, str, str]], within: Window) -> pl.DataFrame:
    """Return `platform` and `window_start` of the hours of spans that lie within a window."""
    hours = {
        (platform, hour.start)
        for platform, start, end in parts
        for hour in Window(datetime.fromisoformat(start), datetime.fromisoformat(end)).hours()
        if hour.start in within
    }
    schema = {name: SILVER_OPINIONS.schema[name] for name in ("platform", "window_start")}
    return pl.DataFrame(sorted(hours), schema=schema, orient="row")


def _is_of(version: tuple[str | None, ...]) -> pl.Expr:
    """Return whether an opinion is of a version: scorer, model, prompt and domain."""
    return pl.all_horizontal(
        pl.col(name).fill_null("") == (value or "")
        for name, value in zip(VERSION, version, strict=True)
    )


def _opinions(lake: Lake, domain: str, score_set: str, window: Window) -> pl.DataFrame:
    return lake.read(SILVER_OPINIONS, {"domain": domain, "score_set": score_set}, window)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _brands(run: Run) -> dict[str, str]:
    return {product.product_id: product.brand for product in run.load_domain().products}
