"""Report: what a run did, for the person who started it and for Prefect's pages."""

from dataclasses import dataclass

from prefect import task
from prefect.artifacts import create_table_artifact
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from market_opinion.core.settings import load_settings
from market_opinion.domain.definition import load_domain
from market_opinion.ops.adapters import open_adapters
from market_opinion.serving import report
from market_opinion.storage.state.ratios import ratios
from tasks.request import Job


@dataclass(frozen=True)
class Summary:
    """What one run did: its counts by name, how long it took and where the report lies."""

    title: str
    counts: dict[str, int]
    seconds: float
    report_path: str | None
    notes: tuple[str, ...] = ()

    def rows(self) -> list[tuple[str, str]]:
        """What a person wants to know first, in words and figures."""
        count = self.counts
        if "window_count" not in count:
            return [
                *self._polled(),
                *self._looked(),
                *self._paid(),
                *self._served(),
                ("seconds", f"{self.seconds:.1f}"),
            ]
        ratio = ratios(count)["usable_comment_ratio"]
        return [
            (
                "windows",
                f"{count.get('window_count', 0):,} ({count.get('certified_window_count', 0):,} certified)",
            ),
            ("lines landed", f"{count.get('landed_line_count', 0):,}"),
            (
                "items",
                f"{count.get('item_count', 0):,} ({count.get('duplicate_count', 0):,} duplicates of them dropped)",
            ),
            (
                "rejected",
                f"{count.get('rejection_count', 0):,} lines, {count.get('rejected_opinion_count', 0):,} opinions",
            ),
            (
                "usable",
                f"{count.get('usable_item_count', 0):,}"
                + (f" ({ratio:.1%} of comments)" if ratio is not None else ""),
            ),
            (
                "mentions",
                f"{count.get('mention_count', 0):,} in {count.get('relevant_item_count', 0):,} items",
            ),
            ("opinions", f"{count.get('opinion_count', 0):,}"),
            *self._looked(),
            *self._paid(),
            *self._served(),
            ("seconds", f"{self.seconds:.1f}"),
            ("report", self.report_path or "none"),
        ]

    def _polled(self) -> list[tuple[str, str]]:
        """What polls brought, where there were some."""
        count = self.counts
        if "polled_listing_count" not in count:
            return []
        found = f"{count['polled_listing_count']:,} listings, {count['landed_line_count']:,} lines landed, {count['gap_count']:,} gaps"
        return [("polled", f"{found}, {count['failed_poll_count']:,} failed")]

    def _served(self) -> list[tuple[str, str]]:
        """What was purged and what was published, where something was."""
        said = {
            "purged": ("purged_line_count", "lines keep no word"),
            "published": ("published_row_count", "rows"),
        }
        return [
            (title, f"{self.counts[name]:,} {what}")
            for title, (name, what) in said.items()
            if name in self.counts
        ]

    def _looked(self) -> list[tuple[str, str]]:
        """What a second look found, where there was one."""
        count = self.counts
        if "looked_up_item_count" not in count:
            return []
        found = f"{count['looked_up_item_count']:,} items, {count['missing_item_count']:,} missing, {count['erased_item_count']:,} erased"
        return [("looked up", found)]

    def _paid(self) -> list[tuple[str, str]]:
        """What a model cost, where one was asked."""
        count = self.counts
        if not count.get("model_request_count"):
            return []
        tokens = f"{count['input_token_count']:,} tokens in, {count['output_token_count']:,} out"
        usd = count["cost_micro_usd"] / 1e6
        cost = (
            f"{usd:.4f} USD, {1000 * usd / max(1, count['asked_question_count']):.4f} a thousand"
            if usd
            else "cost not known"
        )
        left = (
            f", {count['unjudged_item_count']:,} items left when the budget was spent"
            if count["unjudged_item_count"]
            else ""
        )
        return [
            (
                "expected" if "planned_item_count" in count else "model",
                f"{count['asked_question_count']:,} questions in {count['model_request_count']:,} requests, {tokens}, {cost}{left}",
            )
        ]

    def show(self, console: Console) -> None:
        """Print it."""
        table = Table(
            title=escape(self.title),
            show_header=False,
            title_justify="left",
            title_style="bold",
            box=None,
        )
        for name, value in self.rows():
            table.add_row(name, escape(value), style=None)
        for note in self.notes:
            console.print(f"[yellow]note[/] {escape(note)}", highlight=False, soft_wrap=True)
        console.print(table, soft_wrap=True)


@task
def draw_report(job: Job) -> str | None:
    """Draw the report of the domain from the mart, replace the file, and return its path; none before the first load."""
    if not open_adapters().mart().is_loaded:
        return None
    path = load_settings().report_path
    domain = load_domain(job.domain, load_settings().domains_path)
    lake = open_adapters().lake()
    answers = lake.read(report.ANSWERS, {"domain": job.domain}, columns=report.ANSWER_COLUMNS)
    html = report.render(
        open_adapters().mart().read,
        domain,
        now=job.now,
        rejections=lake.read(report.REJECTIONS),
        answers=answers,
    )
    partial = path.with_suffix(".part")
    partial.write_text(html, encoding="utf-8")
    partial.replace(path)
    return str(path)


@task
def compare_stars(job: Job) -> tuple[str, ...]:
    """How often the domain's judged mentions agree with the stars their authors gave, one line a platform of reviews."""
    if not open_adapters().mart().is_loaded:
        return ()
    rows = (
        open_adapters()
        .mart()
        .query(
            "SELECT * FROM mart.star_agreement WHERE domain = $domain ORDER BY platform",
            {"domain": job.domain},
        )
    )
    return tuple(
        f"{row['platform']}: the tone of {row['mention_count']:,} judged mentions agrees with the stars in {row['agreement_ratio']:.1%}"
        for row in rows.iter_rows(named=True)
    )


@task
def publish_summary(summary: Summary) -> None:
    """Put the run's table and the report's place on the run's page in Prefect."""
    rows = [{"what": name, "value": value} for name, value in summary.rows()]
    create_table_artifact(table=rows, key="run-summary", description=summary.title)
