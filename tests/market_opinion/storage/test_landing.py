"""Landing: lines as received, believed through manifests alone."""

import json
import logging
import os
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial

import boto3
import fsspec
import pytest
import zstandard

from market_opinion.core.errors import InvalidRequest, LandingCorrupt
from market_opinion.core.window import HOUR, Window
from market_opinion.sources import catalogue
from market_opinion.storage.json_line import (
    REFUSED_MARK,
    LineRefused,
    read_object,
    refused_line,
)
from market_opinion.storage.landing.damaged import rewrite_damaged
from market_opinion.storage.landing.origin import FetchResult, RawItem, StopReason, Visit
from market_opinion.storage.landing.redaction import Erasure, erase_lines, purge_lines
from market_opinion.storage.landing.writer import WindowWriter
from market_opinion.storage.landing.zone import Landing
from tests.cloud import ACCOUNT, Cloud, make_buckets, needs_aws, sign_in
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


def test_only_a_line_of_ours_has_the_mark_of_refusal(tmp_path):
    """A10: one that somebody sent is landed with the same values, and read as any other."""
    sent, ours = b'{"(refused)":"too_large","id":"a"}', refused_line("too_large", "2 bytes")
    landing = Landing((tmp_path / "landing").as_uri())
    land(landing, [(0, sent), (0, b"\xef\xbb\xbf" + sent), (0, ours)])
    first, second, third = landed(landing)[0][1].splitlines()
    assert (first.startswith(REFUSED_MARK), json.loads(first)) == (False, json.loads(sent))
    assert read_object(first) == read_object(second) == json.loads(sent)
    assert third == ours
    with pytest.raises(LineRefused):
        read_object(third)


@pytest.mark.parametrize("name", ["item_id_was", "item_id_w\\u0061s"])
def test_nobody_sends_the_id_that_an_erasure_keeps(tmp_path, name):
    """A10: items of a hashed id stay apart, whatever column a file has."""
    more = '"asin":"b","timestamp":1772359200'
    lines = [f'{{"{name}":"one","user_id":"{who}",{more}}}'.encode() for who in ("a", "c")]
    landing = Landing((tmp_path / "landing").as_uri(), formats=catalogue.line_formats)
    writer = WindowWriter(landing, Visit("amazon", "file", NOW, "amazon"))
    hour = Window.hour(T10)
    for line in lines:
        writer.add(RawItem("review", "phones", T10, line))
    writer.close(["phones"], [hour], stop=DONE, now=NOW)
    (capture,) = landing.captures("amazon", ["phones"], hour)
    (content,) = landing.read(capture)
    sent = [json.loads(line) for line in content.raw.splitlines()]
    assert [each["item_id_was_"] for each in sent] == ["one", "one"]
    assert len({content.line_format.key(each) for each in sent} - {"one", ""}) == 2


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
    assert landing.erase_strays("reddit", ["phones"], hour) == strays
    monkeypatch.setattr("market_opinion.storage.landing.zone.IN_FLIGHT", timedelta(seconds=-5))
    assert landing.erase_strays("reddit", ["phones"], hour) == []
    assert landing.files_below("reddit") == sorted([*paths, f"{H11}/refresh-1/comments.jsonl"])
    assert landing.erase_strays("reddit", ["phones"], None) == []
    assert (landing.files_below("reddit"), landed(landing)) == (paths, before)


def test_what_lies_beside_a_damaged_manifest_stays_without_what_had_to_go(landing, monkeypatch):
    """A10, M9: nobody reads it, and neither an erasure nor a new reading deletes it."""
    mine, theirs = b'{"id": "c1", "author": "Mad_Hatter"}', b'{"id": "c2", "author": "otter"}'
    land(landing, [(0, mine), (0, theirs), (1, mine)])
    (path,) = [each for each in landing.files_below(H10) if "comments" in each]
    later = landed(landing)[1]
    landing.write(f"{H10}/manifest.json", b'{"platform": "red')
    monkeypatch.setattr("market_opinion.storage.landing.zone.IN_FLIGHT", timedelta(seconds=-5))
    assert landing.erase_strays("reddit", ["phones"], None) == []
    change = partial(erase_lines, erasure=Erasure(users=frozenset({"mad_hatter"})))
    hour = ("reddit", ["phones"], Window.hour(T10))
    for _ in range(2):
        rewrite_damaged(landing, hour, change, logging.getLogger())
        assert _lines(landing, path) == [b'{"erased": true}', theirs]
    assert landing.damaged(*hour) == [H10]
    assert landing.damaged("reddit", ["phones"], Window.hour(T10 + HOUR)) == []
    land(landing, [(0, b"{}")])
    assert landed(landing) == [(f"{H10}/archive-1", b"{}\n"), later]
    assert _lines(landing, path) == [b'{"erased": true}', theirs]
    rewrite_damaged(landing, hour, purge_lines, logging.getLogger())
    assert _lines(landing, path) == [b'{"erased": true}'] * 2


def _lines(landing, path):
    content = landing.read_file(path)
    raw = zstandard.decompress(content) if path.endswith(".zst") else content
    return raw.splitlines()


def test_what_can_be_unpacked_of_a_damaged_file_stays(tmp_path):
    """A10: a file that was cut short, as its manifest was."""
    landing = Landing((tmp_path / "landing").as_uri(), compression="zstd")
    lines = [f'{{"id": "{os.urandom(500).hex()}"}}'.encode() for _ in range(1_000)]
    land(landing, [(0, line) for line in lines])
    (path,) = [each for each in landing.files_below(H10) if "comments" in each]
    landing.write(path, landing.read_file(path)[:-1_000])
    landing.write(f"{H10}/manifest.json", b"")
    change = partial(erase_lines, erasure=Erasure(users=frozenset({"nobody"})))
    rewrite_damaged(landing, ("reddit", ["phones"], None), change, logging.getLogger())
    kept = _lines(landing, path)
    assert 500 < len(kept) < 1_000
    assert kept[:-1] == lines[: len(kept) - 1]


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


@needs_aws
def test_s3_is_asked_for_what_is_needed_alone(tmp_path, monkeypatch):
    """No look at the bucket before each file; of a day, no manifest of an hour that is not meant."""
    with Cloud(tmp_path / "server.log", is_talkative=True) as cloud:
        for name, value in cloud.environment(ACCOUNT).items():
            monkeypatch.setenv(name, value)
        sign_in()
        bucket, _ = make_buckets()
        zone = Landing(f"s3://{bucket}/raw")
        lines = [(hour, b"{}") for hour in range(10)]
        land(zone, lines, window=Window(T10, T10 + HOUR * 10))
        found = zone.captures("reddit", ["phones"], Window(T10, T10 + HOUR * 7))
    asked = Counter(
        (method, path.rpartition("/")[2])
        for method, path in re.findall(
            r"(\w+) /(\S*) -> service=s3", (tmp_path / "server.log").read_text()
        )
    )
    assert len(found) == 7
    assert ("HEAD", bucket) not in asked
    assert asked["PUT", "manifest.json"] == 10
    assert asked["GET", "manifest.json"] == 7
