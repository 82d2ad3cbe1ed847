"""Files as lines: one set of rules for all forms, and what is wrong with a row costs that row."""

import bz2
import gzip
import json

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from market_opinion.core.errors import SourceUnreadable
from market_opinion.sources import lines
from market_opinion.sources.lines import Columns, TextLayout, UnclearRows, read_lines
from market_opinion.sources.unpacking import TrailingBytes, Truncated
from market_opinion.storage.json_line import MAX_LINE_BYTES, LineRefused, read_object

WANTED = ("at", "id")
ROWS = [{"id": f"r{n}", "at": str(1772359200 + n), "text": f"text {n}"} for n in range(4)]
HEADER = "id,at,text\n"


@pytest.fixture
def read(tmp_path):
    """What is read of a file of these bytes: objects, refusals as (reason, detail)."""

    def look(name, raw, **options):
        path = tmp_path / name
        path.write_bytes(raw)
        options = {
            "columns": Columns(WANTED),
            "is_item": lambda line: "at" in (json.loads(line)),
            **options,
        }
        found = []
        for line in read_lines(fsspec.filesystem("file"), str(path), **options):
            assert b"\n" not in line
            try:
                found.append(read_object(line))
            except LineRefused as refusal:
                found.append((refusal.reason, refusal.detail))
        return found

    return look


def as_csv(rows=ROWS, delimiter=",", end="\n"):
    return "".join(delimiter.join(row) + end for row in [["id", "at", "text"], *map(dict.values, rows)])  # fmt: skip


def as_lines(rows=ROWS, end="\n"):
    return "".join(json.dumps(row) + end for row in rows)


FORMS = {
    "a.csv": as_csv(),
    "crlf.csv": as_csv(end="\r\n"),
    "old-mac.csv": as_csv(end="\r"),
    "semicolon.csv": as_csv(delimiter=";"),
    "tab.csv": as_csv(delimiter="\t"),
    "a.tsv": as_csv(delimiter="\t"),
    "bar.csv": as_csv(delimiter="|"),
    "a.jsonl": as_lines(),
    "crlf.jsonl": as_lines(end="\r\n"),
    "old-mac.jsonl": as_lines(end="\r"),
    "blank.jsonl": as_lines(end="\n\n  \n"),
    "old-mac-then-feed.csv": as_csv(end="\r").rstrip() + "\n",
    "UPPER.CSV": as_csv(),
    "elements.jsonl": as_lines(end=",\n"),
    "two-marks.csv": "\ufeff" + as_csv(),
    "two-marks.jsonl": "\ufeff" + as_lines(),
    "line.json": json.dumps(ROWS),
    "indented.json": json.dumps(ROWS, indent=2),
    "element-a-line.json": "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_form_gives_the_same_items(read, name, encoding):
    """A10: and a byte order mark costs none."""
    assert read(name, FORMS[name].encode(encoding)) == ROWS


def test_an_encoding_that_a_mapping_names_is_read(read):
    """A10: for JSON lines as for CSV."""
    rows = [{**ROWS[0], "text": "naïve"}]
    assert read("a.csv", as_csv(rows).encode("cp1252"), layout=TextLayout("cp1252")) == rows
    raw = json.dumps(rows[0], ensure_ascii=False).encode("cp1252")
    assert read("a.jsonl", raw, layout=TextLayout("cp1252")) == rows


def test_a_mark_in_the_middle_of_a_file_costs_no_item(read):
    """A10: two exports that were put together."""
    raw = b"".join(b"\xef\xbb\xbf" + json.dumps(row).encode() + b"\n" for row in ROWS)
    assert read("a.jsonl", raw) == ROWS


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
@pytest.mark.parametrize("padding", [b"", b"\0" * 700, b"\n", b" \r\n"])
def test_padding_and_further_frames_are_no_damage(read, pack, padding):
    """A10."""
    halves = [as_lines(ROWS[:2]).encode(), as_lines(ROWS[2:]).encode()]
    ending = "gz" if pack is gzip.compress else "zst"
    assert read(f"a.jsonl.{ending}", padding.join(map(pack, halves)) + padding) == ROWS


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_what_follows_a_frame_and_is_none_is_told(read, pack):
    """A10: after all that can be read."""
    ending = "gz" if pack is gzip.compress else "zst"
    packed = pack(as_lines().encode())
    with pytest.raises(TrailingBytes, match=r"^8 bytes after the end that are no (gzip|zstd)$"):
        read(f"a.jsonl.{ending}", packed + b"\0\0no frame")
    with pytest.raises(Truncated):
        read(f"a.jsonl.{ending}", packed[:-4])


LONG = "x" * (MAX_LINE_BYTES + 10)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.jsonl", as_lines([ROWS[0], {**ROWS[1], "text": LONG}, ROWS[2]])),
        ("a.json", json.dumps([ROWS[0], {**ROWS[1], "text": LONG * 3}, ROWS[2]])),
        ("b.json", json.dumps([ROWS[0], {**ROWS[1], "all": ["y"] * 900_000}, ROWS[2]], indent=1)),
        ("a.csv", as_csv([ROWS[0], {**ROWS[1], "text": LONG}, ROWS[2]])),
        ("a.csv.gz", as_csv([ROWS[0], {**ROWS[1], "text": LONG}, ROWS[2]])),
    ],
    ids=["lines", "array", "indented array", "csv", "packed csv"],
)
def test_a_line_that_is_too_long_costs_itself(read, name, raw):
    """A10: it is counted and thrown away, and no word of it is quoted."""
    packed = gzip.compress(raw.encode()) if name.endswith(".gz") else raw.encode()
    first, refusal, last = read(name, packed)
    assert (first, last) == (ROWS[0], ROWS[2])
    assert refusal[0] == "too_large"
    assert "1,048,576" in refusal[1]
    assert "xx" not in refusal[1]


