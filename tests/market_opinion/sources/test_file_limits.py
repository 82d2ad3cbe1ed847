"""Files that somebody made to fill memory or disk: they are refused in words, the next file is read."""

import gzip
import json
import time
import tracemalloc

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import load_settings
from market_opinion.sources import file_reader, line_sorter, parquet, tables
from market_opinion.sources.archive import Archive
from market_opinion.sources.file_limits import FileLimits
from market_opinion.sources.lines import read_lines
from market_opinion.sources.unpacking import UnpacksTooMuch, unpacked
from tests.conftest import NOW, write_archive

MEGABYTE = 1_000_000
SMALL = FileLimits(unpacked_ratio_max=250, unreadable_lines_max=5, lines_per_hour_max=20)


def packer(packing):
    if packing == ".zst":
        return zstandard.ZstdCompressor().compressobj()
    return gzip.zlib.compressobj(wbits=31)


def bomb(path, block, megabytes, *, first=b"", last=b""):
    """A file that unpacks to so many megabytes of the block."""
    packed = packer(path.suffix)
    with path.open("wb") as file:
        file.write(packed.compress(first))
        for _ in range(megabytes):
            file.write(packed.compress(block))
        file.write(packed.compress(last) + packed.flush())


def fetch(folder, limits=SMALL):
    source, items = Archive(str(folder)), []
    source.limits = limits
    return items, source.fetch((), None, now=NOW, sink=items.append)


