"""One code path: landing on S3, the lake in Glue, state in DynamoDB; the same tables as the embedded default."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import boto3
import polars as pl
import pytest

from flows.backfill import backfill
from flows.erase import erase
from market_opinion.contracts import BRONZE_ITEMS, SILVER_ITEMS
from tasks import resources
from tasks.fetch import fetch_windows
from tasks.request import check_backfill
from tests import race
from tests.cloud import needs_aws
from tests.conftest import NOW, REPOSITORY, assert_same, write_archive

pytestmark = [needs_aws, pytest.mark.usefixtures("without_engine")]
SPAN = {"start": datetime(2026, 3, 1, 8, tzinfo=UTC), "end": datetime(2026, 3, 1, 14, tzinfo=UTC)}


@pytest.fixture
def on_aws(account, monkeypatch):
    """Settings as in production, but for endpoints."""
    buckets = [f"{name}-{os.environ['AWS_ACCESS_KEY_ID']}" for name in ("lz", "augmented")]  # names are of the whole world
    for bucket in buckets:
        boto3.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    endpoint = boto3.client("s3").meta.endpoint_url
    settings = {
        "LANDING_BUCKET_NAME": buckets[0],
        "LANDING_BUCKET_PREFIX": "raw",
        "LAKE_CATALOG": "lakehouse",
        "STATE_URI": "dynamodb:",
        "RUNS_TABLE_NAME": "runs",
        "PYICEBERG_CATALOG__LAKEHOUSE__TYPE": "glue",
        "PYICEBERG_CATALOG__LAKEHOUSE__WAREHOUSE": f"s3://{buckets[1]}/warehouse",
        "PYICEBERG_CATALOG__LAKEHOUSE__GLUE__ENDPOINT": endpoint,
        "PYICEBERG_CATALOG__LAKEHOUSE__S3__ENDPOINT": endpoint,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return buckets


def objects(bucket):
    """Every object's key and content."""
    client = boto3.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {o["Key"]: client.get_object(Bucket=bucket, Key=o["Key"])["Body"].read() for page in pages for o in page.get("Contents", [])}


def test_the_cloud_holds_what_the_laptop_holds(home, tables, monkeypatch, request):
    """B12, B14, A09, A20: the same backfill, the same tables; a rerun makes no snapshot; the ledger and runs are the same."""
    monkeypatch.setenv("AUTHOR_PEPPER", "the same pepper for both")
    backfill.fn(**SPAN)
    embedded, ledger = tables(), resources.state().windows()
    monkeypatch.setenv("MARKET_OPINION_HOME", str(home.parent / "elsewhere"))
    landing, augmented = request.getfixturevalue("on_aws")
    backfill.fn(**SPAN)
    assert_same(tables(), embedded)
    assert resources.state().windows() == ledger
    assert "raw/sample/android/2026-03-01/080000/manifest.json" in objects(landing)
    assert not (home.parent / "elsewhere" / "landing").exists()
    assert not (home.parent / "elsewhere" / "lake").exists()
    before = set(objects(augmented))
    backfill.fn(**SPAN)
    assert set(objects(augmented)) == before


@pytest.mark.integration
def test_eight_processes_lose_and_double_nothing(on_aws, tmp_path, make_comment, monkeypatch):
    """E03: hours of the same tables written at once through Glue, whose commits race; the rows are those of one process alone."""
    comments = [
        make_comment(f"c{hour}x{n}", at=f"{race.FIRST + timedelta(hours=hour, minutes=n):%Y-%m-%dT%H:%M:%S}")
        for hour in range(24)
        for n in range(25)
    ]
    archive = str(write_archive(tmp_path / "archive", comments))
    span = {"start": race.FIRST, "end": race.FIRST + timedelta(days=2)}
    job = check_backfill.fn("smartphones", "archive", archive, ["phones"], **span, now=NOW)
    fetch_windows.fn(job, job.communities, job.window)
    shares = [[sys.executable, "-m", "tests.race", archive, str(first), str(first + 3)] for first in range(0, 24, 3)]
    processes = [subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) for command in shares]
    said = [process.communicate(timeout=240)[1] for process in processes]
    assert [text for process, text in zip(processes, said, strict=True) if process.returncode] == []
    raced = {table.name: resources.lake().read(table) for table in (BRONZE_ITEMS, SILVER_ITEMS)}
    assert raced["bronze.items"].height == 600
    for name in list(os.environ):
        if name.startswith(("PYICEBERG_", "LANDING_")) or name in {"STATE_URI", "LAKE_CATALOG"}:
            monkeypatch.delenv(name)
    backfill.fn(source="archive", archive=archive, communities=["phones"], **span)
    for table in (BRONZE_ITEMS, SILVER_ITEMS):
        alone = resources.lake().read(table)
        assert raced[table.name].sort("item_id").equals(alone.sort("item_id")), table.name


def test_what_is_erased_is_in_no_object(on_aws, tmp_path):
    """R19: landing, tables and their histories, by every byte of the buckets and every row of the Parquet files."""
    landing, augmented = on_aws
    backfill.fn(**SPAN)
    item = resources.lake().read(BRONZE_ITEMS).filter(pl.col("body").str.len_chars() > 60).sort("item_id").row(0, named=True)
    words = item["body"][10:50]
    assert [key for key, content in objects(landing).items() if words.encode() in content]
    erase.fn(platform="sample", items=[item["item_id"]])
    assert [key for key, content in objects(landing).items() if words.encode() in content] == []
    for key, content in objects(augmented).items():
        if key.endswith(".parquet"):
            (tmp_path / "rows.parquet").write_bytes(content)
            assert words not in str(pl.read_parquet(tmp_path / "rows.parquet").rows()), key
