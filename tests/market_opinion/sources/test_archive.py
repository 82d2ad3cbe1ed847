"""The archive source: every line of what was asked for, filed under its own hour, and an honest reason for stopping."""

import gzip
import json
from datetime import UTC, datetime

import pytest
import zstandard

from market_opinion.core.errors import SourceUnreadable
from market_opinion.core.window import Window
from market_opinion.sources.archive import Archive
from market_opinion.sources.reddit.profile import RedditProfile
from market_opinion.storage import odd_lines
from market_opinion.storage.json_line import LineRefused
from market_opinion.storage.landing.origin import StopReason
from tests.conftest import NOW, epoch, write_archive

HOUR_10 = datetime(2026, 3, 1, 10, tzinfo=UTC)


def fetch(folder, communities=("phones",), window=None):
    items = []
    stop = Archive(str(folder)).fetch(communities, window, now=NOW, sink=items.append)
    return items, stop


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [(".jsonl", bytes), (".jsonl.gz", gzip.compress), (".jsonl.zst", zstandard.compress)],
)
def test_every_packing_gives_the_same_lines(tmp_path, make_comment, suffix, pack):
    """Plain, gzip and zstd."""
    lines = [json.dumps(make_comment(f"c{n}")).encode() for n in range(500)]
    (tmp_path / f"RC_x{suffix}").write_bytes(pack(b"\n".join(lines)))
    items, stop = fetch(tmp_path)
    assert [item.line for item in items] == lines
    assert (stop.reason, stop.communities) == (StopReason.EXHAUSTED, ("phones",))


def test_two_frames_in_one_file_are_both_read(tmp_path, make_comment):
    """Parallel packers write several."""
    first, second = (json.dumps(make_comment(name)).encode() + b"\n" for name in ("a", "b"))
    (tmp_path / "RC_x.zst").write_bytes(zstandard.compress(first) + zstandard.compress(second))
    assert len(fetch(tmp_path)[0]) == 2


def test_items_are_filed_under_the_hour_of_their_own_time(tmp_path, make_comment, make_submission):
    """X5: a comment six hours after its submission is in its own hour."""
    write_archive(
        tmp_path,
        [make_comment(at="2026-03-01T16:59:59")],
        [make_submission(at="2026-03-01T10:00:00")],
    )
    assert {(i.kind, i.hour.hour) for i in fetch(tmp_path)[0]} == {
        ("comment", 16),
        ("submission", 10),
    }


def test_a_window_takes_its_start_and_not_its_end(tmp_path, make_comment):
    """[start, end)."""
    times = [
        "2026-03-01T09:59:59",
        "2026-03-01T10:00:00",
        "2026-03-01T10:59:59",
        "2026-03-01T11:00:00",
    ]
    write_archive(tmp_path, [make_comment(f"c{n}", at=at) for n, at in enumerate(times)])
    items, stop = fetch(tmp_path, window=Window.hour(HOUR_10))
    assert [json.loads(i.line)["id"] for i in items] == ["c1", "c2"]
    assert stop.extent.hour_count == 3


@pytest.mark.parametrize(
    "bad",
    [b'{"id": "x", "created', b"\xff\xfe\x00", b"[1, 2]", b'{"id": "x", "subreddit": "phones", "created_utc": "soon"}',
     b'{"id": "x", "subreddit": "phones", "created_utc": 0}', b'{"id": "x", "subreddit": "phones", "created_utc": 4102444800}'],
)  # fmt: skip
def test_a_line_without_a_place_goes_where_its_neighbour_went(tmp_path, make_comment, bad):
    """Landed once, however the archive is cut into windows."""
    write_archive(
        tmp_path,
        [
            bad,
            make_comment("a", at="2026-03-01T10:00:00"),
            make_comment("b", at="2026-03-01T11:00:00"),
            bad,
        ],
    )
    placed = [(i.hour.hour, i.line == bad) for i in fetch(tmp_path)[0]]
    assert placed == [(10, True), (10, False), (11, False), (11, True)]
    assert len(fetch(tmp_path, window=Window.hour(HOUR_10))[0]) == 2


