"""Training of the linear scorer, with a test on texts that it has not seen."""

import hashlib
from dataclasses import dataclass

import polars as pl

from market_opinion.core.contracts import SILVER_ITEMS, SILVER_OPINIONS
from market_opinion.core.errors import InvalidRequest
from market_opinion.scorers.linear import Linear
from market_opinion.stages import opinions
from market_opinion.storage.lake.tables import Lake

_TRAIN_PERCENT = 70
_TEXTS_MIN = 200


@dataclass(frozen=True)
class Training:
    """A model of all texts; its accuracy is that of a model of 70 % of them, on the others."""

    model: Linear
    text_count: int
    unseen_count: int
    accuracy: float
    baseline: float

    def __str__(self) -> str:
        """The figures in words, as an operator reads them."""
        return (
            f"linear {self.model.version}: {self.text_count:,} texts, accuracy {self.accuracy:.3f}"
            f" on {self.unseen_count:,} texts it had not seen"
            f" (always the commonest label: {self.baseline:.3f})"
        )


def train(texts: pl.DataFrame) -> Training:
    """Train on rows with `text` and `label`; raises InvalidRequest for fewer than 200 texts."""
    texts = texts.unique("text", maintain_order=True).sort("text")
    if texts.height < _TEXTS_MIN:
        message = (
            f"{texts.height} labelled texts are too few, at least {_TEXTS_MIN}:"
            " judge more with SCORER=llm, or give --labelled"
        )
        raise InvalidRequest(message)
    is_train = pl.Series([_percentile(text) < _TRAIN_PERCENT for text in texts["text"]])
    train_rows, unseen = texts.filter(is_train), texts.filter(~is_train)
    labels = unseen["label"].to_list()
    tested = Linear.train(train_rows["text"].to_list(), train_rows["label"].to_list())
    right = sum(tested.label(text) == label for text, label in unseen.iter_rows())
    return Training(
        Linear.train(texts["text"].to_list(), texts["label"].to_list()),
        texts.height,
        unseen.height,
        right / unseen.height,
        max(labels.count(label) for label in set(labels)) / unseen.height,
    )


def model_labels(lake: Lake, domain: str) -> pl.DataFrame:
    """Return texts of stored items with the sign of all that the model said of them."""
    key = ["platform", "kind", "item_id", "window_start"]
    judged = lake.read(
        SILVER_OPINIONS, {"domain": domain, "scorer": "llm"}, columns=[*key, "polarity"]
    )
    signs = (
        judged.group_by(key)
        .agg(pl.col("polarity").sum())
        .with_columns(label=opinions.label(pl.col("polarity")))
    )
    texts = lake.read(SILVER_ITEMS, columns=[*key, "text", "is_usable"]).filter("is_usable")
    return texts.join(signs, on=key).select("text", "label")


def _percentile(text: str) -> int:
    """Return a number from 0 to 99 that depends on the text alone."""
    return int(hashlib.blake2b(text.encode(), digest_size=4).hexdigest(), 16) % 100
