"""Evaluate and train: scorers beside what people say, and weights that learn from it."""

from pathlib import Path

import vl_convert
from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from market_opinion.ops.progress import progress_bar
from market_opinion.ops.run import Run
from market_opinion.scorers.judging import ScorerName
from market_opinion.scorers.llm.recorded import open_recorded
from market_opinion.serving import charts
from market_opinion.truth import curves, evaluation, frontier
from market_opinion.truth import gold_set as gold
from market_opinion.truth.accuracy import accuracy_path, record_accuracy
from market_opinion.truth.evaluation import Evaluation
from market_opinion.truth.figures import figures, gold_lines, gold_table
from market_opinion.truth.labelled import read_labelled
from tasks import task

_STEPS_A_LINE = 100


@task
def evaluate_scorer(
    run: Run, labelled: Path, scorer: ScorerName, limit: int | None
) -> tuple[Evaluation, dict[str, int]]:
    """Judge the labelled texts as items are judged, and compare."""
    domain = run.load_domain()
    rows = read_labelled(labelled, domain)
    rows = rows.sample(limit, seed=1) if limit and limit < rows.height else rows
    verdict = run.open_judge(get_run_logger(), scorer=scorer).judge(evaluation.to_judge(rows))
    found = evaluation.evaluate(
        rows, verdict.opinions, verdict.rejections.height, overall=domain.overall_aspect
    )
    return found, verdict.counts


@task
def evaluate_gold(
    run: Run,
    path: Path,
    scorer: ScorerName,
    half: gold.Half,
    mistakes: Path | None,
    record: bool,  # noqa: FBT001, as above
) -> list[gold.Measure]:
    """Run the platform's own stages on labelled items, and measure them; no table is written."""
    domain, domains_path = run.load_domain(), run.settings.domains_path
    items = gold.read_gold(path, domain, half=half)
    judge = run.open_judge(get_run_logger(), scorer=scorer)
    judged = gold.judge_gold(judge, items)
    if mistakes:
        gold.write_mistakes(gold.mistakes(items, *judged), mistakes)
    sizes = gold.read_strata(gold.strata_path(domain, domains_path))
    measures = gold.measure(items, *judged, domain, sizes)
    if record:
        kept = accuracy_path(domain.name, domains_path)
        record_accuracy(kept, scorer, judge.version.model, len(items), measures)
    return measures


@task
def evaluate_replies(
    run: Run, path: Path, replies: Path, half: gold.Half, mistakes: Path | None
) -> list[gold.Measure]:
    """Measure recorded replies on the labelled items that have one, as a scorer is measured."""
    domain, domains_path = run.load_domain(), run.settings.domains_path
    judge, replied = open_recorded(replies, domain, run.settings)
    items = [item for item in gold.read_gold(path, domain, half=half) if item.item_id in replied]
    judged = gold.judge_gold(judge, items)
    if mistakes:
        gold.write_mistakes(gold.mistakes(items, *judged), mistakes)
    sizes = gold.read_strata(gold.strata_path(domain, domains_path))
    return gold.measure(items, *judged, domain, sizes)


@task
def draw_gold(
    run: Run, path: Path, scorer: ScorerName, half: gold.Half, picture: Path
) -> list[dict[str, float]]:
    """Draw precision and recall at every confidence, and return how often each is right."""
    domain = run.load_domain()
    items = gold.read_gold(path, domain, half=half)
    judge = run.open_judge(get_run_logger(), scorer=scorer)
    _, opinions = gold.judge_gold(judge.with_bars(judge.bars._replace(opinion=0.0)), items)
    sizes = gold.read_strata(gold.strata_path(domain, run.settings.domains_path))
    judged = curves.judged_opinions(items, opinions, sizes)
    groups = curves.reliability(judged)
    chart = charts.accuracy(curves.precision_recall(items, judged, sizes), groups)
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_text(vl_convert.vegalite_to_svg(chart.to_dict()), encoding="utf-8")
    create_table_artifact(table=groups.to_dicts(), key="reliability")
    return groups.to_dicts()


@task
def draw_frontier(
    run: Run, path: Path, replies: Path | None, half: gold.Half, picture: Path
) -> tuple[str, ...]:
    """Draw accuracy against USD, with recorded replies as the model, and return it as lines."""
    if replies is None:
        return ()
    domain, settings = run.load_domain(), run.settings
    recorded, replied = open_recorded(replies, domain, settings)
    items = [item for item in gold.read_gold(path, domain, half=half) if item.item_id in replied]
    local = run.open_judge(get_run_logger(), scorer="local")
    sizes = gold.read_strata(gold.strata_path(domain, settings.domains_path))
    points = frontier.frontier(
        items,
        frontier.Judges(local, recorded),
        sizes,
        usd_an_item=frontier.usd_an_item(local, items, settings),
    )
    picture.parent.mkdir(parents=True, exist_ok=True)
    chart = charts.frontier(points).properties(width=560, height=320)
    picture.write_text(vl_convert.vegalite_to_svg(chart.to_dict()), encoding="utf-8")
    create_table_artifact(table=points.to_dicts(), key="frontier")
    return tuple(
        f"model asked about {row['share']:.0%}: precision {row['precision']:.2f},"
        f" recall {row['recall']:.2f}, {row['usd']:.2f} USD for 1,000 items that may name a product"
        for row in points.iter_rows(named=True)
    )


@task
def publish_evaluation(results: dict[str, Evaluation]) -> tuple[str, ...]:
    """Put the figures side by side on the run's page, and return them as lines."""
    rows = [{"scorer": name, "figures": figures(result)} for name, result in results.items()]
    create_table_artifact(table=rows, key="evaluation")
    return tuple(f"{row['scorer']}: {row['figures']}" for row in rows)


@task
def publish_gold(results: dict[str, list[gold.Measure]]) -> tuple[str, ...]:
    """Put the figures of each scorer on the run's page, and return them as lines."""
    create_markdown_artifact(markdown=gold_table(results), key="gold")
    return tuple(gold_lines(results))


@task
def train_local(
    run: Run,
    to: Path,
    *,
    labelled: Path,
    snippets: Path | None,
    toned: tuple[Path, ...],
    start: Path | None,
    epochs: int,
) -> str:
    """Learn weights for the local scorer, calibrate them on held-out items, and keep them."""
    from market_opinion.truth.learning import Sources, learn  # jax, which no other run needs

    sources = Sources(labelled, snippets, toned, start)
    log = get_run_logger()
    with progress_bar() as bar:
        steps = bar.add_task("reading the texts", total=None)

        def on_step(done: int, total: int, loss: float) -> None:
            bar.update(steps, completed=done, total=total, description=f"training, loss {loss:.2f}")
            if done % _STEPS_A_LINE == 0 or done == total:
                log.info("step %d of %d, loss %.3f", done, total, loss)

        facts = learn(run.settings.domains_path, sources, to, epochs=epochs, on_step=on_step)
    return f"{facts['example_count']:,} examples, {epochs} epochs: {to}"
