"""Agreement of a scorer's opinions with labels that people gave to whole texts."""

from datetime import UTC, datetime
from typing import NamedTuple

import polars as pl

from market_opinion.core.contracts import LABELS
from market_opinion.stages.opinions import label

_NOWHERE = datetime(2000, 1, 1, tzinfo=UTC)


class Scores(NamedTuple):
    """Precision, recall and F1 of one class, and how often it was right to say it."""

    name: str
    precision: float
    recall: float
    f1: float
    text_count: int


class Evaluation(NamedTuple):
    """One scorer on one labelled set.

    Polarity is of the product as a whole. Figures of aspects are None where the set knows none.
    """

    text_count: int
    accuracy: float | None
    macro_f1: float | None
    classes: list[Scores]
    aspect_detection: Scores | None
    aspect_accuracy: float | None
    evidence_ratio: float | None
    coverage_ratio: float


def to_judge(labelled: pl.DataFrame) -> pl.DataFrame:
    """Return labelled texts as rows for a scorer, each with the product it is labelled on."""
    return labelled.with_row_index("row").select(
        platform=pl.lit("labelled"),
        community=pl.lit("labelled"),
        kind=pl.lit("comment"),
        item_id=pl.col("row").cast(pl.String),
        thread_id=pl.lit(None, pl.String),
        created_at=pl.lit(_NOWHERE),
        window_start=pl.lit(_NOWHERE),
        text="text",
        context_title=pl.lit(None, pl.String),
        products=pl.concat_list("product"),
        aliases=pl.concat_list(pl.col("product").str.to_lowercase()),
        reasons=pl.lit(["subject"], pl.List(pl.String)),
        confidences=pl.lit([1.0], pl.List(pl.Float64)),
        row=pl.col("row").cast(pl.UInt32),
    )


def evaluate(
    labelled: pl.DataFrame, accepted: pl.DataFrame, rejected_count: int, *, overall: str
) -> Evaluation:
    """Compare accepted opinions with the labels; a text without an opinion counts as neutral.

    A text says what it says of the product as a whole, else what its aspects come to.
    """
    whole = pl.col("polarity").filter(pl.col("aspect") == overall).first()
    by_text = (
        accepted.group_by("item_id")
        .agg(polarity=whole.fill_null(pl.col("polarity").sum()))
        .with_columns(found=label(pl.col("polarity")))
    )
    both = (
        labelled.with_row_index("row")
        .with_columns(item_id=pl.col("row").cast(pl.String))
        .join(by_text, on="item_id", how="left")
    )
    judged = both.with_columns(pl.col("found").fill_null("neutral")).drop_nulls("label")
    classes = [
        _scores(name, judged, pl.col("found") == name, pl.col("label") == name) for name in LABELS
    ]
    right = judged.filter(pl.col("found") == pl.col("label")).height
    aspects = both.drop_nulls("aspects").explode("aspects", "aspect_labels", empty_as_null=True)
    detection, agreed = _aspects(aspects, accepted) if aspects.height else (None, None)
    said = accepted.height + rejected_count
    return Evaluation(
        text_count=labelled.height,
        accuracy=right / judged.height if judged.height else None,
        macro_f1=sum(scores.f1 for scores in classes) / len(classes) if judged.height else None,
        classes=classes if judged.height else [],
        aspect_detection=detection,
        aspect_accuracy=agreed,
        evidence_ratio=accepted.height / said if said else None,
        coverage_ratio=by_text.height / labelled.height,
    )


def _aspects(aspects: pl.DataFrame, accepted: pl.DataFrame) -> tuple[Scores, float | None]:
    """Return how well aspects were detected, and the share of right labels where both have one."""
    known = aspects.select("item_id").unique()
    gold = aspects.drop_nulls("aspects").select("item_id", aspect="aspects", gold="aspect_labels")
    found = (
        accepted.join(known, on="item_id", how="semi")
        .select("item_id", "aspect", "label")
        .unique(["item_id", "aspect"])
    )
    both = gold.join(found, on=["item_id", "aspect"])
    precision = both.height / found.height if found.height else 0.0
    recall = both.height / gold.height if gold.height else 0.0
    detection = Scores("aspects", precision, recall, _f1(precision, recall), gold.height)
    return detection, both.filter(
        pl.col("gold") == pl.col("label")
    ).height / both.height if both.height else None


def _scores(name: str, rows: pl.DataFrame, found: pl.Expr, wanted: pl.Expr) -> Scores:
    hits, said, count = (
        rows.filter(condition).height for condition in (found & wanted, found, wanted)
    )
    precision, recall = hits / said if said else 0.0, hits / count if count else 0.0
    return Scores(name, precision, recall, _f1(precision, recall), count)


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
