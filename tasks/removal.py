"""What is to be forgotten, checked before anything goes."""

from datetime import datetime

import polars as pl
from prefect import task
from prefect.runtime import flow_run
from pydantic import SecretStr

from market_opinion.core.contracts import BRONZE_ITEMS, SILVER_ITEMS
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import load_settings
from market_opinion.core.window import as_utc
from market_opinion.domain.definition import load_domain
from market_opinion.ops.adapters import open_adapters
from market_opinion.sources.catalogue import source_of
from market_opinion.stages import silver
from market_opinion.storage.landing.redaction import Erasure
from tasks.request import Job


@task
def check_erase(
    domain: str, platform: str, author: SecretStr | None, items: list[str] | None, now: datetime
) -> Job:
    """An erasure as a job over all communities of the platform; nothing is asked of the platform itself."""
    if not author and not items:
        message = "nothing to erase: give author, or items"
        raise InvalidRequest(message)
    return _offline_job(domain, platform, now)


@task
def check_purge(domain: str, platform: str, now: datetime) -> Job:
    """A purge as a job over all communities of the platform; raises InvalidRequest where words are meant to stay."""
    if load_settings().retention != "derived_only":
        message = "RETENTION is full, so no words are purged: set RETENTION=derived_only to keep only what is derived of them"
        raise InvalidRequest(message)
    return _offline_job(domain, platform, now)


@task(persist_result=False)
def wanted_erasure(job: Job, author: SecretStr | None, items: list[str] | None) -> Erasure:
    """What the request means: every trace of the author and each of their items, or the named items with their threads' titles."""
    name = author.get_secret_value().lower().removeprefix("/").removeprefix("u/") if author else ""
    columns = ["item_id", "kind", "author"]
    rows = open_adapters().lake().read(BRONZE_ITEMS, {"platform": job.platform}, columns=columns)
    is_meant = pl.col("item_id").is_in(list(items or ())) | (
        pl.col("author").str.to_lowercase() == name
    )
    if name:
        # What was purged has no name left, but its key.
        key = silver.author_key(job.platform, name, pepper=load_settings().pepper())
        theirs = (
            open_adapters()
            .lake()
            .read(SILVER_ITEMS, {"platform": job.platform, "author_key": key}, columns=["item_id"])
        )
        is_meant |= pl.col("item_id").is_in(theirs["item_id"].implode())
    found = rows.filter(is_meant.fill_null(value=False))
    unknown = sorted(set(items or ()) - set(found["item_id"]))
    if unknown:
        message = f"no items {', '.join(unknown)} of {job.platform} are kept: give ids as on the platform, without t1_ or t3_"
        raise InvalidRequest(message)
    threads = frozenset(found.filter(kind="submission")["item_id"])
    return Erasure(frozenset(found["item_id"]), threads, users=frozenset({name} if name else ()))


def _offline_job(domain: str, platform: str, now: datetime) -> Job:
    """A job over everything that was landed of a platform, which itself is asked nothing."""
    load_domain(domain, load_settings().domains_path)
    communities = tuple(open_adapters().landing().communities(platform))
    if not communities:
        message = f"nothing of {platform} was ever landed: check platform"
        raise InvalidRequest(message)
    return Job(
        domain,
        source_of(platform),
        None,
        platform,
        communities,
        None,
        as_utc(now),
        "recheck",
        str(flow_run.id or "local"),
    )
