"""What the report's drawing keeps in the home."""

from market_opinion.ops import drawing
from market_opinion.serving.report import chart_script


def test_the_report_s_script_is_put_together_once(tmp_path, monkeypatch):
    """A home keeps it, whole, and reads it from then on."""
    folder = tmp_path / "cache"
    first = drawing._kept_script(folder)
    assert first == chart_script()
    assert [path.suffix for path in folder.iterdir()] == [".js"]
    monkeypatch.setattr("market_opinion.serving.report.chart_script", lambda: "another one")
    assert drawing._kept_script(folder) == first
