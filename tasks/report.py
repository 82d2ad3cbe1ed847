"""Report: the page of the domain, and the summary on Prefect's page of the run."""

from prefect.artifacts import create_table_artifact
from prefect.runtime import flow_run

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
def publish_summary(summary: Summary) -> None:
    """Put the run's table, notes and the report's place on the run's page in Prefect.

    Artifacts of one flow and domain have one key, so that Prefect shows them as a course.
    """
    rows = [*summary.rows(), *(("note", note) for note in summary.notes)]
    table = [{"what": name, "value": value} for name, value in rows]
    words = (flow_run.flow_name or "run", str(flow_run.parameters.get("domain", "")))
    key = "-".join(filter(None, words)).replace("_", "-").lower()
    create_table_artifact(table=table, key=key, description=summary.title)