def test_a_truncated_file_is_read_as_far_as_it_goes_and_certifies_nothing(tmp_path, make_comment):
    """The rows before the break are all there."""
    lines = [
        json.dumps(make_comment(f"c{n}", body=f"text {n * 7919}")).encode() for n in range(20_000)
    ]
    packed = zstandard.ZstdCompressor().compress(b"\n".join(lines))
    (tmp_path / "RC_cut.jsonl.zst").write_bytes(packed[: len(packed) // 2])
    items, stop = fetch(tmp_path)
    assert 0 < len(items) < 20_000
    assert stop.reason is StopReason.ERROR
    assert [(r.uri, r.reason) for r in stop.refused] == [
        ((tmp_path / "RC_cut.jsonl.zst").as_uri(), "truncated_file")
    ]


def test_an_empty_file_is_no_error_and_a_hopeless_one_is(tmp_path, make_comment):
    """Neither file stops the good one."""
    write_archive(tmp_path, [make_comment()])
    (tmp_path / "RC_empty.jsonl").touch()
    (tmp_path / "RC_hopeless.jsonl").write_bytes(b"not json\nnor this\n")
    items, stop = fetch(tmp_path)
    assert len(items) == 1
    assert [(r.uri, r.reason) for r in stop.refused] == [
        ((tmp_path / "RC_hopeless.jsonl").as_uri(), "unreadable_file")
    ]


def test_communities_are_compared_without_case_and_others_are_counted(tmp_path, make_comment):
    """A dump of all of Reddit is mostly others."""
    write_archive(
        tmp_path, [make_comment("a", subreddit="Phones"), make_comment("b", subreddit="cats")]
    )
    items, stop = fetch(tmp_path, ("phones", "tablets"))
    assert [i.community for i in items] == ["phones"]
    assert (stop.communities, stop.other_communities) == (("phones",), {"cats": 1})


def test_a_folder_without_archive_files_says_what_was_expected(tmp_path):
    """Names and endings."""
    with pytest.raises(SourceUnreadable, match=r"expected files named RC\* or RS\*"):
        Archive(str(tmp_path))


def test_the_origin_is_that_of_the_files(tmp_path, make_comment):
    """A longer archive under the same name is another one."""
    first = Archive(str(write_archive(tmp_path, [make_comment()])))
    again = Archive(str(tmp_path))
    grown = Archive(str(write_archive(tmp_path, [make_comment("a"), make_comment("b")])))
    assert first.origin == again.origin != grown.origin
    assert first.retrieved_at.timestamp() == epoch("2026-03-05T00:00:00")


CANARY = "canary_mila_77"


@pytest.mark.parametrize(
    "bad",
    [
        b'{"id": "%s", "created_utc": "%s"' % ((CANARY.encode(),) * 2),
        b'{"id": ["%s"], "created_utc": 1772359200, "subreddit": ["%s"]}'
        % ((CANARY.encode(),) * 2),
        CANARY.encode() + b"\xff",
        b"[" * 90_000 + CANARY.encode(),
    ],
)
def test_no_message_quotes_a_bad_line(tmp_path, make_comment, bad, caplog):
    """E33: neither the refusal of a file nor that of a line in bronze has a value of it."""
    good = json.dumps(make_comment()).encode()
    (tmp_path / "RC_1.jsonl").write_bytes(b"\n".join([good, bad, bad]))
    (tmp_path / "RC_2.jsonl").write_bytes(bad)
    items, result = fetch(tmp_path, ())
    refused = [
        str(error)
        for item in items
        if (error := refusal_of(item.line, RedditProfile.line_formats["comment"]))
    ]
    assert len(refused) == 2
    assert result.refused
    assert CANARY not in " ".join(
        [*refused, *map(repr, result.refused), result.detail, caplog.text]
    )


def refusal_of(line, line_format):
    try:
        odd_lines.mend(line, line_format)
    except LineRefused as refusal:
        return refusal
    return None
