"""The page of a run on Prefect."""

from datetime import UTC, datetime

from market_opinion.core.window import Slice, Window
from market_opinion.ops import run_page
from market_opinion.ops.summary import Summary

HOURS = Window(datetime(2026, 3, 1, 10, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
NEXT = Window(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))


def test_a_page_says_what_was_read_and_where_results_are(tmp_path):
    """Source, period and communities of all slices, figures, and a link that a browser opens."""
    path = tmp_path / "my home" / "report.html"
    summary = Summary("backfill of a_b", {"window_count": 38}, 1.0, str(path), ("see [files.x]",))
    slices = [Slice("reddit", ("gadgets",), HOURS), Slice("reddit", ("android",), NEXT)]
    page = run_page.page(summary, "archive", slices)
    assert page.startswith(r"# backfill of a\_b")
    assert "- source: archive\n- period: 1 Mar 2026 10:00 to 3 Mar 2026 00:00, UTC" in page
    assert "- communities: android, gadgets\n" in page
    assert r"| windows | 38 \(0 certified\) |" in page
    assert r"- see \[files.x\]" in page
    assert f"[report.html]({tmp_path.as_uri()}/my%20home/report.html)" in page
    assert "/docs/runbook.md)" in page


def test_many_communities_are_counted():
    """A page of a run over hundreds of them stays readable."""
    names = tuple(f"c{number:03}" for number in range(300))
    page = run_page.page(Summary("run", {}, 1.0, None), None, [Slice("reddit", names, HOURS)])
    assert "c011, and 288 more\n" in page
