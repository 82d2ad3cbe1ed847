"""Report: the page of the domain, and the summary on Prefect's page of the run."""

from collections.abc import Sequence

from prefect.runtime import flow_run

from market_opinion.core.window import Slice
from market_opinion.ops import run_page
from market_opinion.ops.orchestrator import put_page
from market_opinion.ops.run import Run
from market_opinion.ops.summary import Summary
from tasks import task


@task
def draw_report(run: Run) -> str | None:
    """Draw the domain's report from the mart, replace the file, and return its path.

    Before the first load there is no report.
    """
    from market_opinion.ops import drawing  # charts take a while to import

    path = drawing.draw_report(run.adapters, run.domain, run.now)
    return str(path) if path else None


@task
def compare_stars(run: Run) -> tuple[str, ...]:
    """Return how often judged mentions agree with the stars of their authors, a line a platform."""
    mart = run.adapters.mart()
    if not mart.is_loaded:
        return ()
    rows = mart.query(
        "SELECT * FROM mart.star_agreement WHERE domain = $domain ORDER BY platform",
        {"domain": run.domain},
    )
    return tuple(
        f"{row['platform']}: the tone of {row['mention_count']:,} judged mentions agrees with the"
        f" stars in {row['agreement_ratio']:.1%}"
        for row in rows.iter_rows(named=True)
    )


@task
def publish_summary(summary: Summary, slices: Sequence[Slice] = (), run: Run | None = None) -> None:
    """Put what was read, its figures and the report's place on the run's page in Prefect.

    With a run there are also what changed, and why lines of the slices were rejected. Pages of one
    flow and domain have one key, so that Prefect shows them as a course.
    """
    source = flow_run.parameters.get("source")
    news = run_page.news(run, slices, summary.counts) if run else ""
    put_page(run_page.page(summary, source, slices, news), summary.title)
