"""Windows of like length put side by side as arrays."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market_opinion.scorers.local.heads import CLAUSE_FEATURES, NAMED_FEATURES, REFERRED_FEATURES
from market_opinion.scorers.local.inputs import Floats, Window

Integers = NDArray[np.int32]
_TOKENS_STEP, _CLAUSES_STEP = 4, 8


class Batch(NamedTuple):
    """Arrays of several windows, padded: see `heads` for their shapes."""

    ids: Integers
    marks: Integers
    mask: Floats
    clauses: Floats
    subject: Floats
    clause_features: Floats
    named_features: Floats
    referred_features: Floats


def stack(windows: Sequence[Window], *, tokens: int, clauses: int, aspects: int) -> Batch:
    """Return the windows as one batch, padded to these sizes; what is more is left out."""
    count = len(windows)
    batch = Batch(
        np.zeros((count, tokens), np.int32),
        np.zeros((count, tokens), np.int32),
        np.zeros((count, tokens), np.float32),
        np.zeros((count, clauses, tokens), np.float32),
        np.zeros((count, tokens), np.float32),
        np.zeros((count, clauses, aspects, CLAUSE_FEATURES), np.float32),
        np.zeros((count, NAMED_FEATURES), np.float32),
        np.zeros((count, REFERRED_FEATURES), np.float32),
    )
    for n, window in enumerate(windows):
        length = min(len(window.ids), tokens)
        batch.ids[n, :length] = window.ids[:length]
        batch.marks[n, :length] = window.marks[:length]
        batch.mask[n, :length] = 1
        for k, (start, end) in enumerate(window.clause_tokens[:clauses]):
            batch.clauses[n, k, start : min(end, length)] = 1
        for start, end in window.subject_tokens:
            batch.subject[n, start:end] = 1
        batch.subject[n] /= max(batch.subject[n].sum(), 1)
        known = min(len(window.clauses), clauses)
        batch.clause_features[n, :known, : window.clause_features.shape[1]] = (
            window.clause_features[:known]
        )
        batch.named_features[n] = window.named_features
        batch.referred_features[n] = window.referred_features
    return batch


def padded_sizes(window: Window) -> tuple[int, int]:
    """Return the tokens and clauses that a window is padded to, which depend on nothing else."""
    return _up(len(window.ids), _TOKENS_STEP), _up(len(window.clauses), _CLAUSES_STEP)


def alike(windows: Iterable[Window], tokens_max: int) -> Iterator[list[tuple[int, Window]]]:
    """Yield windows of one padded size with their numbers, in batches of about so many tokens.

    A batch comes as soon as it is full. Each window is multiplied by itself at its own padded size,
    so that its answer does not depend on what stands beside it in a batch.
    """
    waiting: dict[tuple[int, int], list[tuple[int, Window]]] = {}
    for number, window in enumerate(windows):
        size = padded_sizes(window)
        batch = waiting.setdefault(size, [])
        batch.append((number, window))
        if (len(batch) + 1) * size[0] > tokens_max:
            yield waiting.pop(size)
    yield from waiting.values()


def _up(number: int, step: int) -> int:
    return max(step, -(-number // step) * step)
