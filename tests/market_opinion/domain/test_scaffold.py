"""`domain new` and `domain check`: a domain that works at once, and what would make one worse."""

import csv
import json
import shutil
import subprocess

import pytest

from flows.backfill import backfill
from market_opinion.__main__ import app
from market_opinion.core.errors import InvalidRequest
from market_opinion.domain.definition import load_domain
from market_opinion.domain.lint import lint, needs_brand
from market_opinion.domain.scaffold import read_catalogue, write_domain
from market_opinion.ops.adapters import open_adapters
from market_opinion.scorers.llm.prompt import load_prompt
from tests.conftest import REPOSITORY

CATALOGUE = (
    "brand,product,released_on\nToyota,Corolla,\nFord,Focus,\nTesla,Model 3,2017-07-28\nBMW,i3,\n"
)


@pytest.fixture
def catalogue(tmp_path):
    path = tmp_path / "catalogue.csv"
    path.write_text(CATALOGUE)
    return path


def run(*arguments):
    app(list(arguments), exit_on_error=False, result_action="return_value")


@pytest.mark.usefixtures("without_engine", "with_default_scorer", "with_report")
def test_a_new_domain_works_at_once(catalogue, tmp_path, monkeypatch, capsys):
    """A01, A15, M10, S3: from a catalogue of brands and products to a report, without a line of code, and nothing outside its folder."""
    monkeypatch.setenv("DOMAINS_PATH", str(tmp_path / "domains"))
    run(
        "domain",
        "new",
        "cars",
        "--from",
        str(catalogue),
        "--aspects",
        "engine,comfort,safety",
        "--communities",
        "cars,whatcar",
    )
    assert "4 products" in capsys.readouterr().out
    domain = load_domain("cars", tmp_path / "domains")
    assert (list(domain.aspects), domain.communities("reddit")) == (
        ["engine", "comfort", "safety", "overall"],
        ("cars", "whatcar"),
    )
    assert "what people write about cars:" in load_prompt(domain, tmp_path / "domains").system
    summary = backfill.fn(domain="cars")
    assert summary.counts["opinion_count"] >= 8
    shares = open_adapters().mart().query("SELECT * FROM mart.share_of_voice")
    assert set(shares["brand"]) == {"Toyota", "Ford", "Tesla", "BMW"}
    changed = subprocess.run(
        ["git", "status", "--porcelain", "market_opinion", "domains"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cars" not in changed.stdout


def test_names_that_mean_other_things_need_their_brand(catalogue):
    """Ford's Focus is a word, Tesla's Model 3 is none."""
    aliases = {row["product"]: row["aliases"] for row in read_catalogue(catalogue)}
    assert aliases == {
        "Corolla": "toyota corolla|corolla",
        "Focus": "ford focus|~focus",
        "Model 3": "tesla model 3|model 3|tesla model3|model3",
        "i3": "bmw i3|~i3|bmw i 3|~i 3",
    }


@pytest.mark.parametrize(
    ("alias", "expected"),
    [
        ("focus", True),
        ("one plus", True),
        ("500", True),
        ("x 5", True),
        ("i3", True),
        ("corolla", False),
        ("magic 6 pro", False),
        ("golf gti", False),
    ],
)
def test_what_needs_its_brand(alias, expected):
    assert needs_brand(alias) is expected


def test_what_two_products_are_called_stands_for_neither(tmp_path):
    """But with their brands."""
    path = tmp_path / "catalogue.csv"
    path.write_text("brand,product\nFord,Transit\nHotWheels,Transit\n")
    assert [row["aliases"] for row in read_catalogue(path)] == ["ford transit", "hotwheels transit"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("product\nCorolla\n", "has no column brand"),
        ("brand,product\nToyota,\n", "line 2: brand and product must both be given"),
        ("brand,product\n", "has no product"),
    ],
)
def test_a_catalogue_that_cannot_be_used_is_answered(tmp_path, text, said):
    path = tmp_path / "catalogue.csv"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match=said):
        read_catalogue(path)


def test_nothing_is_overwritten_and_names_are_checked(catalogue, tmp_path):
    rows = read_catalogue(catalogue)
    (tmp_path / "cars").mkdir()
    with pytest.raises(InvalidRequest, match="is there already"):
        write_domain(tmp_path / "cars", rows, title="Cars", aspects=["engine"], communities=[])
    with pytest.raises(InvalidRequest, match="'4_x_4': names"):
        write_domain(tmp_path / "vans", rows, title="Vans", aspects=["4 x 4"], communities=[])
    assert not (tmp_path / "vans").exists()


def test_aspects_are_taken_as_they_are_typed(catalogue, tmp_path):
    """A name is made of the words, which are title and cue; a plural only where there is one."""
    typed = ["Ride Comfort", "battery", "USB-C charging", "seats"]
    rows = read_catalogue(catalogue)
    write_domain(tmp_path / "vans", rows, title="Vans", aspects=typed, communities=[])
    aspects = load_domain("vans", tmp_path).aspects
    assert {
        name: (each.title, list(each.cues)) for name, each in aspects.items() if name != "overall"
    } == {
        "ride_comfort": ("Ride Comfort", ["ride comfort"]),
        "battery": ("Battery", ["battery", "batteries"]),
        "usb_c_charging": ("USB-C charging", ["usb c charging"]),
        "seats": ("Seats", ["seats", "seat"]),
    }


