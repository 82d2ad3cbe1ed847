"""Figures of an evaluation in words."""

from market_opinion.truth.evaluation import Evaluation


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
