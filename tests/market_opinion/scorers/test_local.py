"""The local scorer: the same answer in any company, and its accuracy on our own samples."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from market_opinion.core.errors import SettingsInvalid
from market_opinion.domain.labels import LabelledItem, as_silver, read_labelled_items
from market_opinion.scorers.contract import Version
from market_opinion.scorers.judging import Judge
from market_opinion.scorers.local import weights
from market_opinion.scorers.local.encoder import encode
from market_opinion.scorers.local.graph import Encoder
from market_opinion.scorers.local.inputs import Item
from market_opinion.scorers.local.model import LocalModel, shared_model
from market_opinion.scorers.local.scorer import LocalScorer
from market_opinion.stages.opinions import to_judge
from market_opinion.truth import gold_set
from market_opinion.truth.evaluation import evaluate
from market_opinion.truth.evaluation import to_judge as to_judge_whole
from tests.conftest import REPOSITORY

# Floors below what was measured on the bundled samples (precision, recall of opinions right).
FLOORS = {
    "smartphones": (0.58, 0.47),
    "cars": (0.58, 0.72),
    "games": (0.58, 0.68),
    "hotels": (0.65, 0.68),
}


def judge_of(domain):
    scorer = LocalScorer(domain, shared_model())
    return Judge(scorer, "local", domain, LocalScorer.bars, Version("test"))


def said(domain, text, **fields):
    """Label by product and aspect of one text."""
    item = LabelledItem("x", text, **fields)
    _, opinions = gold_set.judge_gold(judge_of(domain), [item])
    return {(row["product_id"], row["aspect"]): row["label"] for row in opinions.to_dicts()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Pixel 9 camera is great.", {("google-pixel-9", "camera"): "positive"}),
        ("I don't like the Pixel 8 camera.", {("google-pixel-8", "camera"): "negative"}),
        ("iPhone 15 battery is awful", {("apple-iphone-15", "battery"): "negative"}),
        ("When does the Pixel 9 come out in Spain?", {}),
        ("The weather is great today.", {}),
    ],
)
def test_plain_texts_are_judged(phones, text, expected):
    """Written for this test, and never trained on."""
    assert said(phones, text) == expected


def test_an_answer_does_not_depend_on_what_is_judged_beside(phones):
    """Alone, or among a hundred others: bit for bit."""
    model = shared_model()
    reader, aspects = model.for_domain(phones)
    texts = [f"The Pixel 9 camera is great{' and so on' * n}." for n in range(30)]
    windows = [
        window
        for n, text in enumerate(texts)
        for window in reader.read(n, Item(text, "", "phones"), ["google-pixel-9"])
    ]
    together = list(model.answer(windows, aspects))
    assert [window for window, _ in together] == windows
    for window, answer in together:
        ((_, alone),) = model.answer([window], aspects)
        assert np.array_equal(alone.opinions, answer.opinions)
        assert (alone.named, alone.referred) == (answer.named, answer.referred)


def test_evidence_stands_in_the_text(phones):
    """M4: at the stated offsets, with a confidence."""
    rows = as_silver([LabelledItem("x", "My Pixel 9 is slow. Its camera is superb, though.")])
    judge = judge_of(phones)
    judged = judge.scorer.judge(to_judge(rows, judge.mention(rows))).rows
    assert judged.height
    for row in judged.to_dicts():
        words = rows["text"][0][row["evidence_start"] : row["evidence_end"]]
        assert words == row["evidence"]
        assert 0 <= row["confidence"] <= 1


def test_a_review_judges_its_product_as_a_whole(phones):
    """Also where no clause does: by the tone of all of them; what only tells has none."""
    texts = pl.DataFrame(
        {
            "text": [
                "Dead after two weeks, and the screen scratches when you look at it.",
                "Cannot put it down. The camera is a joy and it flies through everything.",
                "It has two speakers and is sold in blue and in black.",
            ],
            "product": "google-pixel-9",
        }
    )
    judged = judge_of(phones).judge(to_judge_whole(texts)).opinions
    whole = judged.filter(aspect="overall").sort("item_id")
    assert dict(whole.select("item_id", "label").iter_rows()) == {"0": "negative", "1": "positive"}
    found = evaluate(
        texts.with_columns(
            label=pl.Series(["negative", "positive", "neutral"]),
            aspects=pl.lit(None, pl.List(pl.String)),
            aspect_labels=pl.lit(None, pl.List(pl.String)),
        ),
        judged,
        0,
        overall="overall",
    )
    assert found.accuracy == 1.0


def test_nothing_in_is_nothing_out(phones):
    """D12: in the same columns."""
    judge, empty = judge_of(phones), as_silver([])
    mentions = judge.mention(empty)
    assert mentions.height == judge.scorer.judge(to_judge(empty, mentions)).rows.height == 0


@pytest.mark.parametrize("name", FLOORS)
def test_the_bundled_samples_are_judged_as_their_labels_say(repository_domains, name):
    """M5: every third item of a sample: it is our own, and read by a person."""
    domain = repository_domains(name)
    path = REPOSITORY / "domains" / name / "labelled" / "sample.jsonl"
    items = read_labelled_items(path, domain)[::3]
    measures = gold_set.measure(items, *gold_set.judge_gold(judge_of(domain), items), domain)
    figures = {m.name: m.figure.value for m in measures if m.part == "all"}
    precision, recall = FLOORS[name]
    assert figures["opinions right: precision"] >= precision
    assert figures["opinions right: recall"] >= recall


def test_weights_that_are_not_there_are_named(tmp_path):
    """With what to do; so are those of another encoder."""
    with pytest.raises(SettingsInvalid, match=r"flows\.train"):
        LocalModel(tmp_path / "none.npz")
    learned, facts, _ = weights.load(weights.LEARNED)
    half = learned | {"layers": learned["layers"][::2]}
    weights.save(half, tmp_path / "half.npz", facts=facts)
    with pytest.raises(SettingsInvalid, match=r"half\.npz change 6 layers of an encoder, not 12"):
        LocalModel(tmp_path / "half.npz")


def test_the_graph_computes_what_the_encoder_says():
    """What runs is what was trained, to the rounding of bytes; and each text by itself."""
    published, tokenizer = weights.published()
    changed = weights.adapted(published, weights.load(weights.LEARNED)[0])
    texts = ["the battery dies", "My Galaxy S24 is great, but it gets hot while it charges."]
    pieces = [tokenizer.encode(text).ids for text in texts]
    length = max(map(len, pieces))
    ids = np.array([each + [0] * (length - len(each)) for each in pieces])
    mask = (ids > 0).astype(np.float32)
    marks = np.where(mask > 0, np.arange(length) % 5, 0)
    found = Encoder(changed).encode(ids, marks, mask)
    expected = encode(changed, ids, marks, mask, np)
    apart = np.linalg.norm(found - expected, axis=-1) / np.linalg.norm(expected, axis=-1)
    assert apart[mask > 0].mean() < 0.08
    alone = Encoder(changed).encode(ids[:1], marks[:1], mask[:1])
    assert np.array_equal(alone[0], found[0])


def test_nothing_is_reported_to_anybody(tmp_path):
    """The runtime of the encoder keeps no numbers of the machine, to be sent by and by."""
    asked = {
        name: value for name, value in os.environ.items() if name not in {"CI", "GITHUB_ACTIONS"}
    }
    asked |= {"HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    asked.pop("ORT_DISABLE_TELEMETRY", None)
    asked.pop("XDG_CACHE_HOME", None)
    code = "from market_opinion.scorers.local.graph import Encoder"
    subprocess.run([sys.executable, "-c", code], env=asked, check=True)
    assert list(tmp_path.rglob("*")) == []


def test_learned_weights_are_read_as_they_were_written(tmp_path):
    """And their version changes with them."""
    learned, facts, version = weights.load(weights.LEARNED)
    weights.save(learned, tmp_path / "same.npz", facts=facts)
    assert weights.load(tmp_path / "same.npz")[2] == version
    weights.save(learned, tmp_path / "other.npz", facts=facts | {"epochs": 99})
    assert weights.load(tmp_path / "other.npz")[2] != version


def test_a_scorer_of_another_package_judges(phones, tmp_path, monkeypatch, without_engine):
    """M13, D14, S16: named by its entry point, and nothing of ours knows it."""
    package = tmp_path / "stars"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from market_opinion.scorers.contract import Bars, Judgements, Version\n"
        "from market_opinion.stages.opinions import as_judgements\n"
        "class Stars:\n"
        "    bars = Bars(0.5, 0.0)\n"
        "    @classmethod\n"
        "    def check(cls, settings, domain): ...\n"
        "    @classmethod\n"
        "    def version(cls, settings, domain): return Version('stars-1')\n"
        "    @classmethod\n"
        "    def open(cls, context): return cls()\n"
        "    def weigh(self, items, candidates): return candidates\n"
        "    def judge(self, rows):\n"
        "        found = [(r['row'], r['products'][0], 'overall', 1.0, None, 0, 3, r['text'][:3],\n"
        "                  None) for r in rows.to_dicts()]\n"
        "        return Judgements(as_judgements(found))\n"
    )
    info = tmp_path / "stars-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stars\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[market_opinion.scorers]\nstars = stars:Stars\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SCORER", "stars")
    from flows.backfill import backfill
    from market_opinion.core.contracts import SILVER_OPINIONS
    from market_opinion.ops.adapters import open_adapters

    backfill.fn()
    rows = open_adapters().lake().read(SILVER_OPINIONS)
    assert rows.select("scorer", "model").unique().rows() == [("stars", "stars-1")]
    assert isinstance(rows, pl.DataFrame)


def test_weights_of_a_stranger_run_nothing(tmp_path):
    """A file of weights is arrays: no pickle in it is opened, and a broken one is named."""

    class Attack:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    hostile = np.empty(1, object)
    hostile[0] = Attack()
    np.savez(tmp_path / "object.npz", facts=hostile)
    np.save(tmp_path / "plain.npz", hostile, allow_pickle=True)
    (tmp_path / "plain.npz.npy").replace(tmp_path / "plain.npz")
    np.savez(tmp_path / "lacking.npz", other=np.zeros(2))
    np.savez(tmp_path / "no_json.npz", facts=np.zeros(2, np.uint8))
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Attack()))
    for path in sorted(tmp_path.glob("*.npz")):
        with pytest.raises(SettingsInvalid, match="no learned weights"):
            weights.load(path)
    assert not (tmp_path / "ran").exists()
