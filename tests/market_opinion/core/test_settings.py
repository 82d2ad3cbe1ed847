"""Settings: the only reader of the environment."""

import stat
from pathlib import Path

import pytest

from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.settings import Settings, load_settings


def test_everything_lies_in_the_home_folder_unless_said_otherwise(home):
    """The embedded default."""
    settings = load_settings()
    assert settings.landing_root == (home / "landing").as_uri()
    assert {settings.lake_path, settings.state_path, settings.mart_path, settings.report_path} == {
        home / "lake", home / "state.sqlite", home / "mart.duckdb", home / "report.html",
    }  # fmt: skip


def test_the_home_of_the_user_is_not_ours(monkeypatch):
    """HOME is another variable than MARKET_OPINION_HOME."""
    monkeypatch.delenv("MARKET_OPINION_HOME")
    assert Settings().home_path == Path(".market-opinion")


def test_a_home_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    """The message says which folder and what to set."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MARKET_OPINION_HOME", str(tmp_path / "file" / "below"))
    with pytest.raises(
        SettingsInvalid, match=r"file/below cannot be written .* set MARKET_OPINION_HOME"
    ):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_HOURLY_WINDOWS_PER_RUN", "0"),
        ("SPAN_MAX_ITEMS", "many"),
        ("LANDING_COMPRESSION", "rar"),
    ],
)
def test_a_value_that_cannot_be_used_names_its_variable(monkeypatch, name, value):
    """Not a stack trace."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid, match=name):
        load_settings()


@pytest.mark.parametrize(("name", "value"), [("STATE_URI", "redis://x"), ("MART_URI", "oracle:x")])
def test_an_adapter_is_chosen_by_the_scheme_of_its_uri(monkeypatch, name, value):
    """One that does not exist is refused by name."""
    monkeypatch.setenv(name, value)
    settings = load_settings()
    with pytest.raises(SettingsInvalid, match=f"{name}={value}"):
        _ = (settings.state_path, settings.mart_path)


def test_the_pepper_is_made_once_and_kept_secret(home):
    """Another run hashes the same names to the same keys."""
    first = load_settings().pepper()
    assert len(first) == 64
    assert load_settings().pepper() == first
    assert stat.S_IMODE((home / "author_pepper").stat().st_mode) == 0o600


def test_a_given_pepper_is_never_shown(monkeypatch):
    """SecretStr in memory."""
    monkeypatch.setenv("AUTHOR_PEPPER", "sixteen-characters")
    settings = load_settings()
    assert settings.pepper() == "sixteen-characters"
    assert "sixteen" not in repr(settings)
