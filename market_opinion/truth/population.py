"""Items of which figures are wanted: their threads, voices and strata, and which are labelled."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# A stratum with fewer labels is taken together with the other thin ones.
_LABELS_MIN = 5


@dataclass(frozen=True)
class Population:
    """Items of which a figure is wanted, and which of them were labelled.

    `weights` make a person's items in a thread one voice; `rows` are the labelled items' places,
    `inverses` their inverse probabilities. Codes of threads, authors and strata start at 0; an item
    without an author has the code -1.
    """

    threads: Ints
    authors: Ints
    weights: Floats
    strata: Ints
    rows: Ints
    inverses: Floats

    @cached_property
    def sizes(self) -> Floats:
        """The number of items by thread and stratum."""
        return self.by_stratum(np.ones(self.threads.size))

    @cached_property
    def shares(self) -> Floats:
        """The sum of the labelled items' inverse probabilities by thread and stratum."""
        return self.by_stratum(self.inverses, self.rows)

    def by_thread(self, values: Floats, rows: Ints | slice = slice(None)) -> Floats:
        """Return the sum of the values of each thread."""
        sums = np.bincount(self.threads[rows], values, self.thread_count)
        return sums.astype(np.float64)

    def by_stratum(self, values: Floats, rows: Ints | slice = slice(None)) -> Floats:
        """Return the sum of the values of each thread (rows) and stratum (columns)."""
        count = self.stratum_count
        cells = self.threads[rows] * count + self.strata[rows]
        sums = np.bincount(cells, values, self.thread_count * count)
        return sums.astype(np.float64).reshape(-1, count)

    @property
    def thread_count(self) -> int:
        """The number of threads."""
        return int(self.threads.max(initial=-1)) + 1

    @property
    def stratum_count(self) -> int:
        """The number of strata."""
        return int(self.strata.max(initial=-1)) + 1


def population(items: pl.DataFrame) -> Population:
    """Return the population of items, one a row: `thread`, `author`, `voice`, `stratum`.

    `probability` is that by which a labelled item was drawn, null for the others. Items of one
    `voice` weigh as one together.
    """
    codes = items.select(
        thread=pl.col("thread").rank("dense") - 1,
        author=pl.col("author").rank("dense").cast(pl.Int64).fill_null(0) - 1,
        stratum=pl.col("stratum").rank("dense") - 1,
        weight=1 / pl.len().over("voice"),
    )
    threads, authors, strata, weights = (
        codes[name].cast(kind).to_numpy()
        for name, kind in zip(
            ("thread", "author", "stratum", "weight"), (*[pl.Int64] * 3, pl.Float64), strict=True
        )
    )
    probability = items["probability"].to_numpy()
    rows = np.flatnonzero(~np.isnan(probability))
    merged = _merged(strata, rows)
    return Population(threads, authors, weights, merged, rows, 1 / probability[rows])


def _merged(strata: Ints, rows: Ints) -> Ints:
    """Return the strata, with those that have few labels taken together as one."""
    counts = np.bincount(strata[rows], minlength=int(strata.max(initial=-1)) + 1)
    thin = counts < _LABELS_MIN
    if not thin.any():
        return strata
    first_thin = int(np.flatnonzero(thin)[0])
    codes = np.where(thin, first_thin, np.arange(thin.size))
    # A group that stays thin joins the stratum with most labels.
    if counts[thin].sum() < _LABELS_MIN:
        codes[thin] = int(counts.argmax())
    return codes[strata]
