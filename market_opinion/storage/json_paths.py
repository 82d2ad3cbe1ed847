r"""Fields of JSON lines by their paths, for msgspec, for Polars and for what is decoded already.

A path is names parted by dots; `a|b` is the first of the two that is there, `\.` a dot that is part of a name.
"""

import functools
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import polars as pl

Tree = dict[str, Any]


class Leaf(NamedTuple):
    """What one field is decoded as, by msgspec and by Polars."""

    python: Any
    polars: pl.DataType | type[pl.DataType]
    is_required: bool = False


def alternatives(*paths: str | None) -> list[str]:
    """The alternatives of those that are told, one by one."""
    return [each for path in paths if path for each in path.split("|")]


def read(fields: Mapping[str, Any], path: str) -> Any:
    """What stands at a path of a decoded line; None where nothing does."""
    for each in path.split("|"):
        found: Any = fields
        for part in parts_of(each):
            found = found.get(part) if isinstance(found, Mapping) else None
        if found is not None:
            return found
    return None


def write(fields: dict[str, Any], path: str, value: object) -> None:
    """Put a value at a path of a decoded line, at the alternative that is there or else at the first."""
    ways = path.split("|")
    *above, name = parts_of(
        next((each for each in ways if read(fields, each) is not None), ways[0])
    )
    node = fields
    for part in above:
        node = node[part] if isinstance(node.get(part), dict) else node.setdefault(part, {})
    node[name] = value


def parts_of(path: str) -> list[str]:
    """The names of one path, outermost first."""
    return [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", path)]


def tree_of(leaves: Mapping[str, Leaf]) -> Tree:
    """Fields by name, those of nested objects as a tree of their own; the last word on a field counts."""
    tree: Tree = {}
    for path, leaf in leaves.items():
        for each in path.split("|"):
            *above, name = parts_of(each)
            functools.reduce(lambda node, part: node.setdefault(part, {}), above, tree)[name] = leaf
    return tree


def struct_of(tree: Tree) -> type[msgspec.Struct]:
    """The tree as msgspec decodes it; fields are called by their order, since names of JSON need be none of Python."""
    fields: list[Any] = []
    for n, (name, below) in enumerate(tree.items()):
        named = (
            msgspec.field(name=name)
            if isinstance(below, Leaf) and below.is_required
            else msgspec.field(default=None, name=name)
        )
        fields.append(
            (f"f{n}", below.python if isinstance(below, Leaf) else struct_of(below) | None, named)
        )
    return msgspec.defstruct("Line", fields, kw_only=True, gc=False)


def dtype_of(tree: Tree) -> pl.Struct:
    """The tree as Polars decodes it."""
    return pl.Struct(
        {
            name: below.polars if isinstance(below, Leaf) else dtype_of(below)
            for name, below in tree.items()
        }
    )


def getter(tree: Tree, path: str | None) -> Callable[[Any], Any]:
    """Reads the first alternative of a path that is there in what was decoded as the tree's struct; None where none is."""
    getters: list[Callable[[Any], Any]] = []
    for each in path.split("|") if path else ():
        node, names = tree, []
        for part in parts_of(each):
            names.append(f"f{list(node).index(part)}")
            node = node[part]
        getters.append(operator.attrgetter(".".join(names)))

    def first_there(found: object) -> Any:
        for get in getters:
            try:
                value = get(found)
            except AttributeError:  # the object above is not there
                continue
            if value is not None:
                return value
        return None

    is_simple = path in tree
    return getters[0] if is_simple else first_there


def value_at(line: pl.Expr, path: str) -> pl.Expr:
    """What stands at a path of decoded lines."""
    values = [
        functools.reduce(lambda value, part: value.struct.field(part), parts_of(each), line)
        for each in path.split("|")
    ]
    return values[0] if len(values) == 1 else pl.coalesce(values)


def text_at(line: pl.Expr, path: str | None) -> pl.Expr:
    """The same, or null texts for no path."""
    return value_at(line, path) if path else pl.lit(None, pl.String)


def joined(parts: list[pl.Expr]) -> pl.Expr:
    """Several texts put together by line breaks, without those that are not there."""
    if not parts:
        return pl.lit(None, pl.String)
    return parts[0] if len(parts) == 1 else pl.concat_str(parts, separator="\n", ignore_nulls=True)