def test_what_would_make_a_domain_worse_is_named(catalogue, tmp_path, monkeypatch, capsys):
    """Everyday words as aliases, aliases that are cues, aspects hardly anybody would recognise, examples that contradict the domain."""
    monkeypatch.setenv("DOMAINS_PATH", str(tmp_path))
    write_domain(
        tmp_path / "cars",
        read_catalogue(catalogue),
        title="Cars",
        aspects=["engine"],
        communities=[],
    )
    products = tmp_path / "cars" / "products.csv"
    products.write_text(
        products.read_text().replace("~focus", "focus").replace("|corolla", "|engine")
    )
    example = json.loads((tmp_path / "cars" / "examples.jsonl").read_text().splitlines()[0])
    example["mentions"][0]["evidence"] = "words that do not stand there"
    (tmp_path / "cars" / "examples.jsonl").write_text(json.dumps(example) + "\n")
    found = "\n".join(text for _, text in lint(load_domain("cars", tmp_path), tmp_path))
    assert (
        "alias 'focus' of ford-focus is also used without meaning the product: write ~focus"
        in found
    )
    assert "alias 'engine' of toyota-corolla is also a cue of aspect engine" in found
    assert "aspects.engine has 2 cues: add the words people use for engine" in found
    assert "does not stand in the text" in found
    with pytest.raises(SystemExit) as ended:
        run("domain", "check", "cars")
    assert ended.value.code == 1
    assert "findings" in capsys.readouterr().out


def test_a_derived_spelling_of_two_products_is_named(catalogue, tmp_path):
    """It names neither, until it is written as an alias of one."""
    write_domain(
        tmp_path / "phones",
        read_catalogue(catalogue),
        title="Phones",
        aspects=["a"],
        communities=[],
    )
    products = tmp_path / "phones" / "products.csv"
    with products.open(newline="") as file:
        first = next(csv.DictReader(file))
    written = [("acme-one", "acme s20 x"), ("acme-two", "acme s 20x")]
    rows = [
        first | {"product_id": product, "product": product, "aliases": alias}
        for product, alias in written
    ]
    with products.open("w", newline="") as file:
        writer = csv.DictWriter(file, first)
        writer.writeheader()
        writer.writerows(rows)
    named = [text for _, text in lint(load_domain("phones", tmp_path), tmp_path)]
    assert any("'acmes20x' may be acme-one or acme-two" in text for text in named)


@pytest.mark.parametrize(
    "name", [path.parent.name for path in sorted((REPOSITORY / "domains").glob("*/domain.toml"))]
)
def test_the_bundled_domains_have_no_findings(name):
    assert list(lint(load_domain(name, REPOSITORY / "domains"), REPOSITORY / "domains")) == []


def test_a_change_shows_what_it_judges_otherwise(
    catalogue, tmp_path, monkeypatch, without_engine, capsys
):
    """The same items by two catalogues: what one alone finds, and the texts in which."""
    monkeypatch.setenv("DOMAINS_PATH", str(tmp_path / "domains"))
    run("domain", "new", "cars", "--from", str(catalogue), "--aspects", "engine,comfort")
    shutil.copytree(tmp_path / "domains" / "cars", tmp_path / "domains" / "cars_next")
    with pytest.raises(InvalidRequest, match="back-fill some first"):
        run("domain", "diff", "cars", "cars_next")
    backfill.fn(domain="cars")
    capsys.readouterr()
    run("domain", "diff", "cars", "cars_next")
    assert "0 items are judged otherwise" in capsys.readouterr().out
    products = tmp_path / "domains" / "cars_next" / "products.csv"
    products.write_text(
        "".join(
            line for line in products.read_text().splitlines(keepends=True) if "corolla" not in line
        )
    )
    run("domain", "diff", "cars", "cars_next")
    said = capsys.readouterr().out
    assert "only of cars" in said
    assert "toyota-corolla engine" in said
    assert "cars_next: nothing" in said


@pytest.mark.parametrize(
    "name", ["../evil", "{}/evil", "..", "", "a\0b", "a\nb", "x" * 300, "cars/../x"]
)
def test_a_new_domain_lies_among_the_others(catalogue, tmp_path, monkeypatch, name):
    """A name that is a path is refused, and nothing is written."""
    domains = tmp_path / "domains"
    domains.mkdir()
    monkeypatch.setenv("DOMAINS_PATH", str(domains))
    before = sorted(tmp_path.rglob("*"))
    words = ["domain", "new", name.format(tmp_path), "--from", str(catalogue), "--aspects", "a,b"]
    with pytest.raises(InvalidRequest, match="names of domains"):
        app(words, exit_on_error=False, result_action="return_value")
    assert sorted(tmp_path.rglob("*")) == before
