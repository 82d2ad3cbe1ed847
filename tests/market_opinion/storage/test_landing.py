"""Landing: lines as received, believed through manifests alone."""

import json
import os
from datetime import UTC, datetime, timedelta

import boto3
import fsspec
import pytest

from market_opinion.core.errors import InvalidRequest, LandingCorrupt
from market_opinion.core.window import HOUR, Window
from market_opinion.storage.landing.origin import FetchResult, RawItem, StopReason
from market_opinion.storage.landing.writer import WindowWriter
from market_opinion.storage.landing.zone import Landing
from tests.cloud import needs_aws
from tests.conftest import NOW

T10 = datetime(2026, 3, 1, 10, tzinfo=UTC)
TWO_HOURS = Window(T10, T10 + HOUR * 2)
H10, H11 = "reddit/phones/2026-03-01/100000", "reddit/phones/2026-03-01/110000"
DONE = FetchResult(StopReason.EXHAUSTED, ("phones",))


class _Source:
    platform, capture_path, retrieved_at, format_reference = "reddit", "archive", NOW, "reddit"

    def __init__(self, origin="archive-1"):
        self.origin = origin


def land(landing, lines, *, origin="archive-1", window=TWO_HOURS, stop=DONE):
    source = _Source(origin)
    writer = WindowWriter(landing, source, known=landing.captures("reddit", ["phones"], window))
    for hour, line in lines:
        writer.add(RawItem("comment", "phones", T10 + HOUR * hour, line))
    return writer.close(["phones"], window.hours(), stop=stop, now=NOW)


def landed(landing):
    captures = landing.captures("reddit", ["phones"], None)
    return [(c.folder, b"".join(content.raw for content in landing.read(c))) for c in captures]


