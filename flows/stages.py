"""The stages that every run carries its slices through, in order."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from market_opinion.core.contracts import (
    BRONZE_ITEMS,
    SILVER_ITEMS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.core.window import Slice, by_date
from market_opinion.ops.fingerprints import Comparison
from market_opinion.ops.open_erasures import OpenErasure, at_work
from market_opinion.ops.progress import Tally
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from market_opinion.ops.score_sets import Promotion
from market_opinion.ops.second_looks import Purpose
from market_opinion.ops.summary import Summary
from market_opinion.ops.upkeep import days_closed
from market_opinion.storage.landing.redaction import Erasure
from tasks import abreast
from tasks.alerts import check_rate
from tasks.bronze import build_bronze
from tasks.drain import mirror_landed
from tasks.erase import (
    begin_erasure,
    end_erasure,
    erase_answers,
    erase_landed,
    find_open_erasures,
    find_other_runs,
    forget_history,
)
from tasks.fetch import fetch_windows
from tasks.gold import build_gold
from tasks.load import load_mart, publish_views
from tasks.maintain import compact_days
from tasks.mentions import find_mentions
from tasks.opinions import judge_items
from tasks.purge import begin_purge, begin_slice, end_purge, find_purgeable, purge_words
from tasks.recheck import find_due_checks, look_again, record_checks, repair_threads
from tasks.record import find_due_windows, find_stale_windows, record_run, record_windows
from tasks.replay import keep_record
from tasks.report import draw_report, publish_summary
from tasks.rescore import (
    begin_promotion,
    end_promotion,
    find_promotions,
    find_scored_slices,
    promote_set,
)
from tasks.rotate import (
    end_rotation,
    find_days_to_rekey,
    find_marts_to_rekey,
    rekey_authors,
)
from tasks.silver import clean_items, end_retitled, find_retitled, find_threads
from tasks.watch import compare_again, find_told_runs

_TABLES_OF_ITEMS = (BRONZE_ITEMS, SILVER_ITEMS, SILVER_MENTIONS, SILVER_OPINIONS)
_STAGES_TO_RECEIVE = 2
_STAGES_A_SLICE = _STAGES_TO_RECEIVE + 4
StageName = Literal["bronze", "silver", "mentions", "opinions"]


def carry(run: Run, reading: Reading, slices: list[Slice], tally: Tally) -> None:
    """Carry each slice from bronze to mart, then write its records and move the watermark.

    Each stage replaces its slice, so running again after a crash repairs whatever was half done.
    The mart is rebuilt by whole dates, so slices of one date wait for each other there.
    """
    dates = by_date(slices)
    tally.expect(_STAGES_A_SLICE * len(slices) + 2 * len(dates))
    for parts in abreast(dates):
        for span in abreast(parts):
            receive_slice(run, span, tally)
            enrich_slice(run, span, tally)
        finish(run, reading, parts, tally)


def carry_due(run: Run, reading: Reading, tally: Tally) -> list[Slice]:
    """Fetch the hours that are due and carry them, oldest first; return them."""
    due = find_due_windows(run, reading)
    for span in abreast(due):
        fetch = fetch_windows(run, reading, span.communities, span.window)
        carry(run, reading, fetch.slices, tally)
        tally.add(mirror_landed(run, fetch.slices))
    return due


def build_all(run: Run, slices: list[Slice], tally: Tally) -> None:
    """Build bronze of all slices, so that a comment finds its title whichever run is first."""
    tally.expect(_STAGES_TO_RECEIVE * len(slices))
    for span in abreast(slices):
        receive_slice(run, span, tally)


def receive_slice(run: Run, span: Slice, tally: Tally) -> None:
    """Carry a slice from landing to bronze, with the threads that began in it."""
    tally.done("bronze", span, build_bronze(run, span))
    tally.done("threads", span, find_threads(run, span))


def enrich_slice(run: Run, span: Slice, tally: Tally) -> None:
    """Carry a slice from bronze to opinions."""
    tally.done("silver", span, clean_items(run, span))
    tally.done("mentions", span, find_mentions(run, span))
    tally.done("opinions", span, judge_items(run, span))


def make_alone(run: Run, slices: list[Slice], only: StageName, tally: Tally) -> None:
    """Make one stage of the slices, with threads for bronze; the next run makes what follows."""
    stages: dict[str, Callable[[Run, Slice], Any]] = {
        "silver": clean_items,
        "mentions": find_mentions,
        "opinions": judge_items,
    }
    tally.expect(len(slices) * (_STAGES_TO_RECEIVE if only == "bronze" else 1))
    for span in abreast(slices):
        if only == "bronze":
            receive_slice(run, span, tally)
        else:
            tally.done(only, span, stages[only](run, span))


def finish(run: Run, reading: Reading, parts: list[Slice], tally: Tally) -> None:
    """Carry slices of the same dates into ledger and mart, with later hours that they change.

    Days that the slices close are compacted last: nothing waits for it, and no row changes.
    """
    for span in parts:
        tally.done("windows", span, record_windows(run, reading, span))
    rebuild_retitled(run, parts, tally)
    record_run(run, reading, parts)
    for days in days_closed(parts, run.now):
        tally.add(compact_days(run, days))


def serve(run: Run, slices: list[Slice], tally: Tally, *, again: bool = False) -> None:
    """Rebuild the dates of the slices in the star schema and in gold."""
    tally.done("mart", slices[-1], load_mart(run, slices, again=again))
    tally.done("gold", slices[-1], build_gold(run, slices))


def carry_for_all(run: Run, reading: Reading, slices: list[Slice], tally: Tally) -> None:
    """Carry the slices for every domain that has mentions in them."""
    for each in [run, *find_other_runs(run, slices)]:
        carry(each, reading, slices, tally)


def rebuild_retitled(run: Run, parts: list[Slice], tally: Tally) -> None:
    """Serve the slices, and all hours whose comments lack the title of their thread by now.

    Such hours are cleaned and judged again first, for each domain that was carried through them.
    """
    retitled = find_retitled(run, parts)
    to_serve = {run.domain: (run, list(parts))}
    for each in retitled:
        clean_items(each.run, each.span)
        find_mentions(each.run, each.span)
        judge_items(each.run, each.span)
        to_serve.setdefault(each.run.domain, (each.run, []))[1].append(each.span)
    for of_domain, spans in to_serve.values():
        if spans:
            serve(of_domain, spans, tally)
    end_retitled(run, retitled)


def recheck(run: Run, reading: Reading, purpose: Purpose, max_windows: int, tally: Tally) -> None:
    """Look at hours that are due again, carry on what changed, and forget what is gone.

    What is gone is a to-do from the look that finds it until mart and gold are without it.
    """
    with at_work(run):
        for span in find_due_checks(run, reading, purpose, max_windows):
            look = look_again(run, reading, span, purpose)
            tally.add(look.counts)
            carry(run, reading, look.changed, tally)
            repaired, counts = repair_threads(run, span, purpose)
            tally.add(counts)
            carry(run, reading, repaired, tally)
            for begun in look.withdrawals:
                _forget(begun, tally)
            record_checks(run, span)


def forget(run: Run, reading: Reading, erasure: Erasure, tally: Tally) -> str:
    """Erase, rebuild the touched hours, drop all histories, and return the path of the proof.

    A to-do that names nobody is written first, and ticked off last.
    """
    with at_work(run):
        return _forget(begin_erasure(run, reading, erasure), tally)


def finish_rotation(run: Run, tally: Tally) -> None:
    """Finish a rotation of the pepper that has begun: every row, then the mart, then histories."""
    for part in find_days_to_rekey(run):
        tally.add(rekey_authors(run, part))
    for each, day in find_marts_to_rekey(run):
        load_mart(each, [day], again=True)
    end_rotation(run)


def finish_begun(run: Run, tally: Tally) -> None:
    """Finish what runs before this one have begun and not ended.

    Such are a rotation, erasures, withdrawals, purges, promotions of a score set, and hours to be
    made anew for their threads' titles. An erasure, withdrawal or purge that its own run is still
    at is left to it.
    """
    finish_rotation(run, tally)
    with at_work(run):
        for begun in find_open_erasures(run):
            if begun.is_purge:
                _purge(begun, tally)
            else:
                _forget(begun, tally, again=True)
    for promotion in find_promotions(run):
        _promote(promotion, tally)
    rebuild_retitled(run, [], tally)


def promote_score_set(run: Run, score_set: str, tally: Tally) -> None:
    """Make a set live and show it in the mart, after other promotions that were cut off."""
    for promotion in find_promotions(run, besides=score_set):
        _promote(promotion, tally)
    _promote(begin_promotion(run, score_set), tally)


def _promote(promotion: Promotion, tally: Tally) -> None:
    tally.add(promote_set(promotion))
    for span in find_scored_slices(promotion.run, None, None):
        serve(promotion.run, [span], tally)
    end_promotion(promotion)


def _forget(begun: OpenErasure, tally: Tally, *, again: bool = False) -> str:
    run = begun.run
    tally.add(erase_answers(begun))
    reached = erase_landed(begun)
    carry_for_all(run, begun.reading, reached.slices, tally)
    if again and reached.slices:
        # A mart that read what was erased after it was gone counts as loaded.
        for each in [run, *find_other_runs(run, reached.slices)]:
            tally.add(load_mart(each, reached.slices, again=True))
    for each in find_told_runs(run):
        if compare_again(each, reached.slices):
            tally.add(load_mart(each, reached.slices))
    tally.add(forget_history(run))
    tally.add(publish_views(run))
    return end_erasure(reached)


def purge_expired(run: Run, reading: Reading, tally: Tally) -> None:
    """Judge hours past their time to the end, then keep only what was derived of them.

    The words go from tables and histories. A to-do that names all hours is written first, and
    ticked off last.
    """
    with at_work(run):
        for begun in begin_purge(run, reading):
            _purge(begun, tally)


def _purge(begun: OpenErasure, tally: Tally) -> None:
    run = begun.run
    for span in begun.half_purged:
        _purge_slice(begun, span, tally)
    for span in begun.waiting:
        carry(run, begun.reading, find_stale_windows(run, begun.reading, span.window), tally)
        runs = [run, *find_other_runs(run, [span])]
        read = [find_mentions(each, span) for each in runs]
        judged = [judge_items(each, span) for each in runs]
        for ready in find_purgeable(run, span, read, judged):
            begun = begin_slice(begun, ready)
            _purge_slice(begun, ready, tally)
    if begun.slices:
        tally.add(forget_history(run))
    end_purge(begun)


def _purge_slice(begun: OpenErasure, span: Slice, tally: Tally) -> None:
    tally.add(purge_words(begun.run, span))
    carry_for_all(begun.run, begun.reading, [span], tally)


def conclude(
    run: Run,
    tally: Tally,
    *,
    title: str,
    notes: tuple[str, ...] = (),
    record: Path | None = None,
) -> Summary:
    """Publish the views, draw the report, record the run if asked to, and sum it up."""
    check_rate(run)
    tally.add(publish_views(run))
    path = draw_report(run)
    if record is not None:
        keep_record(run, record)
    return sum_up(run, tally, title=title, notes=notes, path=path, with_news=True)


def unchanged(run: Run, tally: Tally) -> tuple[str, ...]:
    """Return a note where hours were carried, and no item, mention or opinion changed by it."""
    if not tally.slices or run.has_changed(_TABLES_OF_ITEMS):
        return ()
    return ("nothing changed: all that was read had been read and judged before",)


def sum_up(
    run: Run,
    tally: Tally,
    *,
    title: str,
    notes: tuple[str, ...] = (),
    path: str | None = None,
    compared: Comparison | None = None,
    with_news: bool = False,
) -> Summary:
    """Return the summary of the run, which also stands on Prefect's page of it.

    There it may have news of the lake: what changed, and why lines were rejected.
    """
    lines, is_equal = (compared.lines(), compared.first is None) if compared else ((), True)
    summary = Summary(
        title,
        dict(tally.counts),
        tally.elapsed_seconds,
        path,
        (*run.notes, *notes, *lines),
        is_as_expected=is_equal,
        domain=run.domain,
    )
    publish_summary(summary, list(tally.slices), run if with_news else None)
    return summary
