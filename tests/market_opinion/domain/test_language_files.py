"""Files of added languages: what is refused, and what `domain check` advises."""

import shutil

import pytest

from market_opinion.core.errors import DomainInvalid
from market_opinion.domain.definition import load_domain
from market_opinion.domain.lint import lint
from tests.conftest import REPOSITORY


@pytest.fixture
def german(tmp_path):
    """The German file of a copy of the smartphones."""
    folder = tmp_path / "smartphones"
    (folder / "languages").mkdir(parents=True)
    for name in ("domain.toml", "products.csv", "prompt.md", "examples.jsonl"):
        shutil.copy(REPOSITORY / "domains/smartphones" / name, folder / name)
    ours = REPOSITORY / "domains/smartphones/languages/deu.toml"
    return shutil.copy(ours, folder / "languages/deu.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"akkus"', '"akkus", "kamera"', "cue 'kamera' stands for both battery and camera"),
        ('"akkus"', '"ak*"', "at least 3 letters before"),
        ("battery = [", "fridge = [", "no aspect fridge in domain.toml"),
        ('title = "German"', 'titel = "German"', "titel"),
    ],
)
def test_a_mistake_is_named_with_file_and_rule(german, old, new, message):
    """An ambiguous cue would judge two sides at once."""
    german.write_text(german.read_text().replace(old, new, 1))
    with pytest.raises(DomainInvalid, match=r"deu\.toml") as refused:
        load_domain("smartphones", german.parent.parent.parent)
    assert message in str(refused.value)


def test_words_that_mean_something_else_are_advised_against(german):
    """English words, names of products, and names that no product has."""
    text = german.read_text().replace("common = [", 'common = ["phone", ', 1)
    text = text.replace("not_names = [", 'not_names = ["tulpe", ', 1)
    german.write_text(text.replace('"akkus"', '"iphone 15"', 1))
    domains = german.parent.parent.parent
    said = [found.text for found in lint(load_domain("smartphones", domains), domains)]
    assert len(said) == 3
    assert "'tulpe', which no product is called" in said[0]
    assert "'phone', which is an English word" in said[1]
    assert "'iphone 15' is also an alias of apple-iphone-15" in said[2]
