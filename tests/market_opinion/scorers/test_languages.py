"""Opinions in added languages: the same rules, with the words of the language's file."""

import polars as pl
import pytest

from market_opinion.domain.definition import load_domain
from market_opinion.domain.labels import LabelledItem, as_silver
from market_opinion.domain.phrases import Phrases, fold, words_of
from market_opinion.scorers.contract import Version
from market_opinion.scorers.judging import Judge
from market_opinion.scorers.lexicon import Lexicon
from market_opinion.scorers.local.model import shared_model
from market_opinion.scorers.local.scorer import LocalScorer
from market_opinion.stages.opinions import to_judge
from market_opinion.truth import gold_set
from tests.conftest import REPOSITORY

PIXEL, IPHONE = "google-pixel-9", "apple-iphone-15"
# Floors below what was measured on the halves that nothing was tuned on (precision, recall of
# opinions right; docs/accuracy.md).
FLOORS = {"deu": (0.28, 0.11), "spa": (0.35, 0.09), "fra": (0.52, 0.22), "por": (0.35, 0.12)}


def judge_of(domain):
    scorer = LocalScorer(domain, shared_model(), "rules")
    return Judge(scorer, "local", domain, LocalScorer.bars, Version("weights"))


def judged(domain, text, language="und", **fields):
    rows = as_silver([LabelledItem("x", text, **fields)]).with_columns(language=pl.lit(language))
    judge = judge_of(domain)
    return judge.judge(to_judge(rows, judge.mention(rows))).opinions


def said(domain, text, **fields):
    """Label by product and aspect of one text."""
    rows = judged(domain, text, **fields).to_dicts()
    return {(row["product_id"], row["aspect"]): row["label"] for row in rows}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Der Akku vom Pixel 9 ist super", {(PIXEL, "battery"): "positive"}),
        ("Der Akku vom Pixel 9 ist nicht gut", {(PIXEL, "battery"): "negative"}),
        (
            "Das Display vom Pixel 9 ist toll, aber die Kamera ist schlecht",
            {(PIXEL, "display"): "positive", (PIXEL, "camera"): "negative"},
        ),
        ("Ist der Akku vom Pixel 9 wirklich gut?", {}),
        (
            "La cámara del Pixel 9 es mejor que la del iPhone 15",
            {(PIXEL, "camera"): "positive", (IPHONE, "camera"): "negative"},
        ),
        ("la camara del pixel 9 no es buena", {(PIXEL, "camera"): "negative"}),
        ("Ojalá la batería del Pixel 9 fuera buena", {}),
        (
            "L'écran du Pixel 9 est magnifique, par contre la batterie est nulle",
            {(PIXEL, "display"): "positive", (PIXEL, "battery"): "negative"},
        ),
        ("Mon Pixel 9 rame et la batterie ne tient pas", {(PIXEL, "performance"): "negative",
                                                          (PIXEL, "battery"): "negative"}),
        ("O ecrã do Pixel 9 é lindo mas a bateria é péssima",
         {(PIXEL, "display"): "positive", (PIXEL, "battery"): "negative"}),
        ("A tela do meu Pixel 9 não é boa", {(PIXEL, "display"): "negative"}),
    ],
)  # fmt: skip
def test_plain_texts_are_judged_in_their_language(phones, text, expected):
    """Also short ones, whose language silver.items leaves open; none is of the labelled items."""
    assert said(phones, text) == expected


@pytest.mark.parametrize(
    ("text", "thread"),
    [
        ("Mein Handy lädt leider extrem langsam", "Pixel 9 Erfahrungen"),
        ("El mío se calienta mucho jugando, qué horror", "Pixel 9, opiniones"),
    ],
)
def test_own_words_show_that_the_product_of_the_thread_is_meant(phones, text, thread):
    """As "my phone" does in English."""
    assert {product for product, _ in said(phones, text, thread=thread)} == {PIXEL}


def test_a_name_that_is_a_word_of_the_language_is_none(phones):
    """In Spanish "mi 13" is my 13, and "poco" little; in English both are names."""
    text = "Mi iPhone 15 dura poco, y la batería de mi 13 mini también dura poco"
    judge, item = judge_of(phones), as_silver([LabelledItem("x", text)])
    spanish = judge.mention(item.with_columns(language=pl.lit("spa")))
    assert set(spanish["product_id"]) == {IPHONE, "apple-iphone-13-mini"}
    english = judge.mention(item.with_columns(language=pl.lit("eng")))
    assert {"xiaomi-13", "poco-phone"} & set(english["product_id"])


def test_an_opinion_of_the_rules_says_so(phones):
    """The encoder reads English alone, and judges that as ever."""
    opinions = judged(phones, "Der Akku vom Pixel 9 ist leider sehr schlecht", language="deu")
    assert opinions.select("scorer", "model").rows() == [("lexicon", "rules")]
    opinions = judged(phones, "The Pixel 9 camera is great.", language="eng")
    assert opinions.select("scorer", "model").rows() == [("local", "weights")]


def test_a_language_without_words_is_not_judged(phones):
    """It is counted in the report instead."""
    assert judged(phones, "De batterij van de Pixel 9 is great", language="nld").is_empty()


@pytest.mark.parametrize("text", ["die was hat man", "My Pixel 9 is great, the best", "plus one"])
def test_english_is_judged_as_english(phones, text):
    """Whichever words it shares with other languages."""
    item = as_silver([LabelledItem("x", text)])
    rules = Lexicon(phones)
    named = judge_of(phones).mention(item)
    assert rules.judge(to_judge(item, named)).rows.equals(
        rules.judge(to_judge(item.drop("language"), named)).rows
    )


@pytest.mark.parametrize("code", sorted(FLOORS))
def test_shipped_items_are_judged_as_well_as_they_were(phones, code):
    """On the half that nothing was tuned on, by the default scorer."""
    path = REPOSITORY / "domains/smartphones/labelled/languages" / f"{code}.jsonl"
    assert len(gold_set.read_gold(path, phones)) == 150
    items = gold_set.read_gold(path, phones, half="odd")
    measures = gold_set.measure(items, *gold_set.judge_gold(judge_of(phones), items), phones)
    figures = {m.name: m.figure.value for m in measures if m.part == "all"}
    assert len(items) == 75
    precision, recall = FLOORS[code]
    assert figures["opinions right: precision"] >= precision
    assert figures["opinions right: recall"] >= recall


def test_the_version_of_a_domain_changes_with_a_language(phones, tmp_path):
    """So its hours are judged again."""
    folder = tmp_path / "smartphones"
    (folder / "languages").mkdir(parents=True)
    ours = REPOSITORY / "domains/smartphones"
    for name in ("domain.toml", "products.csv", "languages/deu.toml"):
        (folder / name).write_text((ours / name).read_text())
    before = load_domain("smartphones", tmp_path)
    text = (folder / "languages/deu.toml").read_text()
    (folder / "languages/deu.toml").write_text(text.replace('"akkus"', '"akkuse"'))
    after = load_domain("smartphones", tmp_path)
    assert before.judged_languages == ("eng", "deu")
    assert len({phones.version, before.version, after.version}) == 3


def test_phrases_are_whole_words_and_the_longest_counts():
    """A star stands for letters, and accents do not matter."""
    phrases = Phrases({"akku*": 1, "cámara": 2, "cámara frontal": 3})
    words = words_of("Akkulaufzeit, la camara frontal, camaras")
    assert [each.value for each in phrases.find(words)] == [1, 3]
    assert fold("Größe ÉCRAN") == "große ecran"
