"""The stages every run carries its slices through, in order."""

from market_opinion.core.window import Slice, Window, by_date
from market_opinion.storage.landing.redaction import Erasure
from tasks.alerts import check_rate, hold_purge
from tasks.bronze import build_bronze
from tasks.erase import erase_answers, erase_landed, find_other_jobs, forget_history, write_proof
from tasks.gold import build_gold
from tasks.mart import load_mart, publish_views
from tasks.mentions import find_mentions
from tasks.opinions import judge_items
from tasks.progress import Tally
from tasks.purge import find_expired, purge_words, record_purge
from tasks.recheck import Purpose, find_due_checks, look_again, record_checks, repair_threads
from tasks.record import find_stale_windows, record_run, record_windows
from tasks.report import Summary, draw_report, publish_summary
from tasks.request import Job
from tasks.silver import clean_items, find_outdated

_STAGES_A_SLICE = 5


def carry(job: Job, slices: list[Slice], tally: Tally) -> None:
    """Bronze to mart for each slice, then its records and, for hourly runs, the watermark.

    Each stage replaces its slice, so running again after a crash repairs whatever was half done. The mart is rebuilt by
    whole dates, so slices of one date wait for each other there.
    """
    dates = by_date(slices)
    tally.expect(_STAGES_A_SLICE * len(slices) + 2 * len(dates))
    for parts in dates:
        for span in parts:
            tally.done("bronze", span, build_bronze(job, span))
            enrich_slice(job, span, tally)
        finish(job, parts, tally)


def enrich_slice(job: Job, span: Slice, tally: Tally) -> None:
    """Bronze to opinions."""
    tally.done("silver", span, clean_items(job, span))
    judge(job, span, tally)


def finish(job: Job, parts: list[Slice], tally: Tally) -> None:
    """Slices of the same dates into the ledger, into the mart with later hours that they change, and into the records."""
    for span in parts:
        tally.done("windows", span, record_windows(job, span))
    touched = [each for span in parts for each in (span, *rebuild_outdated(job, span))]
    serve(job, touched, tally)
    record_run(job, parts)


def serve(job: Job, slices: list[Slice], tally: Tally, *, again: bool = False) -> None:
    """The dates of the slices in the star schema and in gold."""
    tally.done("mart", slices[-1], load_mart(job, slices, again=again))
    tally.done("gold", slices[-1], build_gold(job, slices))


def carry_for_all(job: Job, slices: list[Slice], tally: Tally) -> None:
    """The same, for every domain that found something in the slices."""
    for each in [job, *find_other_jobs(job, slices)]:
        carry(each, slices, tally)


def judge(job: Job, span: Slice, tally: Tally) -> None:
    """Which products the slice's items speak of, and what they think of them."""
    tally.done("mentions", span, find_mentions(job, span))
    tally.done("opinions", span, judge_items(job, span))


def rebuild_outdated(job: Job, span: Slice) -> list[Slice]:
    """Clean and judge again the later hours whose threads began in this slice and had been received before it."""
    outdated = find_outdated(job, span)
    for later in outdated:
        clean_items(job, later)
        find_mentions(job, later)
        judge_items(job, later)
    return outdated


def recheck(job: Job, purpose: Purpose, max_windows: int, tally: Tally) -> None:
    """Look at hours that are due again, carry on what changed, and forget what is gone."""
    for span in find_due_checks(job, purpose, max_windows):
        looked = look_again(job, span, purpose)
        tally.add(looked.counts)
        carry(job, looked.changed, tally)
        repaired, counts = repair_threads(job, span) if purpose == "refresh" else ([], {})
        tally.add(counts)
        carry(job, repaired, tally)
        if looked.erasure:
            forget(job, looked.erasure, span.window, tally)
        record_checks(job, span)


def forget(job: Job, erasure: Erasure, near: Window | None, tally: Tally) -> str:
    """Erase, build the hours it touched anew, leave no earlier version, and return where the proof lies."""
    tally.add(erase_answers(job, erasure, near))
    slices = erase_landed(job, erasure, near)
    carry_for_all(job, slices, tally)
    tally.add(forget_history(job))
    return write_proof(job, erasure, slices)


def purge_expired(job: Job, tally: Tally) -> None:
    """Judge hours past their time to the end, then keep only what was derived of them, in tables and histories."""
    purged: list[Slice] = []
    for span in find_expired(job):
        carry(job, find_stale_windows(job, span.window), tally)
        counts = [judge_items(each, span) for each in [job, *find_other_jobs(job, [span])]]
        if unjudged := sum(count.get("unjudged_item_count", 0) for count in counts):
            hold_purge(job, span, unjudged)
            continue
        tally.add(purge_words(job, span))
        carry_for_all(job, [span], tally)
        purged.append(span)
    tally.add(forget_history(job))
    record_purge(job, purged)


def conclude(job: Job, tally: Tally, *, title: str, notes: tuple[str, ...] = ()) -> Summary:
    """Publish, draw the report and sum up the run."""
    check_rate(job)
    tally.add(publish_views())
    return sum_up(job, tally, title=title, notes=notes, path=draw_report(job))


def sum_up(
    job: Job, tally: Tally, *, title: str, notes: tuple[str, ...] = (), path: str | None = None
) -> Summary:
    """What the run did, shown on Prefect's page of it."""
    summary = Summary(title, dict(tally.counts), tally.elapsed_seconds, path, (*job.notes, *notes))
    publish_summary(summary)
    return summary
