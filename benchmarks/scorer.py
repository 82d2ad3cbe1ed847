"""Speed of the scorers beside bare vaderSentiment, in one run: `python -m benchmarks.scorer`."""

import json
import time
from pathlib import Path

import cyclopts
import polars as pl
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from benchmarks.measure import finish, report
from market_opinion.domain.definition import load_domain
from market_opinion.scorers.clauses import clauses_of
from market_opinion.scorers.lexicon import Lexicon
from market_opinion.scorers.local.model import shared_model
from market_opinion.scorers.local.scorer import LocalScorer

_REPEATS = 3
_LOCAL_TEXTS = 1000


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
            "reasons": [["referred"]] * count,
            "confidences": [[0.9]] * count,
            "context_title": [None] * count,
            "community": ["phones"] * count,
        }
    )
    domain = load_domain("smartphones", domains)
    lexicon, vader = Lexicon(domain), SentimentIntensityAnalyzer()
    rows = asked.cast({"row": pl.UInt32, "context_title": pl.String})
    ours, bare = [], []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        lexicon.judge(rows)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        for text in texts:
            vader.polarity_scores(text)
        bare.append(time.perf_counter() - began)
    report("scorer.texts_per_second", count / min(ours), "texts/s")
    report("scorer.speed_of_bare_vader", min(bare) / min(ours), "ratio", at_least=0.7)
    local = LocalScorer(domain, shared_model())
    # What was read once is remembered, so every text stands here once.
    some = rows.unique("text", maintain_order=True).head(_LOCAL_TEXTS)
    clauses = sum(len(clauses_of(text)) for text in some["text"])
    began = time.perf_counter()
    local.judge(some)
    report("scorer.local_clauses_per_second", clauses / (time.perf_counter() - began), "clauses/s")
    finish()


if __name__ == "__main__":
    cyclopts.run(main)
