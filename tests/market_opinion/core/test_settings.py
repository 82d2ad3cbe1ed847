"""Settings: the only reader of the environment."""

import logging
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from pydantic import Field

from flows.hourly import hourly
from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.setting_groups import SettingsGroup
from market_opinion.core.settings import Settings, load_settings


def test_everything_lies_in_the_home_folder_unless_said_otherwise(home):
    """The embedded default."""
    settings = load_settings()
    assert settings.landing.root == (home / "landing").as_uri()
    assert {settings.lake.path, settings.state.path, settings.mart.path, settings.report_path} == {
        home / "lake", home / "state.sqlite", home / "market_opinion.duckdb", home / "report.html",
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
    """D15: not a stack trace."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid, match=name):
        load_settings()


@pytest.mark.parametrize(("name", "value"), [("STATE_URI", "redis://x"), ("MART_URI", "oracle:x")])
def test_an_adapter_is_chosen_by_the_scheme_of_its_uri(monkeypatch, name, value):
    """D14: one that does not exist is refused by name."""
    monkeypatch.setenv(name, value)
    settings = load_settings()
    with pytest.raises(SettingsInvalid, match=f"{name}={value}"):
        _ = (settings.state.path, settings.mart.path)


def test_the_home_and_all_in_it_is_the_owners_alone(home):
    """Whatever the umask of the shell is."""
    os.umask(0o022)
    load_settings()
    (home / "landing").mkdir()
    (home / "landing" / "file").write_text("words")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (home, *sorted(home.rglob("*")))]
    assert modes == [0o700, 0o700, 0o600]


def test_a_home_that_others_could_read_is_tightened_with_a_notice(home, caplog):
    """One of an earlier version; once, not at every start."""
    home.mkdir()
    home.chmod(0o755)
    with caplog.at_level(logging.WARNING):
        load_settings()
        load_settings()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert caplog.text.count("others could read") == 1


def test_the_pepper_is_made_once_and_kept_secret(home):
    """E17: another run hashes the same names to the same keys."""
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


def test_a_group_of_another_package_is_read_from_the_same_environment(monkeypatch, home):
    """Its variables are named by their aliases, and a wrong value names its variable."""

    class ForumSettings(SettingsGroup):
        url: str = Field("https://forum.example", alias="FORUM_URL")
        pages: int = Field(3, alias="FORUM_PAGES")

    monkeypatch.setenv("FORUM_URL", "https://here.example")
    forum = load_settings().group(ForumSettings)
    assert (forum.url, forum.pages, forum.home) == ("https://here.example", 3, home)
    assert ForumSettings.variables() == {"FORUM_URL", "FORUM_PAGES", "MARKET_OPINION_HOME"}
    monkeypatch.setenv("FORUM_PAGES", "many")
    with pytest.raises(SettingsInvalid, match="FORUM_PAGES"):
        load_settings().group(ForumSettings)


def test_the_name_of_a_group_is_no_variable(monkeypatch):
    """`STATE` or `LAKE` of some other program is not ours."""
    monkeypatch.setenv("STATE", "running")
    monkeypatch.setenv("LAKE", "deep")
    assert load_settings().lake.catalog == "market_opinion"


@pytest.mark.parametrize("road", ["external", "copy"])
def test_an_old_name_is_read_with_a_notice(monkeypatch, caplog, road):
    """SNOWFLAKE_ROAD is SNOWFLAKE_ACCESS now, which wins where both are set."""
    monkeypatch.setenv("SNOWFLAKE_ROAD", road)
    with caplog.at_level(logging.WARNING):
        assert load_settings().snowflake.access == road
    assert "SNOWFLAKE_ROAD is read as SNOWFLAKE_ACCESS" in caplog.text
    monkeypatch.setenv("SNOWFLAKE_ACCESS", "iceberg")
    assert load_settings().snowflake.access == "iceberg"


@pytest.mark.parametrize("name", ["SNOWFLAKE_ROAD", "SNOWFLAKE_ACCESS"])
def test_a_wrong_access_names_the_variable(monkeypatch, name):
    monkeypatch.setenv(name, "tunnel")
    with pytest.raises(SettingsInvalid, match="SNOWFLAKE_ACCESS"):
        load_settings()


def test_settings_of_a_run_do_not_change_with_the_environment(monkeypatch):
    """A run reads them once."""
    settings = load_settings()
    monkeypatch.setenv("LLM_MODEL", "another")
    assert settings.llm.model is None
    assert load_settings().llm.model == "another"


def test_an_old_name_in_a_dotenv_file_is_noticed_too(monkeypatch, caplog, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("SNOWFLAKE_ROAD=copy\n")
    with caplog.at_level(logging.WARNING):
        assert load_settings().snowflake.access == "copy"
    assert "SNOWFLAKE_ROAD is read as SNOWFLAKE_ACCESS" in caplog.text


@pytest.mark.usefixtures("without_engine")
@pytest.mark.parametrize("name", ["a b", "ü+'", 'q"$;&'])
def test_everything_lies_in_the_home_whatever_its_name(tmp_path, monkeypatch, name):
    """No character of its path is escaped on the way to the file systems."""
    monkeypatch.setenv("MARKET_OPINION_HOME", str(tmp_path / name))
    monkeypatch.setenv("SCORER", "lexicon")
    hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert {"landing", "lake", "market_opinion.duckdb"} <= {
        path.name for path in (tmp_path / name).iterdir()
    }


@pytest.mark.parametrize("name", ["h%41", "h#b", "h?b", "h*", "h[1]", "h\nb"])
def test_a_home_that_no_address_can_hold_is_refused_before_anything_is_written(
    tmp_path, monkeypatch, name
):
    """With the characters that are in the way."""
    monkeypatch.setenv("MARKET_OPINION_HOME", str(tmp_path / name))
    with pytest.raises(SettingsInvalid, match=r"MARKET_OPINION_HOME: .*take another folder"):
        load_settings()
    assert not list(tmp_path.iterdir())


def test_processes_that_start_at_once_share_one_pepper(tmp_path, monkeypatch):
    """X12: the one that makes it makes it whole."""
    monkeypatch.setenv("MARKET_OPINION_HOME", str(tmp_path))
    settings = load_settings()
    for n in range(20):
        path = tmp_path / "author_pepper"
        path.unlink(missing_ok=True)
        with ThreadPoolExecutor(10) as pool:
            peppers = set(pool.map(lambda _: settings.pepper(), range(10)))
        assert [len(pepper) for pepper in peppers] == [64], n
        assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["author_pepper"]


@pytest.mark.parametrize("text", ["", "short\n"])
def test_a_pepper_that_is_none_is_refused(tmp_path, monkeypatch, text):
    """X12."""
    monkeypatch.setenv("MARKET_OPINION_HOME", str(tmp_path))
    settings = load_settings()
    (tmp_path / "author_pepper").write_text(text)
    with pytest.raises(SettingsInvalid, match="holds no secret of 16 characters"):
        settings.pepper()


def test_the_variables_of_the_ingestion_contract_have_an_effect_by_themselves(monkeypatch):
    """B19, B41, X3: nothing but what they name is needed."""
    assert (load_settings().state.table, load_settings().metrics.sink) == (None, "file")
    monkeypatch.setenv("RUNS_TABLE_NAME", "runs")
    monkeypatch.setenv("METRICS_NAMESPACE", "Ingestion")
    monkeypatch.setenv("LANDING_BUCKET_NAME", "a-bucket")
    assert (load_settings().state.table, load_settings().metrics.sink) == ("runs", "cloudwatch")
    for prefix, root in (
        ("reddit/", "s3://a-bucket"),
        ("raw/reddit", "s3://a-bucket/raw"),
        ("raw", "s3://a-bucket/raw"),
    ):
        monkeypatch.setenv("LANDING_BUCKET_PREFIX", prefix)
        assert load_settings().landing.root == root
    monkeypatch.setenv("STATE_URI", "sqlite:")
    monkeypatch.setenv("METRICS_SINK", "emf")
    assert (load_settings().state.table, load_settings().metrics.sink) == (None, "emf")
