"""The page of a run on Prefect: what was read, its figures, what changed, and where results lie."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from market_opinion.core.contracts import GOLD_CHANGES, OPS_REJECTIONS
from market_opinion.core.visible import visible
from market_opinion.core.window import Slice, Window
from market_opinion.ops.run import Run
from market_opinion.ops.summary import Summary

_DOCS = Path(__file__).parents[2] / "docs"
_REASONS_MAX, _COMMUNITIES_MAX = 5, 12
_SIGNS = str.maketrans({sign: f"\\{sign}" for sign in r"\`*_{}[]()<>#|!~"})


def page(summary: Summary, source: str | None, slices: Sequence[Slice], news: str = "") -> str:
    """Return the page in Markdown; `news` is what `news` returns.

    It holds counts, hours and names of communities, and no text that was read.
    """
    parts = [f"# {_plain(summary.title)}", _about(source, slices), _figures(summary)]
    notes = _list("Notes", summary.notes) if summary.notes else ""
    parts += [news, notes, _places(summary)]
    return "\n\n".join(part for part in parts if part)


def news(run: Run, slices: Sequence[Slice], counts: Mapping[str, int]) -> str:
    """Return in Markdown why lines and opinions of the slices were rejected, and what changed.

    Changes are those of the last week that `watch` compared. The text is empty without either.
    """
    from market_opinion.serving.digest import headlines  # Jinja is for runs with a page

    parts = []
    if counts.get("rejection_count") or counts.get("rejected_opinion_count"):
        reasons = _reasons(run, slices)
        lines = [f"{row['stage']} {row['reason']}: {row['count']:,}" for row in reasons]
        parts.append(_list("Rejected, by reason", lines))
    changes = run.adapters.lake().read(GOLD_CHANGES, {"domain": run.domain})
    if changes.height:
        last = changes.filter(pl.col("week_start") == pl.col("week_start").max())
        told = headlines(last, run.load_domain(), last["week_start"][0])
        parts.append(_list("What changed", told))
    return "\n\n".join(parts)


def _about(source: str | None, slices: Sequence[Slice]) -> str:
    rows = [("source", source)] if source else []
    if slices:
        window = _hull(slices)
        rows += [
            ("period", f"{window.start:%-d %b %Y %H:%M} to {window.end:%-d %b %Y %H:%M}, UTC"),
            ("platform", ", ".join(sorted({span.platform for span in slices}))),
            ("communities", _some({name for span in slices for name in span.communities})),
        ]
    return "\n".join(f"- {name}: {_plain(value)}" for name, value in rows)


def _some(names: set[str]) -> str:
    shown = sorted(names)[:_COMMUNITIES_MAX]
    more = [f"and {len(names) - len(shown):,} more"] if len(names) > len(shown) else []
    return ", ".join([*shown, *more])


def _figures(summary: Summary) -> str:
    rows = [(name, value) for name, value in summary.rows() if name != "report"]
    lines = [f"| {_plain(name)} | {_plain(value)} |" for name, value in rows]
    return "\n".join(["| figure | value |", "|---|---|", *lines])


def _reasons(run: Run, slices: Sequence[Slice]) -> list[dict[str, str | int]]:
    """Return stage, reason and count of the most frequent reasons, the most frequent first."""
    lake, frames = run.adapters.lake(), []
    columns = ["stage", "domain", "reason"]
    for platform in sorted({span.platform for span in slices}):
        theirs = [span for span in slices if span.platform == platform]
        communities = sorted({name for span in theirs for name in span.communities})
        where = {"platform": platform, "community": communities}
        frames.append(lake.read(OPS_REJECTIONS, where, _hull(theirs), columns=columns))
    rows = pl.concat(frames).filter(pl.col("domain").is_null() | (pl.col("domain") == run.domain))
    counts = rows.group_by("stage", "reason").agg(count=pl.len())
    order = counts.sort("count", "stage", "reason", descending=[True, False, False])
    return order.head(_REASONS_MAX).to_dicts()


def _places(summary: Summary) -> str:
    """Return links to report and documents, as files of the machine that the run was on."""
    parts = []
    if summary.report_path:
        path = Path(summary.report_path).resolve()
        parts.append(
            f"Report: [{_plain(path.name)}]({path.as_uri()}), `{path}` on the machine of the run;"
            " elsewhere `market-opinion report` draws it from the mart."
        )
    runbook, limits = _DOCS / "runbook.md", _DOCS / "limits.md"
    if runbook.exists():
        parts.append(
            f"Documents: [alerts and what to do]({runbook.as_uri()}),"
            f" [what figures do not say]({limits.as_uri()})."
        )
    return "\n\n".join(parts)


def _hull(slices: Sequence[Slice]) -> Window:
    """Return the window from the first hour of the slices to their last."""
    windows = [span.window for span in slices]
    return Window(min(each.start for each in windows), max(each.end for each in windows))


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return visible(text).translate(_SIGNS)


def _list(title: str, lines: Iterable[str]) -> str:
    return "\n".join([f"## {title}", "", *(f"- {_plain(line)}" for line in lines)])