def test_a_text_with_escapes_may_end_in_any_chunk(tmp_path, read, monkeypatch):
    """A10: quotes and backslashes within texts of an array, whatever is read at once."""
    rows = [{**ROWS[0], "text": 'a "b" \\ c, [d] {e} \\" ' * 5}, ROWS[1]]
    for size in range(1, 40):
        monkeypatch.setattr(lines, "CHUNK_BYTES", size)
        assert read("a.json", b"  " + json.dumps(rows, indent=1).encode()) == rows


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ("r1,1,a,b", "wrong_number_of_values", "line 3: 4 values for 3 columns"),
        ("r1,1", "wrong_number_of_values", "line 3: 2 values for 3 columns"),
    ],
)
def test_a_row_of_other_length_is_refused_alone(read, row, reason, detail):
    """A10: kept and refused are as many as there were."""
    raw = HEADER + f"r0,0,zero\n{row}\nr2,2,two\n"
    found = read("a.csv", raw.encode())
    assert [each if isinstance(each, tuple) else each["id"] for each in found] == [
        "r0",
        (reason, detail),
        "r2",
    ]


@pytest.mark.parametrize(
    "row",
    ['r1,1,"said a person', 'r1,"1,said a person', 'r1,1,"said "a" person, and', '"r1,1,said'],
)
@pytest.mark.parametrize("after", [["r2,2,two", "r3,3,three"], ['r2,2,"two ""and"" more"'], []])
def test_no_words_of_a_row_come_under_another(tmp_path, row, after):
    """A10: a quote that is not closed costs its row, and the reading is not certified."""
    path = tmp_path / "a.csv"
    path.write_text("\n".join([HEADER.strip(), "r0,0,zero", row, *after]) + "\n")
    found = []
    with pytest.raises(UnclearRows, match=r"^line 3: .* where the row ends is not known$"):  # noqa: PT012
        for line in read_lines(
            fsspec.filesystem("file"), str(path), columns=Columns(WANTED), is_item=lambda _: True
        ):
            found.append(json.loads(line))  # noqa: PERF401, until it raises
    ids = [each.get("id", each.get("(refused)")) for each in found]
    assert ids[0] == "r0"
    assert ids[-len(after) :] == [each[:2] for each in after] if after else len(ids) >= 2
    assert not [each for each in found if "\n" in str(each.get("text"))]


