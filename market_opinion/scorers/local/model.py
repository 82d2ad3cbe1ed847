"""The trained model at work: windows of texts in, probabilities out."""

import copy
import math
import os
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cachetools import LRUCache
from tokenizers import Tokenizer

from market_opinion.domain.definition import Domain
from market_opinion.scorers.local import heads, weights
from market_opinion.scorers.local.batches import alike, padded_sizes, stack
from market_opinion.scorers.local.encoder import Arrays, encode
from market_opinion.scorers.local.graph import Encoder
from market_opinion.scorers.local.inputs import Floats, Reader, Window

# Each core has a batch of its own; larger ones leave its cache.
_BATCH_TOKENS = 512
_ASPECT_TOKENS_MAX, _ASPECT_LENGTH = 64, 3.0
CERTAIN = 1e-4
# About 40 MB of short texts.
_READINGS_MAX = 20_000


class Answer(NamedTuple):
    """The model's answer about one window, as probabilities.

    `named`: that the product is meant where the window names it; `referred`: that the text speaks
    of it as its thread's product; `opinions`: that there is an opinion on it, and that one praises,
    for each clause and aspect: (clauses, aspects, 2).
    """

    named: float
    referred: float
    opinions: Floats


class LocalModel:
    """One encoder for all domains; the same window always gets the same answer."""

    def __init__(self, path: Path = weights.LEARNED) -> None:
        """Load the published weights and the learned ones; raise SettingsInvalid without either."""
        published, self.tokenizer = weights.published()
        learned, self.facts, self.version = weights.load(path)
        self._encoder = Encoder(weights.adapted(published, learned))
        self._heads = learned["heads"]
        self._published = published
        self._readings: dict[str, LRUCache[Any, Any]] = {}
        self._of_domains: dict[str, tuple[Reader, Floats]] = {}

    def answer(self, windows: Iterable[Window], aspects: Floats) -> Iterator[tuple[Window, Answer]]:
        """Yield each window with its answer, in their order; `aspects` as of `aspect_vectors`.

        Batches are answered on all cores while further windows are read.
        """
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            batches = [
                (batch, pool.submit(self._batch, [window for _, window in batch], aspects))
                for batch in alike(windows, _BATCH_TOKENS)
            ]
            found = {
                number: (window, answer)
                for batch, answers in batches
                for (number, window), answer in zip(batch, answers.result(), strict=True)
            }
        yield from (found[number] for number in range(len(found)))

    def _batch(self, windows: Sequence[Window], aspects: Floats) -> list[Answer]:
        tokens, clauses = padded_sizes(windows[0])
        batch = stack(
            windows,
            tokens=tokens,
            clauses=clauses,
            aspects=windows[0].clause_features.shape[1],
        )
        states = self._encoder.encode(batch.ids, batch.marks, batch.mask)
        subject = batch.subject
        named = heads.named(self._heads["named"], states, subject, batch.named_features, np)
        referred = heads.referred(
            self._heads["referred"], states, subject, batch.mask, batch.referred_features, np
        )
        marked, features = batch.clauses, batch.clause_features
        head = self._heads["opinions"]
        chances = _chance(heads.opinions(head, states, marked, aspects, features, np))
        return [
            Answer(
                float(_chance(named[n])),
                float(_chance(referred[n])),
                chances[n, : len(window.clauses)],
            )
            for n, window in enumerate(windows)
        ]

    def readings(self, domain_version: str) -> MutableMapping[Any, Any]:
        """Return the memory of what was read last for this version of a domain.

        Mentions and opinions of an item are asked for by different stages, and read once.
        """
        return self._readings.setdefault(domain_version, LRUCache(_READINGS_MAX))

    def with_curves(self, curves: dict[str, Any]) -> "LocalModel":
        """Return the same model with other curves of confidence."""
        other = copy.copy(self)
        other.facts = self.facts | {"calibration": curves}
        return other

    def calibrated(self, what: str, features: Sequence[float]) -> float:
        """Return a probability from features, by the logistic curve of held-out items."""
        curve = self.facts.get("calibration", {}).get(what)
        if curve is None:
            return float(_chance(np.float64(features[0])))
        total = curve[0] + sum(w * x for w, x in zip(curve[1], features, strict=True))
        return float(_chance(np.float64(total)))

    def for_domain(self, domain: Domain) -> tuple[Reader, Floats]:
        """Return the reader of a domain's texts, and one vector an aspect; made once a version.

        The vectors are of the published encoder, so that a new domain needs no training.
        """
        if domain.version not in self._of_domains:
            vectors = aspect_vectors(self._published, self.tokenizer, domain)
            self._of_domains[domain.version] = Reader(domain, self.tokenizer), vectors
        return self._of_domains[domain.version]


def aspect_vectors(published: Arrays, tokenizer: Tokenizer, domain: Domain) -> Floats:
    """Return one vector an aspect, (aspects, WIDTH), from its title and cues."""
    rows = []
    for aspect in domain.aspects.values():
        ids = np.array(
            [tokenizer.encode(f"{aspect.title}: {', '.join(aspect.cues)}").ids[:_ASPECT_TOKENS_MAX]]
        )
        states = encode(published, ids, np.zeros_like(ids), np.ones(ids.shape, np.float32), np)
        mean = states[0].mean(axis=0)
        rows.append(_ASPECT_LENGTH * mean / np.linalg.norm(mean))
    return np.stack(rows).astype(np.float32)


@lru_cache(maxsize=1)
def shared_model(path: Path | None = None) -> LocalModel:
    """Return the model of a file of learned weights, or of those that are shipped, loaded once."""
    return LocalModel(path or weights.LEARNED)


def odds(chance: float) -> float:
    """Return the log-odds of a probability, which is kept away from 0 and 1."""
    bounded = min(max(chance, CERTAIN), 1 - CERTAIN)
    return math.log(bounded / (1 - bounded))


def _chance(log_odds: Any) -> Any:  # noqa: ANN401, an array
    return 1.0 / (1.0 + np.exp(-log_odds))