@pytest.mark.parametrize("packing", [".zst", ".gz"])
@pytest.mark.parametrize("block", [b"x" * MEGABYTE, (b"x" * 99 + b"\n") * 10_000])
def test_a_bomb_is_refused_before_it_fills_the_memory(
    tmp_path, make_comment, monkeypatch, packing, block
):
    """Case 36: what came before it is kept, the next file is read, and the setting is named."""
    monkeypatch.setattr("market_opinion.sources.unpacking._COUNTED_BEYOND", 4 * MEGABYTE)
    good = json.dumps(make_comment("a")).encode() + b"\n"
    bomb(tmp_path / f"RC_1{packing}", block, 200, first=good)
    (tmp_path / "RC_2.jsonl").write_text(json.dumps(make_comment("b")))
    tracemalloc.start()
    items, result = fetch(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert {"a", "b"} <= {json.loads(i.line)["id"] for i in items if i.line.startswith(b'{"id')}
    assert result.refused[0].reason == "unpacks_too_much"
    assert "FILES_UNPACKED_RATIO_MAX" in result.refused[0].detail
    assert peak < 60 * MEGABYTE


def test_a_well_packed_file_is_no_bomb(tmp_path, monkeypatch):
    """A dump is packed 10 to 20 times; only what is beyond the ratio is refused."""
    monkeypatch.setattr("market_opinion.sources.unpacking._COUNTED_BEYOND", 1_000)
    content = b"x" * 100_000
    packed = zstandard.compress(content)
    most = len(content) // len(packed) + 1
    assert content == b"".join(unpacked(iter([packed]), ".zst", ratio_max=most))
    with pytest.raises(UnpacksTooMuch):
        list(unpacked(iter([packed]), ".zst", ratio_max=most // 2))


def test_a_window_of_two_gibibytes_is_read(tmp_path):
    """Reddit's dumps are packed by `zstd --long=31`."""
    long_window = zstandard.ZstdCompressionParameters(window_log=31)
    content = b"".join(b"%d\n" % n for n in range(200_000))
    path = tmp_path / "a.jsonl.zst"
    with path.open("wb") as file, zstandard.ZstdCompressor(
        compression_params=long_window
    ).stream_writer(file) as packed:  # fmt: skip
        packed.write(content)
    chunks = iter([path.read_bytes()])
    assert content == b"".join(unpacked(chunks, ".zst", ratio_max=250))


def test_what_can_be_read_of_a_damaged_file_comes_before_the_error(tmp_path):
    """Up to the damage, and not to the chunk before it."""
    content = b"".join(b"%d\n" % n for n in range(100_000))
    packed = zstandard.compress(content)
    got = []
    with pytest.raises(zstandard.ZstdError):  # noqa: PT012
        for chunk in unpacked(
            iter([packed + b"\x28\xb5\x2f\xfd" + b"\xff" * 40]), ".zst", ratio_max=9
        ):
            got.append(chunk)  # noqa: PERF402, until it raises
    assert b"".join(got) == content


def test_refused_lines_are_counted_beyond_a_limit(tmp_path, make_comment):
    """70 million refused lines are no 70 million rows, and the reading certifies nothing."""
    good = [json.dumps(make_comment(name)) for name in ("a", "b")]
    (tmp_path / "RC_1.jsonl").write_text("\n".join([good[0], *["no JSON"] * 30, good[1]]))
    items, result = fetch(tmp_path)
    assert len(items) == 2 + 5
    assert [r.reason for r in result.refused] == ["unreadable_lines"]
    assert result.refused[0].detail.startswith("25 more lines")
    assert not result.reason.certifies


def test_refused_lines_fill_no_memory_while_no_line_was_good(tmp_path, make_comment, monkeypatch):
    """Lines before the first good one wait for its hour; they are bounded in bytes as well."""
    monkeypatch.setattr(line_sorter, "_UNREADABLE_BYTES_MAX", 25)
    good = json.dumps(make_comment())
    (tmp_path / "RC_1.jsonl").write_text("\n".join([*["ten signs."] * 4, good]))
    items, result = fetch(tmp_path)
    assert [i.line for i in items][:-1] == [b"ten signs."] * 2
    assert result.refused[0].detail.startswith("2 more lines")


def test_an_hour_of_a_community_takes_so_many_lines(tmp_path, make_comment):
    """What is beyond is counted, and the other hours are read."""
    busy = [make_comment(f"c{n}") for n in range(30)]
    write_archive(tmp_path, [*busy, make_comment("z", at="2026-03-01T11:00:00")], [])
    items, result = fetch(tmp_path)
    assert len(items) == 20 + 1
    assert result.refused[0].reason == "hour_too_large"
    assert "10 lines were not kept" in result.refused[0].detail


def test_an_archive_without_named_communities_has_a_most_of_hours(
    tmp_path, make_comment, monkeypatch
):
    """One line for each of many communities would be a folder for each hour of each of them."""
    monkeypatch.setattr(line_sorter, "HOURS_MAX", 10)
    many = [make_comment(f"c{n}", subreddit=f"s{n}") for n in range(11)]
    write_archive(tmp_path, many, [])
    with pytest.raises(InvalidRequest, match="pass communities"):
        fetch(tmp_path)


def test_hours_that_an_archive_vouches_for_have_a_most(tmp_path, make_comment, monkeypatch):
    """Two lines vouch for all hours between them, in each community."""
    monkeypatch.setattr(file_reader, "HOURS_MAX", 40)
    far = [make_comment("a"), make_comment("b", at="2026-03-02T10:00:00", subreddit="cars")]
    write_archive(tmp_path, far, [])
    result = fetch(tmp_path)[1]
    with pytest.raises(InvalidRequest, match="pass communities"):
        file_reader._survey("reddit", (), result, None)
    span = result.extent
    assert file_reader._survey("reddit", ("phones", "cars"), result, None).window == span


@pytest.mark.parametrize(
    "name", ["x" * 300, "/" * 300 + "a", "..", "_", "../../etc", "/", "a/b", "\x1b[31m", "ä" * 150]
)
def test_a_name_of_a_community_is_a_folder_or_none(name):
    """A stranger chose it: no path, no control character, no name that a disk refuses."""
    folder = line_sorter.community_name(name)
    assert "/" not in folder
    assert not folder.startswith((".", "_"))
    assert folder.isprintable()
    assert len(folder.encode()) <= 200


def test_a_file_of_blanks_is_read_piece_by_piece(tmp_path):
    """Blanks before the first line are thrown away as they come."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b" " * 40 * MEGABYTE + b'{"a": 1}')
    tracemalloc.start()
    (line,) = read_lines(fsspec.filesystem("file"), str(path))
    assert line.strip() == b'{"a": 1}'
    assert tracemalloc.get_traced_memory()[1] < 20 * MEGABYTE
    tracemalloc.stop()


def seconds_of(lines):
    began = time.perf_counter()
    refused = sum(bool(row.reason) for row in tables.rows_of(lines, ",", 3))
    assert refused == len(lines)
    return time.perf_counter() - began


def test_quotes_that_do_not_close_cost_no_more_than_their_lines():
    """A row is read on line by line, and not from its beginning at every line."""
    lines = ['"a', *['","'] * 1_000]
    short, long = (min(seconds_of(lines * count) for _ in range(3)) for count in (2, 8))
    assert long < short * 4 * 2.5


def test_a_text_that_many_rows_of_a_table_share_is_in_memory_once(tmp_path, monkeypatch):
    """A dictionary makes gigabytes of a small file."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": list(range(3_000)), "text": ["x" * 100_000] * 3_000}), path)
    monkeypatch.setattr(parquet, "_BYTES_AT_ONCE", MEGABYTE)
    before = pa.total_allocated_bytes()
    peak = count = 0
    for line in read_lines(fsspec.filesystem("file"), str(path)):
        peak = max(peak, pa.total_allocated_bytes() - before)
        count += len(json.loads(line)["text"]) == 100_000
    assert count == 3_000
    assert peak < 30 * MEGABYTE


def test_pages_of_a_table_are_bounded_as_packed_files_are(tmp_path, monkeypatch):
    """Before one of them is unpacked."""
    monkeypatch.setattr("market_opinion.sources.unpacking._COUNTED_BEYOND", 1_000)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": ["x" * 3_000_000]}), path, compression="zstd")
    with pytest.raises(UnpacksTooMuch, match="FILES_UNPACKED_RATIO_MAX"):
        list(read_lines(fsspec.filesystem("file"), str(path)))


def test_the_limits_are_settings(monkeypatch, tmp_path, make_comment):
    """One setting for each, which the message of its refusal names."""
    write_archive(tmp_path, [make_comment()], [])
    monkeypatch.setenv("FILES_UNPACKED_RATIO_MAX", "7")
    monkeypatch.setenv("FILES_UNREADABLE_LINES_MAX", "8")
    monkeypatch.setenv("FILES_LINES_PER_HOUR_MAX", "9")
    assert FileLimits(7, 8, 9) == Archive(str(tmp_path)).limited_by(load_settings()).limits


def test_defaults_of_limits_are_those_of_the_settings():
    """Sources of other packages that set none have the same."""
    assert FileLimits() == FileLimits.of(load_settings())
