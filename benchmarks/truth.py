"""Truth of the default scorer, on items that nothing was tuned on: `python -m benchmarks.truth`.

Phones: the odd half of the shared gold with the labels that are held back, weighted to their
populations. Other domains: their gold files. The unit of a line is the figure's 95 % interval.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cyclopts
import msgspec

from benchmarks.labels.join import joined
from benchmarks.measure import finish, report
from market_opinion.core.settings import load_settings
from market_opinion.domain.definition import load_domain
from market_opinion.domain.labels import LabelledItem
from market_opinion.scorers.catalogue import scorer_type
from market_opinion.scorers.contract import Version
from market_opinion.scorers.judging import Judge
from market_opinion.scorers.lexicon import Lexicon
from market_opinion.scorers.local.model import shared_model
from market_opinion.scorers.local.scorer import LocalScorer
from market_opinion.truth import curves, gold_set

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
    finish()


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
    bars = scorer_type(scorer).bars
    opened = Lexicon(domain) if scorer == "lexicon" else LocalScorer(domain, shared_model())
    judge = Judge(opened, scorer, domain, bars, Version(scorer))
    sizes = gold_set.read_strata(gold_set.strata_path(domain, domains))
    measures = gold_set.measure(items, *gold_set.judge_gold(judge, items), domain, sizes)
    _, opinions = gold_set.judge_gold(judge.with_bars(bars._replace(opinion=0.0)), items)
    judged = curves.judged_opinions(items, opinions, sizes)
    return measures, curves.calibration_error(curves.reliability(judged))


if __name__ == "__main__":
    cyclopts.run(main)
