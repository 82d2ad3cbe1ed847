"""Speed of the lexicon scorer beside bare vaderSentiment on the same texts in the same run: `.venv/bin/python -m benchmarks.scorer`."""

import json
import time
from pathlib import Path

import cyclopts
import polars as pl
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from benchmarks.measure import finish, report
from market_opinion.domain.definition import load_domain
from market_opinion.scorers.lexicon import Lexicon

_REPEATS = 3


def main(*, sample: Path | None = None, items: int = 5000) -> None:
    """Measure.

    Args:
        sample: RC file whose bodies are judged; the bundled sample when left out.
        items: Texts to judge, repeated from the file as needed.
    """
    domains = Path(__file__).resolve().parent.parent / "domains"
    path = sample or domains / "smartphones" / "sample" / "RC_sample.jsonl"
    bodies = [
        json.loads(line)["body"]
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.endswith("}")
    ]
    texts = (bodies * (items // len(bodies) + 1))[:items]
    count = len(texts)
    asked = pl.DataFrame(
        {
            "row": range(count),
            "text": texts,
            "products": [["apple-iphone-15"]] * count,
            "aliases": [["iphone 15"]] * count,
        }
    )
    lexicon, vader = Lexicon(load_domain("smartphones", domains)), SentimentIntensityAnalyzer()
    ours, bare = [], []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        lexicon(asked.with_columns(pl.col("row").cast(pl.UInt32)))
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        for text in texts:
            vader.polarity_scores(text)
        bare.append(time.perf_counter() - began)
    report("scorer.texts_per_second", count / min(ours), "texts/s")
    report("scorer.speed_of_bare_vader", min(bare) / min(ours), "ratio", at_least=0.7)
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
