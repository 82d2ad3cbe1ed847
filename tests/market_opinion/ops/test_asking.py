"""Commands that ask the mart."""

import re

import pytest

from market_opinion.__main__ import app
from market_opinion.core.errors import InvalidRequest
from market_opinion.serving.mart.duckdb import DuckDBMart
from tests.conftest import REPOSITORY


@pytest.fixture
def filled(home, load, silver):
    """A home whose mart holds one comment on two phones."""
    home.mkdir()
    DuckDBMart(home / "market_opinion.duckdb").load(load, lambda: silver)


def ask(capsys, *words):
    """Return what the command prints."""
    app(words, exit_on_error=False, result_action="return_value")
    return capsys.readouterr().out


SELECT = "SELECT brand, mention_count, net_sentiment / 3 AS third FROM mart.daily_brand ORDER BY 1"


def test_a_question_is_answered_as_a_table_json_or_csv(filled, capsys):
    """For a person, and for a script."""
    shown = ask(capsys, "query", SELECT)
    assert [line.split() for line in shown.splitlines()] == [
        ["brand", "mention_count", "third"],
        ["Apple", "1", "-0.3333"],
        ["Google", "1", "0.3333"],
    ]
    one = "SELECT brand FROM mart.daily_brand WHERE brand = 'Apple'"
    assert ask(capsys, "query", one, "--json") == '[{"brand":"Apple"}]\n'
    assert ask(capsys, "query", one, "--csv") == "brand\nApple\n"


def test_words_steer_neither_a_terminal_nor_a_spreadsheet(filled, capsys):
    """Control characters are shown as escapes, markup as it stands, and a formula is a text."""
    hostile = """SELECT chr(27) || '[31m[red]' || chr(8238) AS a, '=1+1' AS b, -1 AS c"""
    shown = ask(capsys, "query", hostile)
    assert r"\x1b[31m[red]\u202e" in shown
    assert ask(capsys, "query", hostile, "--csv").endswith(",'=1+1,-1\n")
    assert "\x1b" not in ask(capsys, "query", hostile, "--json")


def test_a_view_is_exported_with_filters(filled, tmp_path, capsys):
    """As the dashboard has them; a filter takes several values."""
    path = tmp_path / "rows.csv"
    words = ["export", "top_evidence", "--to", str(path), "--aspect", "price", "camera"]
    ask(capsys, *words, "--brand", "Apple", "--since", "2026-03-01")
    assert [line.split(",")[1] for line in path.read_text().splitlines()] == ["brand", "Apple"]


def test_two_forms_at_once_are_refused(filled, capsys):
    """Rather than one of them chosen."""
    with pytest.raises(InvalidRequest, match="--json or --csv"):
        ask(capsys, "query", SELECT, "--json", "--csv")


def test_rows_beyond_the_table_are_counted(filled, capsys):
    """And the option that shows them is named."""
    app(["query", SELECT, "--rows", "1"], exit_on_error=False, result_action="return_value")
    assert "2 rows, 1 of them not shown: --rows" in capsys.readouterr().err


def test_a_report_is_drawn_again(filled, home, capsys):
    """From the mart, at the path that is printed."""
    assert ask(capsys, "report").strip() == str(home / "report.html")
    assert "Google" in (home / "report.html").read_text()


def test_without_a_mart_there_is_no_report(capsys):
    """The command that fills it is named."""
    with pytest.raises(InvalidRequest, match="market-opinion backfill"):
        ask(capsys, "report")


RULE = "SELECT brand, net_sentiment FROM mart.daily_brand WHERE net_sentiment < {}"


def test_a_question_with_a_rule_alerts_of_what_it_finds(filled, webhook, monkeypatch, capsys):
    """A sentence a row, and exit status 1; nothing found is no alert."""
    address, received, _ = webhook
    monkeypatch.setenv("ALERT_WEBHOOK_URL", address)
    ask(capsys, "query", RULE.format(-1), "--alert", "brand_negative")
    assert received == []
    with pytest.raises(SystemExit) as ended:
        ask(capsys, "query", RULE.format(-0.3), "--alert", "brand_negative")
    assert ended.value.code == 1
    (body,) = received
    assert body["alerts"] == [
        {"rule": "brand_negative", "text": "brand_negative: brand Apple, net_sentiment -1.0"}
    ]


def test_a_domain_of_an_installed_package_lies_elsewhere(tmp_path, monkeypatch):
    """A31: where an upgrade would not take it away."""
    monkeypatch.setenv("DOMAINS_PATH", str(tmp_path / "site-packages" / "domains"))
    with pytest.raises(InvalidRequest, match="set DOMAINS_PATH to a folder of yours"):
        app(
            ["domain", "new", "bikes", "--from", "x.csv", "--aspects", "motor"],
            exit_on_error=False,
            result_action="return_value",
        )


def test_the_rule_of_the_documents_is_a_question(filled, capsys):
    """S12: it runs as written, and of another day finds the brand that is spoken of badly."""
    text = (REPOSITORY / "docs" / "alerts.md").read_text()
    rule = re.search(r'--alert brand_negative "(.*?)"', text, re.DOTALL)[1]
    ask(capsys, "query", rule, "--alert", "brand_negative")
    easier = rule.replace("CURRENT_DATE - 1", "DATE '2026-03-01'").replace(">= 30", ">= 1")
    assert ask(capsys, "query", easier, "--csv").splitlines()[1:] == ["2026-03-01,Apple,1,-1.0"]
