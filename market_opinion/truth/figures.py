"""Figures of an evaluation in words."""

from collections.abc import Iterator, Mapping, Sequence

from market_opinion.truth.evaluation import Evaluation
from market_opinion.truth.gold import Measure


def figures(result: Evaluation) -> str:
    """Return the figures of one scorer in words; unknown figures are left out."""
    shown: dict[str, object] = {
        "texts": result.text_count,
        "accuracy": result.accuracy,
        "macro F1": result.macro_f1,
        "covered": result.coverage_ratio,
    }
    shown |= {f"F1 {scores.name}": scores.f1 for scores in result.classes}
    if result.aspect_detection:
        shown |= {
            "aspect F1": result.aspect_detection.f1,
            "aspect accuracy": result.aspect_accuracy,
        }
    shown |= {"evidence": result.evidence_ratio}
    return ", ".join(
        f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}"
        for name, value in shown.items()
        if value is not None
    )


def gold_lines(results: Mapping[str, Sequence[Measure]]) -> Iterator[str]:
    """Yield one line a scorer, part and figure."""
    for scorer, measures in results.items():
        for measure in measures:
            yield f"{scorer}, {measure.part}: {measure.name} {measure.figure}"


def gold_table(results: Mapping[str, Sequence[Measure]]) -> str:
    """Return the figures as a table in Markdown, one column a scorer."""
    names = list(results)
    figures_of = {
        name: {(measure.part, measure.name): measure.figure for measure in measures}
        for name, measures in results.items()
    }
    rows = list(dict.fromkeys(key for figures in figures_of.values() for key in figures))
    lines = [f"| items | figure | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    for part, figure in rows:
        shown = " | ".join(str(figures_of[name].get((part, figure), "–")) for name in names)
        lines.append(f"| {part} | {figure} | {shown} |")
    return "\n".join(lines)
