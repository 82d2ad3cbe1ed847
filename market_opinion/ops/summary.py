"""Summary of a run, for the person who started it and for Prefect's page of the run."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from market_opinion.core.console import shown
from market_opinion.storage.state.ratios import ratios

_SHOWN = (
    "window_count",
    "certified_window_count",
    "landed_line_count",
    "item_count",
    "duplicate_count",
    "rejection_count",
    "unreadable_field_count",
    "rejected_opinion_count",
    "usable_item_count",
    "mention_count",
    "relevant_item_count",
    "opinion_count",
)

# Where less than this share of so many items names a product, the catalogue or the communities are
# the likely cause.
_MANY_ITEMS, _HARDLY = 1000, 0.005


@dataclass(frozen=True)
class Summary:
    """One run: its counts by name, its duration, and the path of the report.

    A command ends with 1 for a run that is not as expected.
    """

    title: str
    counts: dict[str, int]
    seconds: float
    report_path: str | None
    notes: tuple[str, ...] = ()
    is_as_expected: bool = True
    domain: str = "DOMAIN"

    def rows(self) -> list[tuple[str, str]]:
        """Return the most important figures in words, as pairs of name and value."""
        count = self.counts
        if "window_count" not in count:
            return [
                *self._polled(),
                *self._second_look(),
                *self._model(),
                *self._served(),
                *self._watched(),
                *self._kept_up(),
                ("seconds", f"{self.seconds:.1f}"),
            ]
        ratio = ratios(count)["usable_comment_ratio"]
        of_comments = f" ({ratio:.1%} of comments)" if ratio is not None else ""
        number = {name: f"{count.get(name, 0):,}" for name in _SHOWN}
        certified, duplicates = number["certified_window_count"], number["duplicate_count"]
        refused_lines, refused_opinions = (
            number["rejection_count"],
            number["rejected_opinion_count"],
        )
        fields = f", {number['unreadable_field_count']} single fields"
        if not count.get("unreadable_field_count"):
            fields = ""
        return [
            ("windows", f"{number['window_count']} ({certified} certified)"),
            ("lines landed", number["landed_line_count"]),
            ("items", f"{number['item_count']} ({duplicates} duplicates of them dropped)"),
            ("rejected", f"{refused_lines} lines{fields}, {refused_opinions} opinions"),
            ("usable", f"{number['usable_item_count']}{of_comments}"),
            *self._masked(),
            ("mentions", f"{number['mention_count']} in {number['relevant_item_count']} items"),
            *self._unnamed(),
            ("opinions", number["opinion_count"]),
            *self._second_look(),
            *self._model(),
            *self._served(),
            *self._kept_up(),
            ("seconds", f"{self.seconds:.1f}"),
            ("report", self.report_path or "none"),
        ]

    def _unnamed(self) -> list[tuple[str, str]]:
        """Return what to look at where hardly any item of many names a product."""
        usable = self.counts.get("usable_item_count", 0)
        relevant = self.counts.get("relevant_item_count", 0)
        if usable < _MANY_ITEMS or relevant > usable * _HARDLY:
            return []
        text = (
            f"{f'only {relevant:,}' if relevant else 'none'} of {usable:,} usable items name a"
            f" product: `market-opinion audit models {self.domain}` lists names that the catalogue"
            f" lacks, `market-opinion domain check {self.domain}` its aliases"
        )
        return [("hardly any", text)]

    def _polled(self) -> list[tuple[str, str]]:
        """Return the figures of polls, where there were some."""
        count = self.counts
        if "polled_listing_count" not in count:
            return []
        text = (
            f"{count['polled_listing_count']:,} listings,"
            f" {count['landed_line_count']:,} lines landed, {count['gap_count']:,} gaps,"
            f" {count['failed_poll_count']:,} failed"
        )
        return [("polled", text)]

    def _masked(self) -> list[tuple[str, str]]:
        """Return how often personal data was masked, by kind, where there was some."""
        kinds = {
            name.removeprefix("masked_").removesuffix("_count"): count
            for name, count in self.counts.items()
            if name.startswith("masked_")
        }
        text = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
        return [("masked", text)] if text else []

    def _served(self) -> list[tuple[str, str]]:
        """Return the figures of a purge and of a publication, where there was one."""
        titles = {
            "purged": ("purged_line_count", "lines keep no word"),
            "published": ("published_row_count", "rows"),
        }
        return [
            (title, f"{self.counts[name]:,} {unit}")
            for title, (name, unit) in titles.items()
            if name in self.counts
        ]

    def _watched(self) -> list[tuple[str, str]]:
        """Return the figures of a comparison of weeks, where there was one."""
        count = self.counts
        if "change_count" not in count:
            return []
        return [("changes", f"{count['change_count']:,}"), ("bursts", f"{count['burst_count']:,}")]

    def _kept_up(self) -> list[tuple[str, str]]:
        """Return the figures of upkeep, where there was some."""
        count = self.counts
        files, few, left = (
            count.get(f"{name}_file_count", 0) for name in ("compacted", "compact", "waiting")
        )
        if not files and not left and "forgotten_run_count" not in count:
            return []
        compacted = f"{files:,} files into {few:,}" if few or not files else f"{files:,} files wait"
        rows = [("compacted", compacted + (f", {left:,} left to the next time" if left else ""))]
        titles = {
            "expired_snapshot_count": "snapshots",
            "orphan_file_count": "orphans",
            "forgotten_run_count": "runs of Prefect",
        }
        gone = [f"{count[name]:,} {unit}" for name, unit in titles.items() if count.get(name)]
        return rows + ([("old", ", ".join(gone))] if gone else [])

    def _second_look(self) -> list[tuple[str, str]]:
        """Return the figures of a second look, where there was one."""
        count = self.counts
        if "looked_up_item_count" not in count:
            return []
        text = (
            f"{count['looked_up_item_count']:,} items, {count['missing_item_count']:,} missing,"
            f" {count['erased_item_count']:,} erased"
        )
        return [("looked up", text)]

    def _model(self) -> list[tuple[str, str]]:
        """Return the figures of the model, where one was asked."""
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
        title = "expected" if "planned_item_count" in count else "model"
        questions = (
            f"{count['asked_question_count']:,} questions"
            f" in {count['model_request_count']:,} requests"
        )
        return [(title, f"{questions}, {tokens}, {cost}{left}")]

    def show(self, console: Console) -> None:
        """Print the summary."""
        table = Table(
            title=shown(self.title),
            show_header=False,
            title_justify="left",
            title_style="bold",
            box=None,
        )
        for name, value in self.rows():
            table.add_row(name, shown(value), style=None)
        for note in self.notes:
            console.print(f"[yellow]note[/] {shown(note)}", highlight=False, soft_wrap=True)
        console.print(table, soft_wrap=True)