@pytest.mark.parametrize("size", [200_000, 1_000_000])
def test_a_long_text_is_no_reason_to_refuse(read, size):
    """A10: below the limit of a line."""
    raw = HEADER + f'r0,0,"{"x" * size}"\nr1,1,five\n'
    assert [len(row["text"]) for row in read("a.csv", raw.encode())] == [size, 4]


def test_a_text_of_several_lines_stays_whole(read):
    """A10: also where it holds delimiters and doubled quotes."""
    raw = HEADER + 'r0,0,"one, ""two""\nand three\n\nfour"\nr1,1,five\n'
    assert [row["text"] for row in read("a.csv", raw.encode())] == [
        'one, "two"\nand three\n\nfour',
        "five",
    ]


def test_quotes_may_be_escaped_by_backslashes(read):
    """A10: read whole, never cut at the quote."""
    raw = HEADER + 'r0,0,"said \\"never\\", and left"\nr1,1,"ends so \\""\n'
    assert [row["text"] for row in read("a.csv", raw.encode())] == [
        'said "never", and left',
        'ends so "',
    ]


def test_a_lone_carriage_return_is_a_blank(read):
    """A10: within a row of a file whose lines end otherwise."""
    raw = HEADER + "r0,0,one\rtwo\nr1,1,three\n"
    assert [row["text"] for row in read("a.csv", raw.encode())] == ["one two", "three"]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.parquet"])
def test_a_table_without_its_header_is_refused_without_a_word_of_it(tmp_path, read, name):
    """A10, E33: the first row may be a person's."""
    path = tmp_path / name
    if name.endswith("parquet"):
        pq.write_table(pa.table({"Mila": ["x"], "hip": ["y"], "id": ["z"]}), path)
    raw = path.read_bytes() if path.exists() else b"Mila,a hip operation,id\n".replace(b",", b"\t" if name == "a.tsv" else b",")  # fmt: skip
    with pytest.raises(SourceUnreadable) as error:
        read(name, raw)
    assert str(error.value) == (
        f"{name} has no column at; its first row has 3 values, among them id:"
        " is the row with the names of the columns missing?"
    )


@pytest.mark.parametrize(
    "raw", [json.dumps({"reviews": ROWS}), json.dumps({"reviews": ROWS}, indent=2)]
)
def test_an_object_around_the_items_is_refused_whole(read, raw):
    """A10: with what to do."""
    with pytest.raises(SourceUnreadable, match=r"^a\.json holds one JSON object .*jq -c"):
        read("a.json", raw.encode())


def test_one_object_on_one_line_is_a_line(read):
    """A10."""
    assert read("a.json", json.dumps(ROWS[0]).encode()) == [ROWS[0]]


