"""Labels that a domain brings: read whole, or refused by their line."""

import pytest

from market_opinion.core.errors import InvalidRequest
from market_opinion.domain.definition import load_domain
from market_opinion.domain.labels import Judgement, read_judgements, read_labelled_items
from tests.conftest import REPOSITORY

JUDGEMENTS = sorted((REPOSITORY / "domains").glob("*/labelled/judgements*.tsv"))


def test_a_judgement_has_its_aspect_and_its_sign(phones, tmp_path):
    """Tabs part the fields, so a text may hold all else."""
    path = tmp_path / "judgements.tsv"
    path.write_text('battery\t-\tdies, by "lunch"\nprice\t+\tpaid half\n', encoding="utf-8")
    assert list(read_judgements(path, phones)) == [
        Judgement('dies, by "lunch"', is_praise=False, aspect="battery"),
        Judgement("paid half", is_praise=True, aspect="price"),
    ]


@pytest.mark.parametrize("line", ["batery\t-\tdies", "battery\t?\tdies", "battery\t-", "battery"])
def test_a_line_that_is_none_is_named(phones, tmp_path, line):
    """With what is wanted."""
    path = tmp_path / "judgements.tsv"
    path.write_text(f"battery\t-\tdies\n{line}\n", encoding="utf-8")
    with pytest.raises(InvalidRequest, match="line 2: want an aspect of the domain"):
        list(read_judgements(path, phones))


@pytest.mark.parametrize("path", JUDGEMENTS, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_bundled_judgements_praise_and_blame_each_aspect(path):
    """About as often the one as the other, and none twice."""
    found = list(read_judgements(path, load_domain(path.parts[-3], REPOSITORY / "domains")))
    praised = sum(each.is_praise for each in found)
    assert 0.4 < praised / len(found) < 0.6
    assert len({each.text for each in found}) == len(found)


def test_a_domain_that_is_only_learned_from_is_one():
    """Its labels are joined with texts that are not in the repository."""
    folder = REPOSITORY / "benchmarks" / "labels" / "domains"
    domain = load_domain("electronics", folder)
    assert domain.overall_aspect == "overall"


@pytest.mark.parametrize("name", ["cars", "games", "hotels", "smartphones"])
def test_bundled_texts_are_labelled_by_the_catalogue(name):
    """Every product and aspect of a label is one of the domain's."""
    domain = load_domain(name, REPOSITORY / "domains")
    for path in (REPOSITORY / "domains" / name / "labelled").glob("*.jsonl"):
        assert read_labelled_items(path, domain)
