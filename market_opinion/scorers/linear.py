"""A scorer that learned from labels: hashed n-grams and one layer of weights, so that running it takes numpy alone.

Trained on what a language model said of your own texts it costs nothing a text afterwards.
"""

import itertools
import re
import zlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from market_opinion.core.contracts import LABELS
from market_opinion.core.errors import SettingsInvalid

NAME = "linear"
_BUCKETS = 2**16
_WORD = re.compile(r"[\w']+|[^\w\s]")
_MASK = re.compile(r"https?://\S+|@\w+|\[\w+\]")
_GRAMS = (3, 4, 5)
_EPOCHS, _BATCH, _RATE, _DECAY = 12, 64, 0.5, 2e-6

Features = tuple[NDArray[np.int64], NDArray[np.float32]]


def features(text: str) -> Features:
    """Buckets of a text's words, pairs of words and runs of letters, and their weights, of length 1 together."""
    words = _WORD.findall(_MASK.sub(" ", text.lower()))
    grams = [f"w{word}" for word in words]
    grams += [f"p{left} {right}" for left, right in itertools.pairwise(words)]
    grams += [
        f"c{padded[at : at + size]}"
        for word in words
        for padded in (f" {word} ",)
        for size in _GRAMS
        for at in range(len(padded) - size + 1)
    ]
    hashes = np.fromiter((zlib.crc32(gram.encode()) for gram in grams), np.int64, len(grams))
    buckets, counts = np.unique(hashes % _BUCKETS, return_counts=True)
    weights = np.sqrt(counts).astype(np.float32)
    return buckets, weights / max(float(np.linalg.norm(weights)), 1e-9)


class Linear:
    """Chances of each label for a text; deterministic."""

    def __init__(self, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        """`weights` has one row a bucket and one column a label, in the order of LABELS."""
        self._weights = weights
        self._bias = bias

    @cached_property
    def version(self) -> str:
        """Hash of what it learned."""
        return f"{zlib.crc32(self._weights.astype(np.float16).tobytes()):08x}"

    def chances(self, text: str) -> NDArray[np.float32]:
        """One chance a label, in the order of LABELS; they add up to 1."""
        buckets, values = features(text)
        return _softmax(values @ self._weights[buckets] + self._bias)

    def label(self, text: str) -> str:
        """The likeliest label."""
        return LABELS[int(self.chances(text).argmax())]

    def polarity(self, text: str) -> float:
        """Chance of positive minus that of negative, in [-1, 1]; 0 where neutral is likelier than either."""
        chances = dict(zip(LABELS, self.chances(text).tolist(), strict=True))
        if chances["neutral"] >= max(chances["positive"], chances["negative"]):
            return 0.0
        return float(chances["positive"] - chances["negative"])

    def save(self, path: Path) -> None:
        """Keep it in half precision: 400 KB."""
        np.savez_compressed(path, weights=self._weights.astype(np.float16), bias=self._bias)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` kept; raises SettingsInvalid where there is nothing of the kind."""
        try:
            with np.load(path, allow_pickle=False) as kept:
                return cls(kept["weights"].astype(np.float32), kept["bias"])
        except (OSError, KeyError, ValueError) as error:
            message = f"no linear model in {path} ({error}): train one with `python -m flows.train`"
            raise SettingsInvalid(message) from error

    @classmethod
    def train(cls, texts: Sequence[str], labels: Sequence[str], *, seed: int = 1) -> Self:
        """Learn from labelled texts by stochastic gradient descent; equal input gives an equal model."""
        order = np.random.default_rng(seed)
        rows = [features(text) for text in texts]
        targets = np.array([LABELS.index(label) for label in labels])
        weights = np.zeros((_BUCKETS, len(LABELS)), np.float32)
        bias = np.zeros(len(LABELS), np.float32)
        squares = np.full_like(weights, 1e-3)
        for _ in range(_EPOCHS):
            shuffled = order.permutation(len(rows))
            for at in range(0, len(rows), _BATCH):
                batch = shuffled[at : at + _BATCH]
                buckets = np.concatenate([rows[n][0] for n in batch])
                values = np.concatenate([rows[n][1] for n in batch])
                owner = np.repeat(np.arange(len(batch)), [len(rows[n][0]) for n in batch])
                scores = np.zeros((len(batch), len(LABELS)), np.float32)
                np.add.at(scores, owner, values[:, None] * weights[buckets])
                error = _softmax(scores + bias)
                error[np.arange(len(batch)), targets[batch]] -= 1
                gradient = values[:, None] * error[owner] + _DECAY * weights[buckets]
                np.add.at(squares, buckets, gradient**2)
                np.add.at(weights, buckets, -_RATE * gradient / np.sqrt(squares[buckets]) / 8)
                bias -= 0.05 * error.mean(axis=0)
        return cls(weights, bias)


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    result: NDArray[np.float32] = raised / raised.sum(axis=-1, keepdims=True)
    return result
