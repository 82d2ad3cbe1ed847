"""Domains: data that is checked when it is loaded."""

import re
import shutil
import textwrap

import pytest

from market_opinion.core.errors import DomainInvalid, UnknownDomain
from market_opinion.domain import definition
from market_opinion.domain.definition import load_domain, normalise
from tests.conftest import REPOSITORY

DOMAINS = sorted(path.parent.name for path in (REPOSITORY / "domains").glob("*/domain.toml"))


@pytest.fixture
def broken(tmp_path):
    """A copy of the smartphones domain to break."""
    shutil.copytree(REPOSITORY / "domains" / "smartphones", tmp_path / "smartphones")
    return tmp_path


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("name", DOMAINS)
def test_every_domain_folder_loads(name):
    """A15: data only."""
    assert load_domain(name, REPOSITORY / "domains").products


def test_the_example_of_the_documentation_loads(tmp_path):
    """A reader may copy it from the module's docstring."""
    folder = tmp_path / "example"
    folder.mkdir()
    blocks = re.findall(r"::\n\n((?:    .*\n|\n)+)", definition.__doc__)
    for name, block in zip(("domain.toml", "products.csv"), blocks, strict=True):
        (folder / name).write_text(textwrap.dedent(block).strip() + "\n")
    aliases = load_domain("example", tmp_path).aliases()
    assert [each.alias for each in aliases if each.needs_brand] == ["p8"]


def test_smartphones_hold_what_they_promise(phones):
    """A03: at least 12 aspects with camera, battery and price, 150 phones of 15 brands from 2019 to 2026."""
    models = [p for p in phones.products if p.category != "brand"]
    years = {p.released_on[:4] for p in models}
    assert len(phones.aspects) >= 12
    assert {"camera", "battery", "price"} <= phones.aspects.keys()
    assert len(models) >= 150
    assert len({p.brand for p in models}) >= 15
    assert {"2019", "2026"} <= years


def test_the_version_changes_with_the_content_alone(broken, phones):
    """Lineage: rows say which catalogue made them."""
    assert load_domain("smartphones", broken).version == phones.version
    edit(broken / "smartphones" / "products.csv", "s24u", "s24ultraa")
    assert load_domain("smartphones", broken).version != phones.version


def test_an_unknown_domain_names_those_there_are(broken):
    """And nothing outside the folder can be named."""
    with pytest.raises(UnknownDomain, match=r"no domain 'cars'.*there are: smartphones"):
        load_domain("cars", broken)
    with pytest.raises(UnknownDomain):
        load_domain("../smartphones", broken / "smartphones")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "products.csv",
            "|pixel8|",
            "|pixel8|pixel 9|",
            "alias 'pixel 9' stands for both google-pixel-8 and google-pixel-9",
        ),
        (
            "products.csv",
            "google-pixel-9,",
            "google-pixel-8,",
            "product_id 'google-pixel-8' appears twice",
        ),
        (
            "products.csv",
            "google-pixel-8,Google",
            "google-pixel-8,Gogle",
            "brand 'Gogle' of google-pixel-8 has no",
        ),
        ("products.csv", "2019-09-20", "last autumn", "line 2: released_on"),
        (
            "domain.toml",
            "is_overall = true",
            "is_overall = false",
            "exactly one aspect must have is_overall",
        ),
        (
            "domain.toml",
            'title = "Battery life"',
            'titel = "Battery life"',
            "aspects.battery.titel",
        ),
        (
            "domain.toml",
            '"battery", "batteries"',
            '"camera", "batteries"',
            "cue 'camera' stands for both battery and camera",
        ),
        ("domain.toml", "[aspects.battery]", "[aspects.battery", "not TOML"),
    ],
)
def test_a_mistake_is_named_with_file_and_rule(broken, file, old, new, message):
    """A13, D18: what, which one and what to do."""
    edit(broken / "smartphones" / file, old, new)
    with pytest.raises(DomainInvalid, match=message) as caught:
        load_domain("smartphones", broken)
    assert file in str(caught.value)


def test_names_are_compared_without_case_and_punctuation():
    """But for the plus of a model."""
    assert normalise("  Galaxy-S24+ (Ultra)_ ") == "galaxy s24+ ultra"
