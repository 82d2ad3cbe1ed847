"""Texts that people have labelled, in the forms such sets are published in, as one frame.

Rows of `read_labelled`: `text`, `product` (the thing that is judged), `label` (of the product as a
whole, or null), and `aspects` and `aspect_labels` (lists of equal length; null where a set knows no
aspects).
"""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from fsspec.implementations.local import LocalFileSystem

from market_opinion.core.contracts import LABELS
from market_opinion.core.errors import InvalidRequest, SourceUnreadable
from market_opinion.core.polars_types import Schema
from market_opinion.domain.definition import Domain, normalise
from market_opinion.sources.lines import ENDINGS, Columns, ending_of, read_lines
from market_opinion.sources.reviews import Reviews
from market_opinion.storage.json_paths import read

SCHEMA: Schema = {
    "text": pl.String,
    "product": pl.String,
    "label": pl.String,
    "aspects": pl.List(pl.String),
    "aspect_labels": pl.List(pl.String),
}
_EMOTIONS = {
    "Negative emotion": "negative",
    "Positive emotion": "positive",
    "No emotion toward brand or product": "neutral",
}
_PRAISES, _COMPLAINS = 4, 2
_ANNOTATION = re.compile(r"(?<![^,\[\]])([^,\[\]]++)\[([+-])\d\]")


def read_labelled(path: Path, domain: Domain) -> pl.DataFrame:
    """Return the labelled texts of a file or folder.

    Known are JSON lines of {text, product, label, aspects: {aspect: label}}, Amazon reviews in any
    of their forms, whose stars are taken as labels, CSV files of tweets with the brand or product
    that an emotion is directed at, and review sentences marked `feature[+2]##sentence`, whose
    features are mapped to aspects by the domain's cues. Raises InvalidRequest for anything else,
    naming file and line.
    """
    if path.is_dir():
        rows = [
            row for file in sorted(path.glob("*.txt")) for row in _marked_sentences(file, domain)
        ]
    elif stars := list(_stars(path)):
        rows = stars
    elif path.suffix == ".jsonl":
        rows = list(_json_lines(path, domain))
    elif path.suffix == ".csv":
        rows = list(_emotions(path))
    elif path.suffix == ".txt":
        rows = list(_marked_sentences(path, domain))
    else:
        rows = []
    if not rows:
        message = (
            f"{path}: no labelled texts; give a .jsonl, .csv or .txt file of a known form,"
            " or a folder of .txt files"
        )
        raise InvalidRequest(message)
    return pl.DataFrame(rows, schema=SCHEMA)


def _stars(path: Path) -> Iterator[dict[str, Any]]:
    """Yield reviews: 4 and 5 stars praise, 1 and 2 complain; nothing for files of another form."""
    form = Reviews.line_formats["review"]
    if ending_of(path.name) not in ENDINGS:
        return
    try:
        for line in read_lines(
            LocalFileSystem(), str(path), columns=Columns((form.created_at, str(form.rating)))
        ):
            fields = json.loads(line)
            told = read(fields, str(form.rating))
            if told is None or read(fields, form.created_at) is None:
                return
            words = [read(fields, path) for path in (str(form.title), *form.body)]
            label = (
                "positive"
                if float(told) >= _PRAISES
                else "negative"
                if float(told) <= _COMPLAINS
                else "neutral"
            )
            yield {
                "text": "\n".join(filter(None, words)),
                "product": "it",
                "label": label,
                "aspects": None,
                "aspect_labels": None,
            }
    except (SourceUnreadable, ValueError, AttributeError):
        return  # not that form; the others say what is wrong with it


def _json_lines(path: Path, domain: Domain) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found = json.loads(line)
            aspects = found.get("aspects") or {}
            wrong = [
                value
                for value in (found.get("label"), *aspects.values())
                if value is not None and value not in LABELS
            ]
            unknown = [name for name in aspects if name not in domain.aspects]
            row = {
                "text": found["text"],
                "product": found.get("product") or "it",
                "label": found.get("label"),
            }
        except (json.JSONDecodeError, KeyError, AttributeError, TypeError) as error:
            message = f"{path}, line {number}: not an object with a text ({error})"
            raise InvalidRequest(message) from error
        if wrong or unknown:
            message = f"{path}, line {number}: unknown {', '.join(map(str, wrong + unknown))}"
            raise InvalidRequest(message)
        told = None if "aspects" not in found else aspects
        labels = (None, None) if told is None else (list(told), list(told.values()))
        yield {**row, "aspects": labels[0], "aspect_labels": labels[1]}


def _emotions(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="latin-1", newline="") as file:
        for row in csv.reader(file):
            # Text, product, emotion.
            if len(row) >= 3 and row[0] and row[2] in _EMOTIONS:  # noqa: PLR2004
                yield {
                    "text": row[0],
                    "product": row[1] or "it",
                    "label": _EMOTIONS[row[2]],
                    "aspects": None,
                    "aspect_labels": None,
                }


def _marked_sentences(path: Path, domain: Domain) -> Iterator[dict[str, Any]]:
    aspect_of = {
        normalise(cue): name for name, aspect in domain.aspects.items() for cue in aspect.cues
    }
    for line in path.read_text(encoding="latin-1").splitlines():
        marks, found, sentence = line.partition("##")
        if not found or not sentence.strip():
            continue
        signs: dict[str, int] = {}
        for feature, sign in _ANNOTATION.findall(marks):
            if aspect := aspect_of.get(normalise(feature)):
                signs[aspect] = signs.get(aspect, 0) + (1 if sign == "+" else -1)
        labels = [
            "positive" if total > 0 else "negative" if total < 0 else "neutral"
            for total in signs.values()
        ]
        yield {
            "text": sentence.strip(),
            "product": path.stem,
            "label": None,
            "aspects": list(signs),
            "aspect_labels": labels,
        }
