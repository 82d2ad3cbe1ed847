"""Line formats: where in the JSON of a line each field of bronze stands, and in which unit."""

import functools
import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import polars as pl
from polars_hash import CryptographicHashingNameSpace
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)

from market_opinion.core import values
from market_opinion.core.polars_types import UTC_TIME
from market_opinion.storage.json_line import KEPT_ID, object_of
from market_opinion.storage.json_paths import (
    Leaf,
    Tree,
    alternatives,
    dtype_of,
    getter,
    joined,
    leaf_of,
    names_in,
    read,
    struct_of,
    text_at,
    tree_of,
    value_at,
)

# Syntax of a path: see `json_paths`.
Path = Annotated[str, StringConstraints(min_length=1)]
Paths = Annotated[
    tuple[Path, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)
]
_HASH_CHARACTERS = 32
_STARS = (1.0, 5.0)
YES, NO = ["true", "yes", "y", "1"], ["false", "no", "n", "0"]


class Place(NamedTuple):
    """Place of a line: its community, if it names one, and its time in seconds since 1970."""

    community: str | None
    seconds: float


class ItemFields(NamedTuple):
    """Fields of one decoded line, as bronze has them; None for a missing one."""

    item_id: str
    thread_id: str | None
    author: Any
    title: Any
    body: Any
    votes: Any
    reply_count: Any


_TEXT, _WHOLE, _NUMBER, _FLAG = map(leaf_of, ("text", "whole", "number", "flag"))
_LENIENT = Leaf(str | int | float | None, pl.String)
_NAME = Leaf(str | int | None, pl.String)
# Read as text, since there are many forms of it.
_TIME = leaf_of("utc")._replace(polars=pl.String)


