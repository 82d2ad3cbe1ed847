"""One job by several engines: `python -m benchmarks.peers` in small."""

import polars as pl
import pytest

from benchmarks import archive, peers


@pytest.mark.parametrize("engine", [name for name in peers.ENGINES if name != "polars"])
def test_each_engine_has_the_same_rows(engine, tmp_path, home):
    """An archive with comments that were captured twice, with markup, and beyond ASCII."""
    (source,) = archive.make(tmp_path / "archive", items=1000).glob("RC_*.jsonl")
    expected = peers.rows_of("polars", source)
    assert expected["comment_count"].sum() > 50
    assert expected.equals(peers.rows_of(engine, source))


def test_what_is_counted(tmp_path):
    """Whole words in lower case, once a comment; the later capture's votes; authors once."""
    source = tmp_path / "RC_few.jsonl"
    lines = [
        ("a", "ann", 1, "My **iPhone 15** and an iphone 14, see https://x.org/pixel+9"),
        ("a", "ann", 5, "My **iPhone 15** and an iphone 14, see https://x.org/pixel+9"),
        ("b", "ann", 2, "> pixel 9\n\nthe iPhone-15 &amp; a [Pixel 9](https://x.org)"),
        ("c", "bob", 3, "a pixel 90 or xiphone 15"),
    ]
    pl.DataFrame(lines, ["id", "author", "score", "body"], orient="row").with_columns(
        subreddit=pl.lit("phones"), created_utc=1772323200
    ).write_ndjson(source)
    for engine in ("duckdb", "pandas", "polars"):
        rows = peers.rows_of(engine, source).drop("community", "day").rows()
        assert rows == [("Apple", 2, 1, 7), ("Google", 1, 1, 2)]
