"""The catalogue: what the rest of the platform asks of single sources."""

import json

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from market_opinion.core.errors import InvalidRequest, SettingsInvalid
from market_opinion.core.setting_groups import SettingsGroup
from market_opinion.core.settings import load_settings
from market_opinion.sources import catalogue, listing
from market_opinion.sources.linkedin import LinkedInSettings
from market_opinion.sources.meta import FacebookSettings
from tests.conftest import REPOSITORY


@pytest.mark.parametrize(
    "path", ["README.md", ".env.example", "infra/terraform/source_secrets.json"]
)
def test_what_is_made_from_the_catalogue_is_current(path):
    """`make docs` writes it."""
    assert (REPOSITORY / path).read_text() == listing.contents(REPOSITORY)[REPOSITORY / path]


def test_a_file_without_the_marks_is_named(tmp_path):
    """The message quotes the two lines."""
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(InvalidRequest, match="made by `make docs`"):
        listing.contents(tmp_path)


def test_terraform_has_a_place_for_every_secret_of_a_source():
    """By the name that it has in the account."""
    assert list(json.loads(listing.terraform_secrets())) == [
        "facebook-access-token",
        "instagram-access-token",
        "linkedin-access-token",
        "x-bearer-token",
    ]


@pytest.mark.parametrize(
    ("platform", "source"),
    [
        ("reddit", "reddit"), ("amazon", "reviews"), ("sample", "sample"), ("x", "x"), ("survey", "file"),
    ],
)  # fmt: skip
def test_a_platform_leads_to_its_source(platform, source):
    """B63: a platform that no source brings is one of files that a mapping names."""
    assert catalogue.source_of(platform) == source
    assert (catalogue.profile_of(platform) is None) is (source == "file")


@pytest.mark.parametrize(
    ("platform", "kinds"),
    [
        ("reddit", ["submission", "comment"]), ("amazon", ["review"]), ("steam", ["review"]), ("sample", None), ("survey", None),
    ],
)  # fmt: skip
def test_a_platform_has_the_formats_that_its_source_brings(platform, kinds):
    """Lines of the sample are Reddit's, so it brings none."""
    formats = catalogue.line_formats(platform)
    assert (formats and list(formats)) == kinds


def test_settings_of_a_source_are_read_from_the_same_environment(monkeypatch, tmp_path):
    """Variables win over .env, which lies beside those of Settings."""
    (tmp_path / ".env").write_text("LINKEDIN_URL=http://a\nLINKEDIN_VERSION=202401\nSCORER=llm\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LINKEDIN_VERSION", "202402")
    monkeypatch.setenv("FACEBOOK_ACCESS_TOKEN", "hidden")
    settings = load_settings()
    linked_in = settings.group(LinkedInSettings)
    assert (settings.scorer, linked_in.url, linked_in.version) == ("llm", "http://a", "202402")
    assert settings.group(FacebookSettings).access_token.get_secret_value() == "hidden"


def test_a_setting_that_cannot_be_used_is_named(monkeypatch):
    """By its variable, without its value."""
    monkeypatch.setenv("LINKEDIN_VERSION", "next year")
    with pytest.raises(SettingsInvalid, match="LINKEDIN_VERSION") as raised:
        load_settings().group(LinkedInSettings)
    assert "next year" not in str(raised.value)


def test_secrets_of_a_group_are_its_secret_fields(monkeypatch):
    """Those without a value are missing."""

    class Doors(SettingsGroup):
        model_config = SettingsConfigDict(env_prefix="DOORS_")

        key: SecretStr | None = Field(None, description="Opens them.")
        code: SecretStr | None = Field(None, alias="CODE", description="Closes them.")
        colour: str = "green"

    assert Doors.secrets() == {"DOORS_KEY": "Opens them.", "CODE": "Closes them."}
    monkeypatch.setenv("CODE", "1234")
    assert Doors().missing_secrets() == ["DOORS_KEY"]