class LineFormat(BaseModel):
    """Paths of the fields in lines of one kind; a field without a path is null.

    Several paths of an id become one hash, several paths of a body its paragraphs. For example::

        LineFormat(item_id="id", created_at="at", author="user.name", body=("pros", "cons"))
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    item_id: Paths = Field(min_length=1)
    created_at: Path
    time: Literal["epoch", "iso"] | Annotated[str, StringConstraints(pattern="%")] = Field(
        "epoch",
        description="Seconds or milliseconds since 1970, ISO 8601, or a format of strptime;"
        " in UTC where no zone is given.",
    )
    retrieved_at: Path | None = None
    community: Path | None = None
    thread_id: Path | None = None
    parent_id: Path | None = None
    author: Path | None = None
    title: Path | None = None
    body: Paths = ()
    votes: Path | None = None
    reply_count: Path | None = None
    rating: Path | None = None
    rating_range: tuple[float, float] = Field(
        _STARS, description="The lowest and the highest rating, which become 1 and 5."
    )
    is_recommended: Path | None = Field(
        None, description="Yes and no instead of a rating, which become 5 and 1."
    )
    prefixes: tuple[str, ...] = Field((), description="Removed from the start of ids.")
    is_lenient: bool = Field(
        default=False, description="Numbers may come as text, and ids as numbers."
    )
    is_base36: bool = Field(
        default=False, description="An id that comes as a number is meant in base 36, as Reddit's."
    )

    @field_validator("rating_range")
    @classmethod
    def _lowest_first(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] >= value[1]:
            message = "the lowest rating comes first"
            raise ValueError(message)
        return value

    @functools.cached_property
    def line_type(self) -> type[msgspec.Struct]:
        """The struct that a line has to decode as."""
        return struct_of(self._tree)

    @functools.cached_property
    def dtype(self) -> pl.Struct:
        """The type that Polars decodes a line as."""
        return dtype_of(self._tree)

    def columns(self, line: pl.Expr, kind: str) -> dict[str, pl.Expr]:
        """Return bronze's columns of decoded lines.

        A value is null where the line has none, or one of another type.
        """
        item_id = self._item_id(line)
        own_thread = item_id if kind == "submission" else pl.lit(None, pl.String)
        return {
            "item_id": item_id,
            "thread_id": self._id(line, self.thread_id) if self.thread_id else own_thread,
            "created_at": self._moment(value_at(line, self.created_at)),
            "parent_id": self._id(line, self.parent_id)
            if self.parent_id
            else pl.lit(None, pl.String),
            "author": text_at(line, self.author),
            "title": text_at(line, self.title),
            "body": joined([value_at(line, path) for path in self.body]),
            "votes": self._count(line, self.votes),
            "reply_count": self._count(line, self.reply_count),
            "rating": self._rating(line),
            "retrieved_at": self._moment(text_at(line, self.retrieved_at)),
        }

    def unreadable(self, line: pl.Expr) -> pl.Expr:
        """Return the columns whose value is there and cannot be read, parted by commas."""
        typed = {
            "votes": (self.votes, self._count(line, self.votes)),
            "reply_count": (self.reply_count, self._count(line, self.reply_count)),
            "rating": (self.is_recommended or self.rating, self._rating(line)),
        }
        checks = [
            pl.when(_is_there(value_at(line, path)) & value.is_null()).then(pl.lit(name))
            for name, (path, value) in typed.items()
            # What a decoder has typed is null only where nothing is there.
            if path and (self.is_lenient or name == "rating")
        ]
        return pl.concat_str(checks, separator=",", ignore_nulls=True) if checks else pl.lit("")

    def may_repeat(self, lines: pl.Series) -> pl.Series:
        """Return whether each line may have a name twice that is read.

        The texts alone are looked at, so a name may be that of another object, and no name at all.
        """
        line, names = pl.col("line"), sorted(names_in(self._tree))
        tests = [
            line.str.count_matches(f'"{name}"', literal=True) > 1
            for name in names
            if _is_bare(name)
        ]
        # A letter of a name may be written by its number.
        escape = r"\\u00[2-7]" if all(map(_is_bare, names)) else "\\"
        tests.append(line.str.contains(escape, literal=escape == "\\"))
        return lines.to_frame("line").select(pl.any_horizontal(tests)).to_series()

    def time_text(self, line: pl.Expr) -> pl.Expr:
        """Return the item's time as it was written."""
        return value_at(line, self.created_at).cast(pl.String)

    def is_time_number(self, line: pl.Expr) -> pl.Expr:
        """Return whether the item's time is a number, and meant to be one."""
        number = self.time_text(line).cast(pl.Float64, strict=False)
        return number.is_not_null() & pl.lit(self.time == values.EPOCH)

    @functools.cached_property
    def place(self) -> Callable[[bytes], Place | None]:
        """Function from a line to its place; it returns None for a line that it cannot read."""
        paths = {self.created_at: _TIME} | ({self.community: _NAME} if self.community else {})
        tree = tree_of(paths)
        decode = msgspec.json.Decoder(struct_of(tree)).decode
        created, community = getter(tree, self.created_at), getter(tree, self.community)

        def place(line: bytes) -> Place | None:
            try:
                decoded = decode(line)
            except (msgspec.DecodeError, ValueError, RecursionError):
                return self._odd_place(line)
            seconds = values.seconds_of(created(decoded), self.time)
            return None if seconds is None else Place(_named(community(decoded)), seconds)

        return place

    def _odd_place(self, line: bytes) -> Place | None:
        """Return the place of a line that the fast decoder does not take."""
        if (fields := object_of(line)) is None:
            return None
        seconds = values.seconds_of(read(fields, self.created_at), self.time)
        community = read(fields, self.community) if self.community else None
        if seconds is None or isinstance(community, bool | list | dict):
            return None
        return Place(_named(community), seconds)

    @property
    def is_hashed(self) -> bool:
        """Whether items have no id of their own and get a hash of several fields."""
        return len(self.item_id) > 1

    def key(self, fields: Mapping[str, Any]) -> str:
        """Return the item id of one decoded line, as in `columns`; empty without an id."""
        if not self.is_hashed:
            return self.bare_id(read(fields, self.item_id[0])) or ""
        parts = [read(fields, path) for path in self.item_id]
        hashed = (
            ""
            if None in parts
            else hashlib.sha256("\n".join(map(_part, parts)).encode()).hexdigest()[
                :_HASH_CHARACTERS
            ]
        )
        return str(fields.get(KEPT_ID) or hashed)

    def item_fields(self, fields: Mapping[str, Any]) -> ItemFields:
        """Return the fields of one decoded line, without a check of their types."""

        def at(path: str | None) -> Any:  # noqa: ANN401, of JSON
            return read(fields, path) if path else None

        parts = [part for path in self.body if (part := at(path)) is not None]
        body = "\n".join(map(str, parts)) if len(parts) > 1 else next(iter(parts), None)
        thread = self.bare_id(at(self.thread_id))
        return ItemFields(
            self.key(fields),
            thread,
            self.author_text(at(self.author)),
            at(self.title),
            body,
            at(self.votes),
            at(self.reply_count),
        )

    def bare_id(self, value: object) -> str | None:
        """Return an id as text without the prefixes of the platform; None for what is none.

        Programs that write tables of text write `nan` or `None` for a missing id.
        """
        text = self.id_text(value)
        if self.is_lenient and text is not None and text.strip().lower() in values.ABSENT:
            return None
        return None if text is None else functools.reduce(str.removeprefix, self.prefixes, text)

    def id_text(self, value: object) -> str | None:
        """Return an id as text; a whole number is the id in base 36 or as it stands."""
        if isinstance(value, str):
            return value
        number = values.number_of(value)
        if number is None or number != int(number) or (self.is_base36 and number < 0):
            return None
        whole = value if isinstance(value, int) else int(number)
        return values.in_base36(whole) if self.is_base36 else str(whole)

    def author_text(self, value: object) -> str | None:
        """Return the author's name; that of an account written as an object is its `name`."""
        name = value.get("name") if isinstance(value, Mapping) else value
        return name if isinstance(name, str) else None

    @property
    def identity_paths(self) -> list[str]:
        """Paths of ids, times, community and position in the thread."""
        own = (KEPT_ID,) if self.is_hashed else self.item_id
        return alternatives(
            *own, self.created_at, self.retrieved_at, self.community, self.thread_id, self.parent_id
        )

    @property
    def content_paths(self) -> list[str]:
        """Paths of the fields that hold words, author, place and numbers of an item."""
        return [
            *alternatives(self.thread_id, self.parent_id, self.author, self.title, *self.body),
            *self.number_paths,
        ]

    @property
    def number_paths(self) -> list[str]:
        """Paths of counts and ratings."""
        return alternatives(self.votes, self.reply_count, self.rating, self.is_recommended)

    @property
    def _tree(self) -> Tree:
        """Types of all fields that are read from a line."""
        an_id = Leaf(str | None if self.is_base36 else str | int | None, pl.String)
        count = _LENIENT if self.is_lenient else _WHOLE
        leaves = {
            **dict.fromkeys((self.retrieved_at,), _TIME),
            **dict.fromkeys(
                (self.author, self.title, *self.body), _LENIENT if self.is_lenient else _TEXT
            ),
            **dict.fromkeys((self.votes, self.reply_count), count),
            self.rating: _LENIENT if self.is_lenient else _NUMBER,
            self.is_recommended: Leaf(bool | str | int | None, pl.String)
            if self.is_lenient
            else _FLAG,
            **dict.fromkeys((self.thread_id, self.parent_id), an_id),
            self.created_at: _TIME._replace(python=float | str, is_required=True)
            if "|" not in self.created_at
            else _TIME,
        }
        if self.is_hashed:
            leaves |= {**dict.fromkeys(self.item_id, _LENIENT), KEPT_ID: _TEXT}
        elif self.item_id[0] not in {self.thread_id, self.parent_id}:
            leaves[self.item_id[0]] = Leaf(
                str | int if self.is_lenient else str, pl.String, is_required=True
            )
        return tree_of({path: leaf for path, leaf in leaves.items() if path})

    def _item_id(self, line: pl.Expr) -> pl.Expr:
        if not self.is_hashed:
            return self._id(line, self.item_id[0])
        parts = pl.concat_str([value_at(line, path) for path in self.item_id], separator="\n")
        hashed = CryptographicHashingNameSpace(parts).sha2_256().str.head(_HASH_CHARACTERS)
        return pl.coalesce(value_at(line, KEPT_ID), hashed)

    def _id(self, line: pl.Expr, path: str) -> pl.Expr:
        text = value_at(line, path)
        if self.is_lenient:
            text = pl.when(_is_there(text)).then(text)
        for prefix in self.prefixes:
            text = text.str.strip_prefix(prefix)
        return text

    def _count(self, line: pl.Expr, path: str | None) -> pl.Expr:
        if path is None:
            return pl.lit(None, pl.Int64)
        value = value_at(line, path)
        if self.is_lenient:
            number = values.numbers(value)
            # `1.234` is 1234 to some and no count to others.
            value = pl.when(number == number.floor()).then(number)
        return value.cast(pl.Int64, strict=False)

    def _rating(self, line: pl.Expr) -> pl.Expr:
        if self.is_recommended:
            answer = value_at(line, self.is_recommended).cast(pl.String).str.to_lowercase()
            return pl.when(answer.is_in(YES)).then(_STARS[1]).when(answer.is_in(NO)).then(_STARS[0])
        if self.rating is None:
            return pl.lit(None, pl.Float64)
        low, high = self.rating_range
        rating = values.ratings(value_at(line, self.rating), low, high)
        if (low, high) == _STARS:
            return rating
        return _STARS[0] + (rating - low) / (high - low) * (_STARS[1] - _STARS[0])

    def _moment(self, value: pl.Expr) -> pl.Expr:
        """Return times; null for a value that is no time of the years 1 to 9999."""
        seconds = values.times(value.cast(pl.String), self.time)
        return (seconds * 1_000_000).round().cast(pl.Int64, strict=False).cast(UTC_TIME)


def _named(community: str | float | None) -> str | None:
    """Return the name of a community, which may be named by a number."""
    return values.digits_of(community) if isinstance(community, int | float) else community


def _part(value: object) -> str:
    """Return a part of a hashed id as bronze writes it."""
    if isinstance(value, float) and math.isfinite(value):
        return values.digits_of(value)
    return str(value)


def _is_bare(name: str) -> bool:
    """Return whether a name in JSON needs no backslash, unless a letter has its number."""
    return name.isascii() and not set('"\\/') & set(name)


def _is_there(value: pl.Expr) -> pl.Expr:
    text = value.cast(pl.String).str.strip_chars().str.to_lowercase()
    return value.is_not_null() & ~text.is_in(sorted(values.ABSENT))
