"""Report: the page of the domain, and the summary on Prefect's page of the run."""

from prefect import task
from prefect.artifacts import create_table_artifact

from market_opinion.ops.run import Run
from market_opinion.ops.summary import Summary
from market_opinion.serving import report
from market_opinion.truth.accuracy import accuracy_path, read_accuracies


@task
def draw_report(run: Run) -> str | None:
    """Draw the domain's report from the mart, replace the file, and return its path.

    Before the first load there is no report.
    """
    mart = run.adapters.mart()
    if not mart.is_loaded:
        return None
    path, lake = run.settings.report_path, run.adapters.lake()
    answers = lake.read(report.ANSWERS, {"domain": run.domain}, columns=report.ANSWER_COLUMNS)
    html = report.render(
        mart.read,
        run.load_domain(),
        now=run.now,
        rejections=lake.read(report.REJECTIONS),
        answers=answers,
        accuracies=read_accuracies(accuracy_path(run.domain, run.settings.domains_path)),
    )
    partial = path.with_suffix(".part")
    partial.write_text(html, encoding="utf-8")
    partial.replace(path)
    return str(path)


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
    """Put the run's table and the report's place on the run's page in Prefect."""
    rows = [{"what": name, "value": value} for name, value in summary.rows()]
    create_table_artifact(table=rows, key="run-summary", description=summary.title)
