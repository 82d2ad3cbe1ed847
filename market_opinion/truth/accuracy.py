"""Accuracy of the scorers on a domain, as it was measured last, and the sentence that says it."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import polars as pl

from market_opinion.core.errors import InvalidRequest
from market_opinion.truth.gold_set import Measure

# A scorer that judged less than this share of the opinions is told of in a few words.
_FEW = 0.05
_RIGHT, _FOUND = "opinions right: precision", "opinions right: recall"


class Accuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The share of opinions that are right in product, aspect and sign, with a 95 % interval.

    `recall` is the share of the readers' opinions that are found, `item_count` the number of items
    that people have read, `model` the version of the scorer that was measured.
    """

    precision: float
    low: float
    high: float
    recall: float
    item_count: int
    model: str


def accuracy_path(domain: str, domains_path: Path) -> Path:
    """Return the file that keeps the accuracies of a domain, by scorer."""
    return domains_path / domain / "labelled" / "accuracy.json"


def read_accuracies(path: Path) -> dict[str, Accuracy]:
    """Return the accuracy of each scorer; empty where none was recorded."""
    if not path.is_file():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Accuracy])
    except msgspec.DecodeError as error:
        message = f"{path}: {error}; write it again with `python -m flows.evaluate --gold --record`"
        raise InvalidRequest(message) from error


def record_accuracy(
    path: Path, scorer: str, model: str, item_count: int, measures: Sequence[Measure]
) -> None:
    """Keep the figures of one scorer beside those of others; without an opinion there is none."""
    figures = {m.name: m.figure for m in measures if m.part == "all"}
    right, found = figures[_RIGHT], figures[_FOUND]
    if right.value is None or right.low is None or right.high is None or found.value is None:
        message = f"{scorer} gave no opinion on these items, so there is no accuracy to record"
        raise InvalidRequest(message)
    accuracy = Accuracy(
        precision=round(right.value, 3),
        low=round(right.low, 3),
        high=round(right.high, 3),
        recall=round(found.value, 3),
        item_count=item_count,
        model=model,
    )
    recorded = read_accuracies(path) | {scorer: accuracy}
    encoded = msgspec.json.encode(dict(sorted(recorded.items())))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(encoded, indent=2) + b"\n")


def accuracy_sentences(recorded: dict[str, Accuracy], scorers: pl.DataFrame) -> list[str]:
    """Return a sentence of each scorer, from rows of `scorer`, `model`, `opinion_count`.

    One that was not measured and judged little, such as the rules in another language, has a short
    one.
    """
    total, sentences = int(scorers["opinion_count"].sum()), []
    columns = ("scorer", "model", "opinion_count")
    for scorer, model, count in scorers.select(columns).iter_rows():
        if scorer not in recorded and count < _FEW * total:
            sentences.append(
                f"{count:,} of the {total:,} opinions are of {scorer}, which was not measured."
            )
        else:
            sentences.append(accuracy_sentence(recorded, scorer, model))
    return sentences


def accuracy_sentence(recorded: dict[str, Accuracy], scorer: str, model: str) -> str:
    """Return the accuracy of a scorer in plain words, or that it was not measured."""
    accuracy = recorded.get(scorer)
    if accuracy is None:
        return (
            f"How often an opinion of {scorer} is right was not measured for this domain:"
            " label items and run `python -m flows.evaluate --gold FILE --record`."
        )
    sentence = (
        f"Of 100 opinions shown, about {accuracy.precision * 100:.0f} are right in product, aspect"
        f" and sign (95 % interval {accuracy.low * 100:.0f} to {accuracy.high * 100:.0f}, on"
        f" {accuracy.item_count:,} items that people have read); of 100 that people voice, about"
        f" {accuracy.recall * 100:.0f} are found."
    )
    if accuracy.model != model:
        sentence += f" Measured with {accuracy.model}; these opinions are of {model}."
    return sentence
