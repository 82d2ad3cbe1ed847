"""False alarms, power and causes of changes, by simulation: `python -m benchmarks.changes`.

Each repetition writes five weeks, or six, of five brands by twelve aspects anew: threads and
authors of uneven size, moods of threads and of authors, two communities that judge differently. The
rows go the way that rows of the lake go. Nothing changes; or opinion on one brand does; or another
community comes to speak; or another version of the scorer judges the last week; or a brigade writes
for three hours.
"""

from collections import Counter
from datetime import date, datetime
from typing import NamedTuple

import cyclopts
import numpy as np
import polars as pl

from benchmarks.measure import finish, report
from market_opinion.core.contracts import ITEM_KEY
from market_opinion.truth.bursts import ARRIVALS, DAYS_BEFORE, Days, find_bursts
from market_opinion.truth.causes import MIX, OPINION, SCORER
from market_opinion.truth.changes import NET, Judged, Weeks, find_changes
from market_opinion.truth.estimates import Counts, Estimate, estimate
from market_opinion.truth.population import population

_BRANDS = ("A", "B", "C", "D", "E")
_ASPECTS = tuple(f"aspect_{n}" for n in range(12))
_PRODUCTS = {f"product_{brand}": brand for brand in _BRANDS}
_WEEKS, _NEXT_WEEKS = Weeks(date(2026, 3, 2)), Weeks(date(2026, 3, 9))
_THREADS_A_WEEK = 200
# What communities think on a scale of log odds, and their usual shares of threads.
_MOODS, _SHARES = np.array([-0.4, 0.4]), np.array([0.5, 0.5])
_NEUTRAL_SHARE = 0.1
_SHIFT = 0.15
_ANCHOR_SHARE = 0.25
_THREADS_A_DAY = 30
_DAYS = Days(date(2026, 3, 2), date(2026, 3, 2))
_BRIGADE_COMMENTS, _BRIGADE_AUTHORS = 60, 12


class World(NamedTuple):
    """Rows of all weeks; `again` are the opinions of another version of the scorer."""

    items: pl.DataFrame
    mentions: pl.DataFrame
    opinions: pl.DataFrame
    again: pl.DataFrame


