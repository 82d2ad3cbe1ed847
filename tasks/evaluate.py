"""Evaluate and train: scorers beside labels that people, or a model, gave."""

import hashlib
from pathlib import Path

import polars as pl
from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact

from market_opinion.core.contracts import SILVER_ITEMS, SILVER_OPINIONS
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import load_settings
from market_opinion.domain.definition import load_domain
from market_opinion.ops.adapters import open_adapters
from market_opinion.scorers.judging import ScorerName
from market_opinion.scorers.linear import Linear
from market_opinion.stages import opinions
from market_opinion.truth import evaluation
from market_opinion.truth.evaluation import Evaluation
from market_opinion.truth.labelled import read_labelled
from tasks.opinions import open_judge
from tasks.request import Job

_TRAIN_PERCENT = 70
_TEXTS_MIN = 200


@task
def evaluate_scorer(
    job: Job, labelled: Path, scorer: ScorerName, limit: int | None
) -> tuple[Evaluation, dict[str, int]]:
    """Judge the labelled texts as items are judged, and compare."""
    domain = load_domain(job.domain, load_settings().domains_path)
    rows = read_labelled(labelled, domain)
    rows = rows.sample(limit, seed=1) if limit and limit < rows.height else rows
    accepted, refused, counts = open_judge().judge(
        evaluation.to_judge(rows), domain, scorer, run={"run-id": job.run_id}
    )
    return evaluation.evaluate(rows, accepted, refused.height), counts


@task
def publish_evaluation(found: dict[str, Evaluation]) -> tuple[str, ...]:
    """The figures side by side, as lines and as a table on the run's page."""
    lines = []
    for name, result in found.items():
        shown = {
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
        figures = ", ".join(
            f"{key} {value:.3f}" if isinstance(value, float) else f"{key} {value}"
            for key, value in shown.items()
            if value is not None
        )
        lines.append(f"{name}: {figures}")
    create_table_artifact(
        table=[
            {"scorer": line.partition(":")[0], "figures": line.partition(": ")[2]} for line in lines
        ],
        key="evaluation",
    )
    return tuple(lines)


@task
def train_linear(job: Job, labelled: Path | None) -> tuple[str, ...]:
    """Learn from labelled texts, or from what the model said of stored ones; measure on 30 % that it never saw; keep it."""
    settings = load_settings()
    domain = load_domain(job.domain, settings.domains_path)
    texts = (
        read_labelled(labelled, domain).drop_nulls("label").select("text", "label")
        if labelled
        else _model_labels(job)
    )
    texts = texts.unique("text", maintain_order=True).sort("text")
    if texts.height < _TEXTS_MIN:
        message = f"{texts.height} labelled texts are too few, at least {_TEXTS_MIN}: judge more with SCORER=llm, or give labelled"
        raise InvalidRequest(message)
    is_train = pl.Series(
        [
            int(hashlib.blake2b(text.encode(), digest_size=4).hexdigest(), 16) % 100
            < _TRAIN_PERCENT
            for text in texts["text"]
        ]
    )
    train, rest = texts.filter(is_train), texts.filter(~is_train)
    tested = Linear.train(train["text"].to_list(), train["label"].to_list())
    right = sum(tested.label(text) == label for text, label in rest.iter_rows())
    commonest = max(rest["label"].to_list().count(label) for label in set(rest["label"]))
    model = Linear.train(texts["text"].to_list(), texts["label"].to_list())
    path = settings.linear_model_path(job.domain)
    model.save(path)
    get_run_logger().info("trained on %d texts: %s", texts.height, path)
    shares = f"accuracy {right / rest.height:.3f} on {rest.height:,} texts it had not seen"
    baseline = f"always the commonest label: {commonest / rest.height:.3f}"
    return (
        f"linear {model.version}: {texts.height:,} texts, {shares} ({baseline}); kept in {path}",
    )


def _model_labels(job: Job) -> pl.DataFrame:
    """Texts of stored items with the sign of what a model said of them altogether."""
    lake = open_adapters().lake()
    said = lake.read(
        SILVER_OPINIONS,
        {"domain": job.domain, "scorer": "llm"},
        columns=["platform", "kind", "item_id", "window_start", "polarity"],
    )
    key = ["platform", "kind", "item_id", "window_start"]
    signs = (
        said.group_by(key)
        .agg(pl.col("polarity").sum())
        .with_columns(label=opinions.label(pl.col("polarity")))
    )
    texts = lake.read(SILVER_ITEMS, columns=[*key, "text", "is_usable"]).filter("is_usable")
    return texts.join(signs, on=key).select("text", "label")
