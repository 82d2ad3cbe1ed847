"""One code path: landing on S3, the lake in Glue, state in DynamoDB; the same tables as the embedded default."""

from datetime import UTC, datetime

import boto3
import polars as pl
import pytest

from flows.backfill import backfill
from flows.erase import erase
from market_opinion.core.contracts import BRONZE_ITEMS
from market_opinion.ops.adapters import open_adapters
from tests.cloud import needs_aws
from tests.conftest import assert_same

pytestmark = [needs_aws, pytest.mark.usefixtures("without_engine")]
SPAN = {"start": datetime(2026, 3, 1, 8, tzinfo=UTC), "end": datetime(2026, 3, 1, 14, tzinfo=UTC)}


def objects(bucket):
    """Every object's key and content."""
    client = boto3.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {
        o["Key"]: client.get_object(Bucket=bucket, Key=o["Key"])["Body"].read()
        for page in pages
        for o in page.get("Contents", [])
    }


@pytest.mark.integration
def test_the_cloud_holds_what_the_laptop_holds(home, tables, monkeypatch, request):
    """B12, B14, A09, A20, C07: the same backfill, the same tables; a rerun makes no snapshot; the ledger and runs are the same."""
    monkeypatch.setenv("AUTHOR_PEPPER", "the same pepper for both")
    backfill.fn(**SPAN)
    embedded, ledger = tables(), open_adapters().state().windows()
    monkeypatch.setenv("MARKET_OPINION_HOME", str(home.parent / "elsewhere"))
    landing, augmented = request.getfixturevalue("on_aws")
    backfill.fn(**SPAN)
    assert_same(tables(), embedded)
    assert open_adapters().state().windows() == ledger
    assert "raw/sample/android/2026-03-01/080000/manifest.json" in objects(landing)
    assert not (home.parent / "elsewhere" / "landing").exists()
    assert not (home.parent / "elsewhere" / "lake").exists()
    before = set(objects(augmented))
    backfill.fn(**SPAN)
    assert set(objects(augmented)) == before


@pytest.mark.integration
def test_what_is_erased_is_in_no_object(on_aws, tmp_path):
    """M9: landing, tables and their histories, by every byte of the buckets and every row of the Parquet files."""
    landing, augmented = on_aws
    backfill.fn(**SPAN)
    item = (
        open_adapters()
        .lake()
        .read(BRONZE_ITEMS)
        .filter(pl.col("body").str.len_chars() > 60)
        .sort("item_id")
        .row(0, named=True)
    )
    words = item["body"][10:50]
    assert [key for key, content in objects(landing).items() if words.encode() in content]
    erase.fn(platform="sample", items=[item["item_id"]])
    assert [key for key, content in objects(landing).items() if words.encode() in content] == []
    for key, content in objects(augmented).items():
        if key.endswith(".parquet"):
            (tmp_path / "rows.parquet").write_bytes(content)
            assert words not in str(pl.read_parquet(tmp_path / "rows.parquet").rows()), key