def main(*, repetitions: int = 400, seed: int = 20261127) -> None:
    """Measure.

    Args:
        repetitions: Worlds written for false alarms; half of it for each kind of change.
        seed: Seed of all chance.
    """
    rng = np.random.default_rng(seed)
    _false_alarms(rng, repetitions)
    _opinion(rng, repetitions // 2)
    _mix(rng, repetitions // 2)
    _scorer(rng, repetitions // 2)
    _brigade(rng, repetitions // 2)
    finish()


def _false_alarms(rng: np.random.Generator, count: int) -> None:
    alarms, series, sizes = 0, 0, []
    for _ in range(count):
        rows = _changes(_world(rng))
        alarms += rows["is_change"].any()
        series = rows.filter(~pl.col("is_too_few"), pl.col("aspect").is_not_null()).height
        sizes.append(rows.filter(pl.col("aspect").is_null(), measure=NET)["comment_count"].mean())
    report("changes.series_by_aspect", series, "figures", at_least=60)
    report("changes.comments_of_a_brand", float(np.mean(sizes)), "comments a week")
    report("changes.weeks_with_a_false_alarm", alarms / count, "share", at_most=0.05)


def _opinion(rng: np.random.Generator, count: int) -> None:
    """Opinion on one brand shifts, and stays: it is to be found in the first or second week."""
    found, causes, others = 0, Counter(), 0
    for _ in range(count):
        world = _world(rng, week_count=6, shifted=(4, 5))
        weeks = [_told(_changes(world, weeks)) for weeks in (_WEEKS, _NEXT_WEEKS)]
        found += any(_of_brand(week).height for week in weeks)
        causes.update(cause for week in weeks for cause in _of_brand(week)["cause"].to_list())
        others += sum(week.height - _of_brand(week).height for week in weeks)
    report("changes.shift_found_in_two_weeks", found / count, "share", at_least=0.8)
    report("changes.shift_told_as_opinion", causes[OPINION] / causes.total(), "share")
    report("changes.shift_told_of_another_brand", others / (others + causes.total()), "share")


def _mix(rng: np.random.Generator, count: int) -> None:
    """The milder of two communities comes to write most of it."""
    causes, weeks = Counter(), 0
    for _ in range(count):
        told = _told(_changes(_world(rng, shares=(0.1, 0.9))))
        weeks += told.height > 0
        causes.update(told["cause"].to_list())
    report("changes.mix_found", weeks / count, "share")
    report("changes.mix_told_as_mix", causes[MIX] / causes.total(), "share", at_least=0.95)


def _scorer(rng: np.random.Generator, count: int) -> None:
    """Another version judges the last week, and a quarter of the hours before once more."""
    causes, weeks = Counter(), 0
    for _ in range(count):
        told = _told(_changes(_world(rng), is_rejudged=True))
        weeks += told.height > 0
        causes.update(told["cause"].to_list())
    report("changes.scorer_found", weeks / count, "share")
    report("changes.scorer_told_as_scorer", causes[SCORER] / causes.total(), "share", at_least=0.95)


def _changes(world: World, weeks: Weeks = _WEEKS, *, is_rejudged: bool = False) -> pl.DataFrame:
    window = weeks.window
    is_within = pl.col("window_start").is_between(window.start, window.end, closed="left")
    world = World(*(rows.filter(is_within) for rows in world))
    opinions, anchors = world.opinions, world.opinions.clear()
    hours = anchors.select("platform", "window_start")
    if is_rejudged:
        is_now = pl.col("window_start") >= _WEEKS.start_at
        opinions = pl.concat([opinions.filter(~is_now), world.again.filter(is_now)])
        hours = opinions.filter(~is_now).select("platform", "window_start").unique()
        hours = hours.sort("window_start").gather_every(round(1 / _ANCHOR_SHARE))
        anchors = world.again.join(hours, on=["platform", "window_start"], how="semi")
    bursts = world.items.select(*ITEM_KEY, brand="item_id").clear()
    judged = Judged(world.items, world.mentions, opinions, anchors, hours, bursts)
    return find_changes(judged, _PRODUCTS, weeks, min_authors=5)


def _told(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter("is_change", measure=NET)


def _of_brand(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(brand=_BRANDS[0])


def _world(
    rng: np.random.Generator,
    *,
    week_count: int = 5,
    shifted: tuple[int, ...] = (),
    shares: tuple[float, float] | None = None,
) -> World:
    """Return whole weeks; opinion on the first brand is another in the weeks `shifted`.

    `shares` are those of the communities in the fifth week.
    """
    threads = _THREADS_A_WEEK * len(_BRANDS) * week_count
    thread_week = rng.integers(0, week_count, threads)
    late = np.array(shares or _SHARES)
    place = (rng.random(threads) < np.where(thread_week == 4, late[1], _SHARES[1])).astype(int)
    mood = _MOODS[place] + rng.normal(0, 0.5, threads)
    sizes = 1 + rng.negative_binomial(1, 1 / (1 + rng.lognormal(1.8, 0.9, threads)))
    thread = np.repeat(np.arange(threads), sizes)
    count = thread.size
    writer = (rng.pareto(1.2, count) * 60).astype(int)
    own = rng.normal(0, 0.6, writer.max() + 1)[writer]
    brand = rng.integers(0, len(_BRANDS), threads)[thread]
    week = thread_week[thread]
    odds = mood[thread] + own + np.where((brand == 0) & np.isin(week, shifted), _lift(), 0.0)
    is_praise = rng.random(count) < 1 / (1 + np.exp(-odds))
    is_neutral = rng.random(count) < _NEUTRAL_SHARE
    sign = np.where(is_neutral, 0, np.where(is_praise, 1, -1))
    # The new version hears every sixth complaint as praise.
    again = np.where((sign < 0) & (rng.random(count) < 0.16), 1, sign)
    keys = _keys(week * 7 * 86_400 + rng.integers(0, 7 * 86_400, count), _WEEKS.window.start)
    items = keys.with_columns(
        community=pl.Series(np.array(["sour", "sweet"])[place[thread]]),
        thread_id=pl.Series(thread).cast(pl.String),
        author_key=pl.Series(writer).cast(pl.String),
    )
    product = pl.Series(np.array(list(_PRODUCTS))[brand])
    mentions = keys.with_columns(product_id=product, domain_version=pl.lit("d"))
    opinions = mentions.with_columns(
        aspect=pl.Series(np.array(_ASPECTS)[rng.integers(0, len(_ASPECTS), count)]),
        scorer=pl.lit("simulated"),
        prompt_version=pl.lit(None, pl.String),
    )
    versions = (
        opinions.with_columns(model=pl.lit(model), label=_label(signs))
        for model, signs in (("old", sign), ("new", again))
    )
    return World(items, mentions, *versions)


def _lift() -> float:
    """Return how far log odds move for a shift of net sentiment; moods flatten the curve."""
    return _SHIFT / (2 * (1 - _NEUTRAL_SHARE) * 0.25 * 0.83)


def _label(signs: np.ndarray) -> pl.Series:
    return pl.Series(np.array(["negative", "neutral", "positive"])[signs + 1])


class Comments(NamedTuple):
    """Comments as they are written: the second, thread, author, brand, sign and words of each."""

    at: np.ndarray
    thread: np.ndarray
    writer: np.ndarray
    brand: np.ndarray
    sign: np.ndarray
    words: np.ndarray


def _brigade(rng: np.random.Generator, count: int) -> None:
    """Twelve new people write sixty complaints on a brand in three hours of one day."""
    named, kept, moved, quiet_days, false_names = 0, 0, 0, 0, 0
    for _ in range(count):
        calm, brigade = _month(rng), _writers(rng)
        found, _ = find_bursts(*_frames([calm]), _PRODUCTS, _DAYS)
        quiet_days += len(_BRANDS)
        false_names += found.select("brand", "full_date").n_unique() if found.height else 0
        found, _ = find_bursts(*_frames([calm, brigade]), _PRODUCTS, _DAYS)
        rows = found.filter(brand=_BRANDS[0], kind=ARRIVALS)
        undisturbed = _net_of_day(calm)
        named += rows.height
        for row in rows.iter_rows(named=True):
            kept += undisturbed.low <= row["value_without"] <= undisturbed.high
            moved += row["value"] < undisturbed.low
    report("bursts.brigade_named", named / count, "share", at_least=0.95)
    report("bursts.without_it_as_undisturbed", kept / max(named, 1), "share", at_least=0.95)
    report("bursts.with_it_below_undisturbed", moved / max(named, 1), "share")
    report("bursts.ordinary_days_named", false_names / quiet_days, "share", at_most=0.05)


def _month(rng: np.random.Generator) -> Comments:
    """Return 29 days of ordinary talk on all brands, with its hours and uneven threads."""
    days = DAYS_BEFORE + 1
    threads = _THREADS_A_DAY * days * len(_BRANDS)
    sizes = 1 + rng.negative_binomial(1, 1 / (1 + rng.lognormal(1.3, 0.7, threads)))
    thread = np.repeat(np.arange(threads), sizes)
    count = thread.size
    began = rng.integers(0, days, threads) * 86_400 + rng.beta(3, 2, threads) * 86_400
    at = np.minimum(began[thread] + rng.exponential(4 * 3600, count), days * 86_400 - 1)
    # Half of the comments come from people who write often.
    often = rng.random(count) < 0.5
    writer = np.where(often, (rng.pareto(1.2, count) * 200).astype(int), 10**6 + np.arange(count))
    brand = rng.integers(0, len(_BRANDS), threads)[thread]
    mood = rng.normal(0.2, 0.6, threads)[thread]
    sign = np.where(rng.random(count) < 1 / (1 + np.exp(-mood)), 1, -1)
    return Comments(at, thread, writer, brand, sign, rng.integers(0, 3000, (count, 20)))


def _writers(rng: np.random.Generator) -> Comments:
    """Return the brigade: each in words of its own, over the threads of the brand's day."""
    count = _BRIGADE_COMMENTS
    start = DAYS_BEFORE * 86_400 + rng.integers(0, 21) * 3600
    return Comments(
        at=start + rng.integers(0, 3 * 3600, count),
        thread=10**7 + rng.integers(0, 8, count),
        writer=2 * 10**6 + np.arange(count) % _BRIGADE_AUTHORS,
        brand=np.zeros(count, np.int64),
        sign=np.full(count, -1),
        words=rng.integers(0, 3000, (count, 20)),
    )


def _frames(parts: list[Comments]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return items, mentions and opinions."""
    comments = Comments(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    keys = _keys(comments.at, _DAYS.window.start)
    words = pl.DataFrame(comments.words).select(
        pl.concat_str(pl.all(), separator=" ").alias("text")
    )
    items = keys.with_columns(
        community=pl.lit("all"),
        thread_id=pl.Series(comments.thread).cast(pl.String),
        author_key=pl.Series(comments.writer).cast(pl.String),
        text=words["text"],
    )
    mentions = keys.with_columns(product_id=pl.Series(np.array(list(_PRODUCTS))[comments.brand]))
    return items, mentions, mentions.with_columns(label=_label(comments.sign))


def _net_of_day(comments: Comments) -> Estimate:
    """Return net sentiment of the first brand on the last day."""
    of_day = (comments.at >= DAYS_BEFORE * 86_400) & (comments.brand == 0)
    people = pl.DataFrame({"thread": comments.thread[of_day], "author": comments.writer[of_day]})
    among = population(
        people.with_columns(
            voice=pl.concat_str("thread", "author", separator="|"),
            stratum=pl.lit("all"),
            probability=pl.lit(None, pl.Float64),
        )
    )
    signs = comments.sign[of_day].astype(np.float64)
    return estimate(among, Counts(signs, np.ones(signs.size)), lowest=-1)


def _keys(seconds: np.ndarray, start: datetime) -> pl.DataFrame:
    """Return the keys of comments that were written so long after the start."""
    at = pl.Series((seconds * 1_000_000).astype(np.int64)).cast(pl.Duration("us")) + start
    return pl.DataFrame({"created_at": at}).select(
        platform=pl.lit("simulated"),
        kind=pl.lit("comment"),
        item_id=pl.int_range(pl.len()).cast(pl.String),
        created_at="created_at",
        window_start=pl.col("created_at").dt.truncate("1h"),
    )


if __name__ == "__main__":
    cyclopts.run(main)
