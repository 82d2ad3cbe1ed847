"""Recall, precision and cost of the masks: `python -m benchmarks.privacy [--base CHECKOUT]`."""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import cyclopts
import polars as pl

from benchmarks.measure import finish, measured_by, report
from benchmarks.privacy.corpus import Line, read_half
from market_opinion.stages import personal
from market_opinion.stages.cleaning import clean, words

_FOLDER = Path(__file__).resolve().parent
_ROOT = _FOLDER.parent.parent
# No form tells these: they are found by the words around them.
_FREE_FORM = {"spoken_email", "handle", "name", "street"}
_MODULE = "market_opinion.stages.cleaning"
_ROUNDS = 3
_TEXTS = 100_000


def _cleaned(lines: list[Line]) -> list[str]:
    """Return each line's text, cleaned."""
    frame = pl.LazyFrame({"row": range(len(lines)), "text": [line.text for line in lines]})
    return frame.pipe(clean, "text").sort("row").collect()["text"].to_list()


def _without_masks(texts: list[str]) -> list[str]:
    """Return the texts without their masks, whose words are no one's."""
    return pl.select(words(pl.Series(texts))).to_series().to_list()


def _measure(half: str, *, shows_errors: bool) -> None:
    """Report recall of each kind, and the share of product talk that is left as it was."""
    lines = read_half(half)
    cleaned = _cleaned(lines)
    pairs = list(zip(lines, cleaned, strict=True))
    leaks = [
        (hidden, text)
        for line, text in zip(lines, _without_masks(cleaned), strict=True)
        for hidden in line.leaks(text)
    ]
    there = Counter(hidden.kind for line in lines for hidden in line.hidden)
    left = Counter(hidden.kind for hidden, _ in leaks)
    talk = [text for line, text in pairs if not line.hidden]
    spoilt = [text for text in talk if any(mask in text for mask in personal.MASKS)]
    for kind in (kind.name for kind in personal.KINDS if there[kind.name]):
        report(
            f"privacy.{half}.recall.{kind}",
            1 - left[kind] / there[kind],
            f"of_{there[kind]}",
            at_least=0.85 if kind in _FREE_FORM or half == "strangers" else 0.97,
        )
    precision = 1 - len(spoilt) / len(talk)
    report(f"privacy.{half}.precision", precision, f"of_{len(talk)}", at_least=0.97)
    if shows_errors:
        for hidden, text in leaks:
            print(f"  left: {hidden.kind} {hidden.string!r} in {text!r}")
        for text in spoilt:
            print(f"  spoilt: {text!r}")


def _texts() -> list[str]:
    """Return texts of two comments of the bundled samples each, as long as most on Reddit."""
    samples = sorted((_ROOT / "domains").glob("*/sample/RC_sample.jsonl"))
    bodies = [
        json.loads(line)["body"]
        for path in samples
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.endswith("}")
    ]
    chance = random.Random(1)
    return [" ".join(chance.sample(bodies, 2)) for _ in range(_TEXTS)]


def _seconds(checkout: Path, module: str, file: Path, *options: str) -> float:
    """Return processor seconds of a checkout's cleaning of the texts, in a process of its own."""
    output = subprocess.run(
        [sys.executable, str(_FOLDER / "speed.py"), module, str(file), *options],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        cwd=checkout,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return float(output)


def _time_stage() -> None:
    """Report the cost of silver's stage beside the same without masks, apart from the lake."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.json"
        file.write_text(json.dumps(_texts()), encoding="utf-8")
        seconds = measured_by(
            "benchmarks.privacy.stage",
            str(Path(folder) / "archive"),
            str(file),
            MARKET_OPINION_HOME=str(Path(folder) / "home"),
        )
    report("privacy.silver_processor_seconds", seconds["masked"], "seconds")
    report(
        "privacy.silver_cost_beside_no_masks",
        seconds["masked"] / seconds["bare"],
        "ratio",
        at_most=1.15,
    )


def _time(base: Path | None, base_module: str) -> None:
    """Report texts a second, and the cost beside no masks and beside another commit's cleaning."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.json"
        file.write_text(json.dumps(_texts()), encoding="utf-8")
        ours, bare, theirs = [], [], []
        for _ in range(_ROUNDS):
            ours.append(_seconds(_ROOT, _MODULE, file))
            bare.append(_seconds(_ROOT, _MODULE, file, "--without-masks"))
            if base:
                theirs.append(_seconds(base, base_module, file))
    report("privacy.texts_per_processor_second", _TEXTS / min(ours), "texts/s")
    report("privacy.cost_beside_no_masks", min(ours) / min(bare), "ratio")
    if base:
        report("privacy.cost_beside_base", min(ours) / min(theirs), "ratio", at_most=1.15)


def main(
    *,
    base: Path | None = None,
    base_module: str = _MODULE,
    speed: bool = True,
    errors: bool = False,
) -> None:
    """Measure.

    Args:
        base: Checkout of another commit, whose cleaning is timed beside ours.
        base_module: Module of that checkout that has `clean`.
        speed: Whether to time the cleaning.
        errors: Whether to print the errors of the parts that detectors are tuned on.
    """
    _measure("held_out", shows_errors=False)
    for half in ("development", "strangers"):
        _measure(half, shows_errors=errors)
    if speed:
        _time(base, base_module)
        _time_stage()
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