@pytest.fixture(params=["file", "file zstd", pytest.param("s3", marks=needs_aws)])
def zone(request, tmp_path):
    """Place and compression of a landing zone: the same cases on files, compressed files and S3."""
    place, _, compression = request.param.partition(" ")
    if place == "file":
        return (tmp_path / "landing").as_uri(), compression or None
    request.getfixturevalue("account")
    bucket = f"landing-{os.environ['AWS_ACCESS_KEY_ID']}"  # names are of the whole world
    boto3.client("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return f"s3://{bucket}/raw", None


@pytest.fixture
def landing(zone):
    """An empty landing zone."""
    uri, compression = zone
    return Landing(uri, compression=compression)


def test_lines_come_back_as_they_came(landing):
    """A19, B11: bytes that are no text included; a quiet hour is landed too."""
    land(landing, [(0, b'{"a": 1}'), (0, b"\xff\x00")])
    assert landed(landing) == [
        (H10, b'{"a": 1}\n\xff\x00\n'),
        (H11, b""),
    ]


def test_a_certified_hour_is_not_landed_again(landing):
    """A rerun writes nothing."""
    assert land(landing, [(0, b"x")]) == 2
    assert land(landing, [(0, b"x")]) == 0


def test_an_hour_that_is_not_certified_is_landed_again_in_its_place(landing):
    """X6: what a broken run left behind is replaced, not added to."""
    land(landing, [(0, b"x"), (0, b"y")], stop=FetchResult(StopReason.ERROR, ("phones",)))
    land(landing, [(0, b"x")])
    assert landed(landing)[0][1] == b"x\n"


def test_another_origin_lands_beside_the_first(landing):
    """Nothing received is overwritten by something else."""
    land(landing, [(0, b"x")])
    land(landing, [(0, b"z")], origin="archive-2")
    assert [folder for folder, _ in landed(landing)[:2]] == [
        "reddit/phones/2026-03-01/100000",
        "reddit/phones/2026-03-01/100000/archive-2",
    ]


def test_a_file_is_rotated_into_parts(zone):
    """B13: every part is in the manifest."""
    landing = Landing(zone[0], max_bytes=10)
    land(landing, [(0, b"12345678") for _ in range(5)])
    capture = landing.captures("reddit", ["phones"], None)[0]
    assert [f.name for f in capture.manifest.files] == [
        "comments.jsonl",
        "comments-0001.jsonl",
        "comments-0002.jsonl",
    ]
    assert capture.manifest.lines() == 5


def test_what_has_no_whole_manifest_is_not_there(landing):
    """A run that died, before its manifest or in the middle of it."""
    land(landing, [(0, b"x")])
    landing.write(f"{H10}/manifest.json", b'{"platform": "red')
    landing.remove(f"{H11}/manifest.json")
    assert landed(landing) == []
    land(landing, [(0, b"y")])
    assert landed(landing)[0][1] == b"y\n"


def test_leftovers_of_a_run_that_died_are_cleared(landing):
    """A part nobody promised would be counted by whoever counts files."""
    landing.write(f"{H10}/comments-0007.jsonl", b"old\n")
    land(landing, [(0, b"x")])
    assert f"{H10}/comments-0007.jsonl" not in landing.files_below(H10)


def test_files_that_no_manifest_names_go_once_they_are_old(landing, monkeypatch):
    """M9: of these hours alone; what a manifest names stays, and so does what may get one."""
    land(landing, [(0, b"x"), (1, b"y")])
    before, paths = landed(landing), landing.files_below("reddit")
    strays = [f"{H10}/comments-0007.jsonl", f"{H10}/refresh-1/comments.jsonl"]
    for path in (*strays, f"{H11}/refresh-1/comments.jsonl"):
        landing.write(path, b"words\n")
    hour = Window.hour(T10)
    assert landing.erase_strays("reddit", ["phones"], hour) == len(strays)
    monkeypatch.setattr("market_opinion.storage.landing.zone.IN_FLIGHT", timedelta(seconds=-5))
    assert landing.erase_strays("reddit", ["phones"], hour) == 0
    assert landing.files_below("reddit") == sorted([*paths, f"{H11}/refresh-1/comments.jsonl"])
    assert landing.erase_strays("reddit", ["phones"], None) == 0
    assert (landing.files_below("reddit"), landed(landing)) == (paths, before)


def test_a_file_that_was_changed_is_not_believed(landing):
    """By its hash; the message names it and what to do."""
    land(landing, [(0, b"x")])
    (file,) = [path for path in landing.files_below(H10) if "comments" in path]
    landing.write(file, b"?")
    with pytest.raises(
        LandingCorrupt, match="remove its folder and run 2026-03-01T10:00/2026-03-01T11:00 again"
    ):
        landed(landing)


def test_the_manifest_says_what_was_landed_and_why_it_ended(landing, zone):
    """Section 5 of the design: counts, bytes, hash, stop reason, times."""
    land(landing, [(0, b"x"), (0, b"y")])
    with fsspec.open(f"{zone[0]}/{H10}/manifest.json") as file:
        manifest = json.load(file)
    assert (manifest["stop_reason"], manifest["files"][0]["lines"], manifest["retrieved_at"]) == (
        "exhausted",
        2,
        "2026-03-10T12:30:00Z",
    )


def test_a_rewrite_replaces_what_changed_and_nothing_else(landing):
    """As many lines as before, sizes and hashes that hold, no old file left; again, it does nothing."""
    land(landing, [(0, b'{"a": 1}'), (0, b'{"b": 2}')])
    (capture,) = landing.captures("reddit", ["phones"], Window.hour(T10))

    def change(content):
        return content.raw.replace(b'{"a": 1}', b"{}"), ["a"] if b'{"a": 1}' in content.raw else []

    assert landing.rewrite(capture, change) == ["a"]
    (after,) = landing.captures("reddit", ["phones"], Window.hour(T10))
    assert [content.raw for content in landing.read(after)] == [b'{}\n{"b": 2}\n']
    before = sorted(landing.files_below(after.folder))
    assert len(before) == 2
    assert landing.rewrite(after, change) == []
    assert sorted(landing.files_below(after.folder)) == before


@pytest.mark.parametrize("writes", [1, 2])
def test_a_rewrite_that_is_cut_off_leaves_the_capture_whole(landing, monkeypatch, writes):
    """After the new file, or before the old one is gone: readable each time, finished by the next."""
    land(landing, [(0, b'{"a": 1}')])
    (capture,) = landing.captures("reddit", ["phones"], Window.hour(T10))

    def change(content):
        return content.raw.replace(b'{"a": 1}', b"{}"), ["a"] if b'{"a": 1}' in content.raw else []

    with monkeypatch.context() as broken:
        broken.setattr(landing, "remove" if writes == 2 else "write", _dying(landing, writes))
        with pytest.raises(KeyboardInterrupt):
            landing.rewrite(capture, change)
    (now,) = landing.captures("reddit", ["phones"], Window.hour(T10))
    assert list(landing.read(now))
    landing.rewrite(now, change)
    (after,) = landing.captures("reddit", ["phones"], Window.hour(T10))
    assert [content.raw for content in landing.read(after)] == [b"{}\n"]
    assert len(landing.files_below(after.folder)) == 2


def _dying(landing, writes):
    write, left = landing.write, [2]

    def mortal(*arguments):
        left[0] -= 1
        if writes == 2 or left[0] == 0:
            raise KeyboardInterrupt
        write(*arguments)

    return mortal


@pytest.mark.parametrize(
    "path",
    ["../keys", "reddit/../../keys", "reddit/./x", "reddit/a\0b", "a\nb", "..\\keys", "\u202ex"],
)
def test_no_path_leads_out_of_the_zone(tmp_path, path):
    """Whether a name of a platform or community or a manifest has it: nothing beside is touched."""
    (tmp_path / "keys").write_text("secret")
    landing = Landing(f"{tmp_path}/landing")
    landing.write("reddit/x/a", b"")
    calls = [
        lambda: landing.read_file(path),
        lambda: landing.write(path, b"x"),
        lambda: landing.remove(path),
        lambda: landing.communities(path),
        lambda: landing.captures(path, ["x"], None),
        lambda: landing.captures("reddit", [path], None),
        lambda: landing.erase_strays("reddit", [path], None),
        lambda: landing.erase_strays(path, ["x"], None),
    ]
    for call in calls:
        with pytest.raises(InvalidRequest, match="is no path in the landing zone"):
            call()
    assert (tmp_path / "keys").read_text() == "secret"
