"""Rescore: stored texts judged again into a score set of their own, compared and promoted."""

from datetime import datetime

from prefect import get_run_logger
from prefect.artifacts import create_table_artifact

from market_opinion.core.contracts import SILVER_OPINIONS
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.window import Slice, Window, both_ends, clip
from market_opinion.ops import score_sets
from market_opinion.ops.counts import PromotionCounts
from market_opinion.ops.run import Run
from market_opinion.ops.score_sets import Promotion
from market_opinion.serving import mart
from market_opinion.stages import opinions
from market_opinion.truth import agreement
from tasks import task


@task
def find_scored_slices(run: Run, start: datetime | None, end: datetime | None) -> list[Slice]:
    """Return every slice of the domain's communities that holds items, on any platform."""
    domain, state, window = run.load_domain(), run.adapters.state(), _window(run, start, end)
    slices = [
        each
        for platform in domain.sources
        for each in score_sets.scored_slices(
            platform,
            domain.communities(platform),
            state.windows(platform, window),
            max_items=run.settings.span_max_items,
        )
    ]
    if not slices:
        message = (
            f"nothing of the communities of {run.domain} is kept in this range:"
            " back-fill it first, or widen it"
        )
        raise InvalidRequest(message)
    return slices


@task
def compare_sets(
    run: Run, score_set: str, start: datetime | None, end: datetime | None
) -> tuple[str, ...]:
    """Return how another set differs from the live one; a table of it stands on the run's page.

    It holds the agreement, and the shift of every brand and aspect.
    """
    lake, window = run.adapters.lake(), _window(run, start, end)
    live, other = (
        lake.read(SILVER_OPINIONS, {"domain": run.domain, "score_set": name}, window)
        for name in (opinions.ACTIVE_SET, score_set)
    )
    result = agreement.compare(live, other, mart.product_rows(run.load_domain()))
    create_table_artifact(
        table=score_sets.shift_rows(result),
        key="score-sets",
        description=f"live (left) beside {score_set} (right)",
    )
    return score_sets.agreement_lines(result, score_set)


@task
def record_set(run: Run, score_set: str, slices: list[Slice]) -> None:
    """Remember the hours that the set was judged in, also those without an opinion."""
    hours = score_sets.judged_hours(slices)
    run.adapters.state().put_notes(score_sets.TOPIC, {f"{run.domain}/{score_set}": hours})


@task
def begin_promotion(run: Run, score_set: str) -> Promotion:
    """Write the to-do of a promotion, which any later run finishes if this one is cut off."""
    return score_sets.begin_promotion(run, score_set)


@task
def find_promotions(run: Run, besides: str | None = None) -> list[Promotion]:
    """Return the promotions that were cut off, but for one of the run's domain to the set."""
    begun = [
        each
        for each in score_sets.open_promotions(run)
        if (each.run.domain, each.score_set) != (run.domain, besides)
    ]
    if begun:
        get_run_logger().warning("%d promotions were cut off and are finished now", len(begun))
    return begun


@task
def promote_set(begun: Promotion) -> PromotionCounts:
    """Make a set live in one commit, in the hours that it was judged in.

    The opinions that were live before are the set `previous`; promoting that takes it back. A rerun
    is safe: where the live opinions are not those of before any more, the commit was made. A set
    that is live already replaces nothing, so that `previous` stays what was live before it.
    """
    run, score_set = begun.run, begun.score_set
    lake, state = run.adapters.lake(), run.adapters.state()
    hours = score_sets.find_judged(state.notes(score_sets.TOPIC), run.domain, score_set)
    live, previous = opinions.ACTIVE_SET, score_sets.PREVIOUS
    both = lake.read(SILVER_OPINIONS, {"domain": run.domain, "score_set": [live, score_set]})
    rows, count = score_sets.promote(both, hours, score_set)
    counts = PromotionCounts(count)
    if score_sets.digest(both.filter(score_set=live)) == begun.live_before:
        if score_sets.digest(rows.filter(score_set=live)) == begun.live_before:
            get_run_logger().info("%s is live for %s already", score_set, run.domain)
            return counts
        where = {"domain": run.domain, "score_set": [live, previous]}
        commit = {**run.commit(), "promoted": score_set}
        lake.overwrite(SILVER_OPINIONS, rows, where, None, run=commit)
    state.put_notes(score_sets.TOPIC, {f"{run.domain}/{previous}": hours})
    get_run_logger().info("%s is live for %s: %d opinions", score_set, run.domain, count)
    return counts


@task
def end_promotion(begun: Promotion) -> None:
    """Tick the promotion off, after the mart shows it."""
    score_sets.end_promotion(begun)


def _window(run: Run, start: datetime | None, end: datetime | None) -> Window | None:
    ends = both_ends(start, end, otherwise="everything that is kept")
    return clip(*ends, now=run.now) if ends else None
