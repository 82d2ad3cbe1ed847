r"""Fields of JSON lines by their paths, for msgspec, for Polars and for decoded objects.

A path is names separated by dots; `a|b` is the first of two that has a value, `\.` a dot in a name.
For example, `user.name` reads "ann" in `{"user": {"name": "ann"}}`, and so does `author|user.name`.
"""

import functools
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import polars as pl

from market_opinion.core.column_types import TYPES

Tree = dict[str, Any]


class Leaf(NamedTuple):
    """Types of one field, for msgspec and for Polars."""

    python: Any
    polars: pl.DataType | type[pl.DataType]
    is_required: bool = False


def leaf_of(word: str) -> Leaf:
    """Return the leaf of a field that may be missing, by a word of the table of types."""
    return Leaf(TYPES[word].json | None, TYPES[word].polars)


def alternatives(*paths: str | None) -> list[str]:
    """Return the alternatives of all paths that are given, one by one."""
    return [each for path in paths if path for each in path.split("|")]


def read(fields: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401, of JSON
    """Return the value at a path of a decoded line; None where there is none."""
    for each in path.split("|"):
        value: Any = fields
        for part in parts_of(each):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return None


def write(fields: dict[str, Any], path: str, value: object) -> None:
    """Set a path of a decoded line: the alternative that has a value, else the first one."""
    ways = path.split("|")
    *above, name = parts_of(
        next((each for each in ways if read(fields, each) is not None), ways[0])
    )
    node = fields
    for part in above:
        node = node[part] if isinstance(node.get(part), dict) else node.setdefault(part, {})
    node[name] = value


def parts_of(path: str) -> list[str]:
    """Return the names of one path, outermost first."""
    return [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", path)]


def tree_of(leaves: Mapping[str, Leaf]) -> Tree:
    """Return the leaves by name, with a tree for each nested object.

    Of several leaves with the same path, the last one counts.
    """
    tree: Tree = {}
    for path, leaf in leaves.items():
        for each in path.split("|"):
            *above, name = parts_of(each)
            functools.reduce(lambda node, part: node.setdefault(part, {}), above, tree)[name] = leaf
    return tree


def names_in(tree: Tree) -> set[str]:
    """Return all names in the tree, whatever their depth."""
    below = (names_in(each) for each in tree.values() if not isinstance(each, Leaf))
    return set(tree).union(*below)


def struct_of(tree: Tree) -> type[msgspec.Struct]:
    """Return the tree as a struct of msgspec.

    Its fields are called `f0`, `f1` and so on, since a name in JSON may be none in Python.
    """
    fields: list[Any] = []
    for n, (name, below) in enumerate(tree.items()):
        field = (
            msgspec.field(name=name)
            if isinstance(below, Leaf) and below.is_required
            else msgspec.field(default=None, name=name)
        )
        fields.append(
            (f"f{n}", below.python if isinstance(below, Leaf) else struct_of(below) | None, field)
        )
    return msgspec.defstruct("Line", fields, kw_only=True, gc=False)


def dtype_of(tree: Tree) -> pl.Struct:
    """Return the tree as a struct of Polars."""
    return pl.Struct(
        {
            name: below.polars if isinstance(below, Leaf) else dtype_of(below)
            for name, below in tree.items()
        }
    )


def getter(tree: Tree, path: str | None) -> Callable[[Any], Any]:
    """Return a function that reads the first alternative of a path from the tree's struct.

    The function returns None where no alternative has a value.
    """
    getters: list[Callable[[Any], Any]] = []
    for each in path.split("|") if path else ():
        node, names = tree, []
        for part in parts_of(each):
            names.append(f"f{list(node).index(part)}")
            node = node[part]
        getters.append(operator.attrgetter(".".join(names)))

    def first_there(decoded: object) -> Any:  # noqa: ANN401, of JSON
        for get in getters:
            try:
                value = get(decoded)
            except AttributeError:  # the object above is not there
                continue
            if value is not None:
                return value
        return None

    is_simple = path in tree
    return getters[0] if is_simple else first_there


def value_at(line: pl.Expr, path: str) -> pl.Expr:
    """Return the value at a path of decoded lines."""
    values = [
        functools.reduce(lambda value, part: value.struct.field(part), parts_of(each), line)
        for each in path.split("|")
    ]
    return values[0] if len(values) == 1 else pl.coalesce(values)


def text_at(line: pl.Expr, path: str | None) -> pl.Expr:
    """Return the value at a path of decoded lines; null texts where there is no path."""
    return value_at(line, path) if path else pl.lit(None, pl.String)


def joined(parts: list[pl.Expr]) -> pl.Expr:
    """Return several texts put together by line breaks, without those that are null."""
    if not parts:
        return pl.lit(None, pl.String)
    return parts[0] if len(parts) == 1 else pl.concat_str(parts, separator="\n", ignore_nulls=True)
