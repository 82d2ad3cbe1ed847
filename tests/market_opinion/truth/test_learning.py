"""Training, on a handful of texts."""

import json
import shutil

import numpy as np
import pytest

from market_opinion.core.errors import InvalidRequest, SettingsInvalid
from market_opinion.scorers.local import weights
from market_opinion.truth.learning import Sources, learn
from tests.conftest import REPOSITORY

PRAISE = ("The rooms at the DoubleTree are spotless", "spotless", "positive")
BLAME = ("The rooms at the DoubleTree are filthy", "filthy", "negative")


@pytest.fixture
def domains(tmp_path):
    """One domain, without the texts that it brings to learn from."""
    shutil.copytree(
        REPOSITORY / "domains" / "hotels",
        tmp_path / "domains" / "hotels",
        ignore=shutil.ignore_patterns("labelled", "sample*"),
    )
    return tmp_path / "domains"


def labelled(folder, count=6):
    folder.mkdir()
    lines = []
    for n in range(count):
        text, evidence, label = (PRAISE, BLAME)[n % 2]
        opinion = {
            "product_id": "hilton-doubletree",
            "aspect": "cleanliness",
            "label": label,
            "evidence": evidence,
        }
        item = {"item_id": f"a{n}", "text": text, "mentions": [{"product_id": "hilton-doubletree"}]}
        lines.append(json.dumps(item | {"opinions": [opinion]}))
    (folder / "hotels_train.jsonl").write_text("\n".join(lines))
    return folder


@pytest.mark.integration
def test_training_goes_on_from_weights(domains, tmp_path):
    """The loss of what it has not seen before falls, and the file says what it came from."""
    losses = []
    sources = Sources(labelled(tmp_path / "labels"), start=weights.LEARNED)
    facts = learn(
        domains,
        sources,
        tmp_path / "own.npz",
        epochs=6,
        on_step=lambda _done, _of, loss: losses.append(loss),
    )
    assert len(losses) == 6
    assert losses[-1] < losses[0]
    shipped = weights.load(weights.LEARNED)[2]
    learned, kept, version = weights.load(tmp_path / "own.npz")
    assert kept == facts
    assert (facts["example_count"], facts["started_from"]) == (6, shipped)
    assert version != shipped
    assert learned["heads"].keys() == {"named", "referred", "opinions"}


def test_weights_are_calibrated_without_training(domains, tmp_path):
    """As after a change of the rules: nothing else of them changes but their version."""
    folder = labelled(tmp_path / "labels")
    (folder / "hotels_train.jsonl").rename(folder / "hotels_dev.jsonl")
    sources, to = Sources(folder, start=weights.LEARNED), tmp_path / "own.npz"
    facts = learn(domains, sources, to, epochs=0, on_step=print)
    before, known, version = weights.load(weights.LEARNED)
    after, kept, other = weights.load(to)
    assert json.loads(json.dumps(facts)) == kept
    assert kept["calibration"] != known["calibration"]
    assert kept | {"calibration": 0} == known | {"calibration": 0}
    assert other != version
    assert np.array_equal(after["layers"][0]["query"]["down"], before["layers"][0]["query"]["down"])
    with pytest.raises(InvalidRequest, match="nothing to calibrate"):
        learn(domains, Sources(folder), to, epochs=0, on_step=print)


def test_what_cannot_be_trained_is_said(domains, tmp_path):
    """No items, or no weights where some are named."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidRequest, match="nothing to learn from"):
        learn(domains, Sources(tmp_path / "empty"), tmp_path / "w.npz", epochs=1, on_step=print)
    sources = Sources(labelled(tmp_path / "labels"), start=tmp_path / "absent.npz")
    with pytest.raises(SettingsInvalid, match="no learned weights"):
        learn(domains, sources, tmp_path / "w.npz", epochs=1, on_step=print)
