"""Opinions: what the items of a slice think of the products they mention."""

import polars as pl
from prefect import get_run_logger, task

from market_opinion import lexicon, opinions
from market_opinion.contracts import OPS_REJECTIONS, SILVER_ITEMS, SILVER_MENTIONS, SILVER_OPINIONS
from market_opinion.domain import load_domain
from market_opinion.errors import CommitConflict
from market_opinion.settings import load_settings
from market_opinion.window import Slice
from tasks import model, resources
from tasks.policy import only
from tasks.request import Job

_ITEM_COLUMNS = ["platform", "community", "kind", "item_id", "thread_id", "created_at", "window_start", "text", "context_title"]


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=only(CommitConflict))
def judge_items(job: Job, span: Slice) -> dict[str, int]:
    """Replace the domain's live slice of silver.opinions; what a scorer says without proof becomes a rejection."""
    lake, run = resources.lake(), {"run-id": job.run_id, "window": str(span.window)}
    domain = load_domain(job.domain, load_settings().domains_path)
    where = {"domain": job.domain, **span.where}
    mentions = lake.read(SILVER_MENTIONS, where, span.window)
    items = lake.read(SILVER_ITEMS, span.where, span.window, columns=_ITEM_COLUMNS)
    asked = opinions.to_judge(items, mentions)
    more: dict[str, int] = {}
    if load_settings().scorer == model.NAME:
        judgements, given_up, name, prompt_version, more = model.ask_model(lake, asked, domain, run=run)
        accepted, refused = opinions.accept(asked, judgements, domain, scorer=model.NAME, model=name, prompt_version=prompt_version)
        refused = pl.concat([refused, given_up])
    else:
        scorer = lexicon.Lexicon(domain)
        accepted, refused = opinions.accept(asked, scorer(asked), domain, scorer=lexicon.NAME, model=scorer.model, prompt_version=None)
    lake.overwrite(SILVER_OPINIONS, accepted, {"score_set": opinions.LIVE, **where}, span.window, run=run)
    lake.overwrite(OPS_REJECTIONS, refused, {"stage": "opinions", **where}, span.window, run=run)
    scored = accepted.select("kind", "item_id", "window_start", "product_id").n_unique() if accepted.height else 0
    counts = {"opinion_count": accepted.height, "scored_mention_count": scored, "rejected_opinion_count": refused.height, **more}
    get_run_logger().info("opinions %s: %s", span, counts)
    return counts
