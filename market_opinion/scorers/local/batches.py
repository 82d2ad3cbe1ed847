"""Windows of like length put side by side as arrays."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market_opinion.scorers.local.heads import CLAUSE_FEATURES, NAMED_FEATURES, REFERRED_FEATURES
from market_opinion.scorers.local.inputs import Floats, Window

Integers = NDArray[np.int32]


class Batch(NamedTuple):
    """Arrays of several windows, padded: see `heads` for their shapes."""

    ids: Integers
    marks: Integers
    mask: Floats
    clauses: Floats
    names: Floats
    clause_features: Floats
    named_features: Floats
    referred_features: Floats


def stack(
    windows: Sequence[Window], *, tokens: int, clauses: int, names: int, aspects: int
) -> Batch:
    """Return the windows as one batch, padded to these sizes; what is more is left out."""
    count = len(windows)
    batch = Batch(
        np.zeros((count, tokens), np.int32),
        np.zeros((count, tokens), np.int32),
        np.zeros((count, tokens), np.float32),
        np.zeros((count, clauses, tokens), np.float32),
        np.zeros((count, names, tokens), np.float32),
        np.zeros((count, clauses, aspects, CLAUSE_FEATURES), np.float32),
        np.zeros((count, names, NAMED_FEATURES), np.float32),
        np.zeros((count, REFERRED_FEATURES), np.float32),
    )
    for n, window in enumerate(windows):
        length = min(len(window.ids), tokens)
        batch.ids[n, :length] = window.ids[:length]
        batch.marks[n, :length] = window.marks[:length]
        batch.mask[n, :length] = 1
        for k, (start, end) in enumerate(window.clause_tokens[:clauses]):
            batch.clauses[n, k, start : min(end, length)] = 1
        for k, (start, end) in enumerate(window.name_tokens[:names]):
            batch.names[n, k, start:end] = 1 / max(end - start, 1)
        known = min(len(window.clauses), clauses)
        batch.clause_features[n, :known, : window.clause_features.shape[1]] = (
            window.clause_features[:known]
        )
        known = min(len(window.names), names)
        batch.named_features[n, :known] = window.named_features[:known]
        batch.referred_features[n] = window.referred_features
    return batch


def by_length(windows: Sequence[Window], tokens_max: int) -> Iterator[list[int]]:
    """Yield the numbers of windows of like length, shortest first, so that a batch holds about so many tokens."""
    order = sorted(range(len(windows)), key=lambda n: (len(windows[n].ids), n))
    group: list[int] = []
    for n in order:
        if group and len(windows[n].ids) * (len(group) + 1) > tokens_max:
            yield group
            group = []
        group.append(n)
    if group:
        yield group
