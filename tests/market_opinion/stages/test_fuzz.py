"""No line is poison: a hundred thousand lines, changed at random by fixed seeds, each accounted."""

import json
import random

import pytest

from market_opinion.sources import catalogue
from market_opinion.stages import bronze
from market_opinion.storage.json_line import object_of
from market_opinion.storage.landing import redaction
from tests.conftest import REPOSITORY
from tests.market_opinion.stages.test_bronze import T10, content

SAMPLES = sorted((REPOSITORY / "domains").glob("*/sample/RC_*.jsonl"))
LINES_A_SEED = 10_000
VALUES = [
    b"null", b"true", b"1e309", b"-1e999", b"9" * 30, b"9" * 500, b"-0", b"1.5", b"NaN", b"Infinity", b'""', b'"x"', b"{}", b"[null]",
    b'"\\ud83d"', b'"\\u0000"', b"[[[[]]]]", b'{"a":' * 50, b"[" * 2000, b'"', b"\\", b",", b":", b"\x00", b"\r", b"\xff", b"\xef\xbb\xbf",
]  # fmt: skip


def originals():
    """Comments of the samples, all of one hour."""
    raw = [line for path in SAMPLES for line in path.read_bytes().split(b"\n")]
    lines = [line for line in map(object_of, raw) if line and "body" in line]
    at = int(T10.timestamp())
    return [
        json.dumps(line | {"created_utc": at + n % 3600}).encode() for n, line in enumerate(lines)
    ]


def changed(chance, line):
    for _ in range(chance.randint(0, 2)):
        at = chance.randrange(len(line) + 1)
        match chance.randrange(5):
            case 0:
                line = line[:at] + chance.choice(VALUES) + line[at:]
            case 1:
                line = line[:at] + line[at + chance.randint(1, 30) :]
            case 2:
                line = line[:at] + bytes([chance.randrange(256)]) + line[at + 1 :]
            case 3:
                line += line[: chance.randint(0, 50)]
            case _:
                line = with_other_value(chance, line)
    return line.replace(b"\n", b" ") or b"x"


def with_other_value(chance, line):
    """Put another value in the place of a field's."""
    colons = [n for n, sign in enumerate(line) if sign == ord(":")]
    if not colons:
        return line
    start = chance.choice(colons) + 1
    ends = [line.find(sign, start) for sign in (b",", b"}")]
    return (
        line[:start]
        + chance.choice(VALUES)
        + line[min(filter(lambda n: n >= 0, ends), default=start) :]
    )


@pytest.mark.parametrize("seed", range(10))
def test_every_line_is_a_row_or_a_rejection(seed):
    """A10, X6: whatever stands in it, and the good ones beside it are read."""
    chance, lines = random.Random(seed), originals()
    batch = [changed(chance, chance.choice(lines)) for _ in range(LINES_A_SEED)]
    rows, rejections, fields = bronze.parse([content(batch)])
    numbers = [*rows["landing_line"], *rejections["landing_line"]]
    assert sorted(numbers) == list(range(1, LINES_A_SEED + 1))
    assert rows.height > LINES_A_SEED / 3
    assert set(fields["landing_line"]) <= set(rows["landing_line"])
    words = "".join(rejections["detail"].unique().drop_nulls())
    assert not any(word in words for word in ("battery", "camera", "http"))


def test_lines_of_any_kind_can_be_erased():
    """E35: nothing in a line stops the erasure of another."""
    chance, lines = random.Random(7), originals()
    batch = [changed(chance, chance.choice(lines)) for _ in range(2000)]
    line_format = catalogue.line_formats("reddit")["comment"]
    for line in batch:
        place = line_format.place(line)
        assert place is None or place.seconds
    erased, _ = redaction.erase_lines(
        content(batch), redaction.Erasure(users=frozenset({"nobody-1"}))
    )
    assert erased.count(b"\n") == len(batch)