def test_an_array_that_breaks_off_is_read_as_far_as_it_goes(tmp_path):
    """A10."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps(ROWS)[:-30])
    found = []
    with pytest.raises(Truncated):  # noqa: PT012
        for line in read_lines(fsspec.filesystem("file"), str(path)):
            found.append(json.loads(line))  # noqa: PERF401, until it raises
    assert found == ROWS[:3]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0")), min_size=3, max_size=3),
        max_size=5,
    )
)  # fmt: skip
def test_whatever_a_good_writer_wrote_is_read(tmp_path_factory, rows):
    """A10: by the rules of RFC 4180, in any text."""
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    cells = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    path.write_bytes((HEADER + "".join(line + "\n" for line in cells)).encode())
    found = [
        json.loads(line)
        for line in read_lines(
            fsspec.filesystem("file"), str(path), columns=Columns(WANTED), is_item=lambda _: False
        )
    ]
    expected = [
        {name: cell for name, cell in zip(("id", "at", "text"), row, strict=True) if cell}
        for row in rows
    ]
    assert found == expected


def test_an_unknown_packing_is_no_table(read):
    """A10: it is refused by its first lines."""
    assert all(isinstance(each, tuple) for each in read("a.jsonl", bz2.compress(b"x" * 100)))


def test_a_line_feed_far_down_an_old_file_ends_a_line(read):
    """A10: no line that is landed holds one."""
    raw = as_lines(ROWS * 4_000, end="\r") + as_lines()
    assert read("a.jsonl", raw.encode()) == ROWS * 4_001


@pytest.mark.parametrize("packing", [".gz", ".zst"])
@pytest.mark.parametrize("raw", [b"", b"\x1f\x8b", b"\x28"])
def test_a_packed_file_without_a_frame_is_cut(read, packing, raw):
    """A10: a download that never began holds no silence."""
    with pytest.raises(Truncated):
        read(f"a.jsonl{packing}", raw)


def test_a_value_that_looks_like_our_own_mark_is_a_value(read):
    """E33: no word of it is in a message."""
    raw = as_csv() + "\x00too long: hip operation,1,x\n"
    assert read("a.csv", raw.encode())[-1]["id"] == "\x00too long: hip operation"


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
@pytest.mark.parametrize("twice", ["id", "text"])
def test_a_column_that_is_read_may_stand_there_once(tmp_path, read, name, twice):
    """A10: which of the two is meant is not known; others may be there twice."""
    columns = Columns(WANTED, ("id", "at", "text"))

    def raw_of(name_of_last):
        names, values = ["id", "at", "text", "x", name_of_last], ["a", "5", "words", "y", "z"]
        if name.endswith("csv"):
            return f"{','.join(names)}\n{','.join(values)}\n".encode()
        pq.write_table(pa.Table.from_arrays([pa.array([v]) for v in values], names), tmp_path / "t")
        return (tmp_path / "t").read_bytes()

    assert read(name, raw_of("x"), columns=columns)[0]["text"] == "words"
    with pytest.raises(SourceUnreadable, match=rf"^{name} has more than one column {twice}"):
        read(name, raw_of(twice), columns=columns)


AT = 1772359200


@pytest.mark.parametrize(
    ("column", "values", "text"),
    [
        ("at", pa.array([AT * 10**9 + 1] * 2, pa.timestamp("ns")), "2026-03-01 10:00:00.000000001"),
        ("at", pa.array([AT * 1000, 2**62], pa.timestamp("ms")), "2026-03-01 10:00:00.000"),
        ("at", pa.array([AT * 1000, -(2**62)], pa.timestamp("ms")), "2026-03-01 10:00:00.000"),
        ("day", pa.array([20_000, 2**30], pa.date32()), "2024-10-04"),
        ("took", pa.array([1, 2**62], pa.duration("s")), "1"),
        ("text", pa.array([b"caf\xc3\xa9", b"\xff"]), "caf\u00e9"),
    ],
    ids=["nanoseconds", "far", "long ago", "far day", "long", "bytes"],
)
def test_an_odd_value_of_a_table_costs_the_value(tmp_path, read, column, values, text):
    """A10: and neither its row nor the file."""
    columns = {"id": ["a", "b"], "at": [AT, AT], column: values}
    pq.write_table(pa.table(columns), tmp_path / "t")
    rows = read("a.parquet", (tmp_path / "t").read_bytes())
    assert [row["id"] for row in rows] == ["a", "b"]
    assert rows[0][column] == text


def test_a_damaged_page_is_damage_of_its_file(tmp_path, read):
    """A10: it does not pass by itself, so that nobody waits for it."""
    pq.write_table(pa.table({"id": ["a" * 100], "at": [AT]}), tmp_path / "t")
    raw = bytearray((tmp_path / "t").read_bytes())
    raw[20:28] = b"\xff" * 8
    with pytest.raises(pa.ArrowException):
        read("a.parquet", bytes(raw))
