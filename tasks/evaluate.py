"""Evaluate and train: scorers beside labels that people, or a model, gave."""

from pathlib import Path

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact

from market_opinion.ops.orchestrator import turn
from market_opinion.ops.run import Run
from market_opinion.scorers.judging import Judge, ScorerName
from market_opinion.truth import evaluation, training
from market_opinion.truth.evaluation import Evaluation
from market_opinion.truth.figures import figures
from market_opinion.truth.labelled import read_labelled


@task
def evaluate_scorer(
    run: Run, labelled: Path, scorer: ScorerName, limit: int | None
) -> tuple[Evaluation, dict[str, int]]:
    """Judge the labelled texts as items are judged, and compare."""
    domain = run.load_domain()
    rows = read_labelled(labelled, domain)
    rows = rows.sample(limit, seed=1) if limit and limit < rows.height else rows
    judge = Judge(run.settings, run.adapters.lake(), run.adapters.state(), turn, get_run_logger())
    verdict = judge.judge(evaluation.to_judge(rows), domain, scorer, run=run.commit())
    return evaluation.evaluate(rows, verdict.opinions, verdict.rejections.height), verdict.counts


@task
def publish_evaluation(results: dict[str, Evaluation]) -> tuple[str, ...]:
    """Put the figures side by side on the run's page, and return them as lines."""
    rows = [{"scorer": name, "figures": figures(result)} for name, result in results.items()]
    create_table_artifact(table=rows, key="evaluation")
    return tuple(f"{row['scorer']}: {row['figures']}" for row in rows)


@task
def train_linear(run: Run, labelled: Path | None) -> tuple[str, ...]:
    """Train on labelled texts, or on the model's opinions of stored ones, and keep the result.

    It is tested on 30 % of the texts, which the tested model has not seen.
    """
    texts = (
        read_labelled(labelled, run.load_domain()).drop_nulls("label").select("text", "label")
        if labelled
        else training.model_labels(run.adapters.lake(), run.domain)
    )
    result = training.train(texts)
    path = run.settings.linear_model_path(run.domain)
    result.model.save(path)
    get_run_logger().info("trained on %d texts: %s", result.text_count, path)
    return (f"{result}; kept in {path}",)
