"""Truth of the default scorer, on items that nothing was tuned on: `python -m benchmarks.truth`.

Phones: the odd half of the shared gold with the labels that are held back, weighted to their
populations. Other domains: their gold files. The unit of a line is the figure's 95 % interval.
Whole texts with a tone: those that no training reads, beside plain VADER.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cyclopts
import msgspec
import polars as pl
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from benchmarks.labels.join import joined
from benchmarks.measure import finish, report
from market_opinion.core.settings import load_settings
from market_opinion.domain.definition import Domain, load_domain
from market_opinion.domain.labels import LabelledItem
from market_opinion.scorers.catalogue import scorer_type
from market_opinion.scorers.contract import Version
from market_opinion.scorers.judging import Judge
from market_opinion.scorers.lexicon import Lexicon
from market_opinion.scorers.local.model import shared_model
from market_opinion.scorers.local.scorer import LocalScorer
from market_opinion.truth import curves, evaluation, gold_set
from market_opinion.truth.labelled import read_labelled
from market_opinion.truth.learning import is_learned_from

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
_FLOORS = {
    "brand mentions: precision": 0.85,
    "brand mentions: recall": 0.70,
    "product mentions: precision": 0.80,
    "product mentions: recall": 0.60,
    "opinions right: precision": 0.45,
    "opinions right: recall": 0.25,
    "label right where found": 0.85,
}
_FLOORS_ELSEWHERE = {"opinions right: precision": 0.35, "opinions right: recall": 0.25}
_NET_WITHIN, _NET_WITHIN_ELSEWHERE = 0.15, 0.2
_CALIBRATION_WITHIN = 0.05
_GAP = "net sentiment, ours minus readers"
_OTHERS = ("cars", "games", "hotels")
_TONED = {"reviews": "amazon/cell_phones_5000.csv", "tweets": "labelled/brand_tweets_9093.csv"}
_TONED_COUNT = 700
_VADER_MIN = 0.05  # VADER's own bar of a tone


def main(*, scorer: str = "local", shared: Path = _SHARED) -> None:
    """Measure.

    Args:
        scorer: local or lexicon.
        shared: Folder of the shared data; without it the phones are left out.
    """
    for name, items in _sets(shared):
        domain = name if name in _OTHERS else "smartphones"
        measures, calibration = _measured(items, domain, scorer)
        report(f"truth.{name}.calibration_error", calibration, "share", at_most=_CALIBRATION_WITHIN)
        elsewhere = name != "gadgets"
        floors = _FLOORS_ELSEWHERE if elsewhere else _FLOORS
        for measure in measures:
            figure = measure.figure
            if measure.part != "all" or figure.value is None:
                continue
            unit = f"[{figure.low:.2f},{figure.high:.2f}]"
            label = f"truth.{name}.{measure.name.replace(' ', '_')}"
            if measure.name == _GAP:
                within = _NET_WITHIN_ELSEWHERE if elsewhere else _NET_WITHIN
                report(f"{label}_apart", abs(figure.value), unit, at_most=within)
            else:
                report(label, figure.value, unit, at_least=floors.get(measure.name))
    for name, path in _TONED.items() if shared.is_dir() else ():
        ours, vaders = _whole_texts(shared / path, scorer)
        report(f"truth.texts.{name}.macro_f1", ours, "share", at_least=vaders)
    finish()


def _whole_texts(path: Path, scorer: str) -> tuple[float, float]:
    """Return macro-F1 of the tone of whole texts, ours and VADER's."""
    domain = load_domain("smartphones", load_settings().domains_path)
    rows = read_labelled(path, domain).drop_nulls("label")
    is_new = pl.Series([not is_learned_from(text) for text in rows["text"]])
    rows = rows.filter(is_new).sample(_TONED_COUNT, seed=3)
    found = _judge(scorer, domain).judge(evaluation.to_judge(rows)).opinions
    tones = [
        SentimentIntensityAnalyzer().polarity_scores(text)["compound"] for text in rows["text"]
    ]
    plain = pl.DataFrame(
        {
            "item_id": [str(n) for n in range(rows.height)],
            "aspect": domain.overall_aspect,
            "polarity": [tone if abs(tone) >= _VADER_MIN else 0.0 for tone in tones],
        }
    ).with_columns(label=pl.lit(None, pl.String))
    ours, vaders = (
        evaluation.evaluate(rows, each, 0, overall=domain.overall_aspect).macro_f1 or 0.0
        for each in (found, plain)
    )
    return ours, vaders


def _sets(shared: Path) -> Iterator[tuple[str, list[LabelledItem]]]:
    domains = load_settings().domains_path
    phones = load_domain("smartphones", domains)
    if shared.is_dir():
        held_back: list[Any] = joined(shared / "reddit")["smartphones_check"]
        items = [msgspec.convert(each, LabelledItem) for each in held_back]
        items += gold_set.read_gold(shared / "gold", phones, half="odd")
        for community in ("gadgets", "iphone"):
            yield community, [item for item in items if item.community == community]
    else:
        print(f"SKIPPED: phones, since {shared} is not there")
    for name in _OTHERS:
        path = domains / name / "labelled" / "gold.jsonl"
        yield name, gold_set.read_gold(path, load_domain(name, domains))


def _measured(
    items: list[LabelledItem], name: str, scorer: str
) -> tuple[list[gold_set.Measure], float]:
    """Return the figures at the scorer's bars, and how far its confidences are from the truth."""
    domains = load_settings().domains_path
    domain = load_domain(name, domains)
    judge = _judge(scorer, domain)
    sizes = gold_set.read_strata(gold_set.strata_path(domain, domains))
    measures = gold_set.measure(items, *gold_set.judge_gold(judge, items), domain, sizes)
    _, opinions = gold_set.judge_gold(judge.with_bars(judge.bars._replace(opinion=0.0)), items)
    judged = curves.judged_opinions(items, opinions, sizes)
    return measures, curves.calibration_error(curves.reliability(judged))


def _judge(scorer: str, domain: Domain) -> Judge:
    opened = Lexicon(domain) if scorer == "lexicon" else LocalScorer(domain, shared_model())
    return Judge(opened, scorer, domain, scorer_type(scorer).bars, Version(scorer))


if __name__ == "__main__":
    cyclopts.run(main)
