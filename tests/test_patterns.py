"""Patterns of Python's `re` meet texts of strangers: none takes longer than in proportion to one."""

import ast
import importlib
import inspect
import itertools
import pkgutil
import re
import time
from collections.abc import Iterator
from re import _parser
from typing import Any

import pytest

import market_opinion
from market_opinion.domain.definition import Domain
from market_opinion.scorers.catalogue import scorer_type
from market_opinion.stages.naming import namer_of
from market_opinion.storage.landing import redaction
from tests.conftest import REPOSITORY

# Blanks and ends of lines, digits, letters, quotes and brackets, and what puts words together.
RUNS = (
    " ", "\t", "\n", "\r\n", "\v", "\x1c", "\x85", "\xa0", "\u2028", "\u3000", "\u200b", "7", "a", "A", "_",
    '"', "'", "\\", "(", ")", "[", "]", "{", "}", "<", ">", ".", ",", "!", "?", "/", "@", "-", ":", "&", "#",
    "a ", "1 ", "a.", "a\n", "7.", "7,", "A ", "?\n", ". ", "é",
)  # fmt: skip
SHORT_SIZES, SIZES = (20, 26, 40, 80, 160), (1_250, 10_000)
FLOOR_SECONDS = 0.004
# Twice the text takes twice the time, or four times where it is worse than linear. What looks
# slow is measured again: a busy machine holds up any text once, and a slow pattern is always slow.
RATIO_MAX = 3.0
TRIALS = 4
# How each pattern is used where it is not searched for; a whole match begins at the start alone.
ANCHORED = {"match", "fullmatch"}


def modules() -> list[Any]:
    """Every module of the library but its command line."""
    names = [m.name for m in pkgutil.walk_packages(market_opinion.__path__, "market_opinion.")]
    shown = (name for name in names if not name.endswith(("__main__", "dashboard.app")))
    return [importlib.import_module(name) for name in shown]


def patterns_within(value: Any, seen: dict[int, Any]) -> Iterator[re.Pattern]:
    """Patterns that an object holds, at any depth; `seen` keeps what was looked at."""
    if id(value) in seen:
        return
    seen[id(value)] = value
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        yield from itertools.chain.from_iterable(
            patterns_within(below, seen) for below in list(value.values())
        )
    elif isinstance(value, tuple | list | set | frozenset):
        yield from itertools.chain.from_iterable(patterns_within(below, seen) for below in value)
    elif type(value).__module__.startswith("market_opinion") and not isinstance(value, type):
        fields = {**getattr(value, "__dict__", {})}
        fields |= {n: getattr(value, n, None) for n in getattr(type(value), "__slots__", ())}
        yield from patterns_within(fields, seen)


def uses(tree: ast.AST) -> dict[str, set[str]]:
    """The methods that are called on each name of a module."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.setdefault(node.value.id, set()).add(node.attr)
    return found


def written_in(tree: ast.AST) -> Iterator[tuple[str, re.Pattern]]:
    """Patterns that are written where they are used, with the function that uses them."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="re"), attr=how),
                args=[ast.Constant(value=str() | bytes() as text), *_],
            ) if how not in {"escape", "compile"}:
                yield how, re.compile(text)


def collected(domains: list[Domain]) -> dict[re.Pattern, tuple[str, bool]]:
    """Every pattern, with the place of it and whether it begins at the start of a text alone."""
    found: dict[re.Pattern, tuple[str, bool]] = {}
    seen: dict[int, Any] = {}
    for module in modules():
        tree = ast.parse(inspect.getsource(module))
        used = uses(tree)
        for how, pattern in written_in(tree):
            found.setdefault(pattern, (module.__name__, how in ANCHORED))
        for name, value in list(vars(module).items()):
            is_anchored = bool(used.get(name)) and used[name] <= ANCHORED
            for pattern in patterns_within(value, seen):
                found[pattern] = (f"{module.__name__}.{name}", is_anchored)
    users = frozenset({"calm_reed", "otter", "Mila-77"})
    built = {"redaction": redaction._mentions(users)}
    for domain in domains:
        built |= {
            f"{domain.name}, lexicon": scorer_type("lexicon")(domain),
            f"{domain.name}, names": namer_of(domain),
            domain.name: domain,
        }
    for name, value in built.items():
        for pattern in patterns_within(value, seen):
            found.setdefault(pattern, (name, False))
    return found


def own_characters(pattern: re.Pattern) -> list[str]:
    """The characters that a pattern is written with, one for each class, in their order."""
    text = pattern.pattern
    raw = text.decode("latin1") if isinstance(text, bytes) else text
    return list(characters(_parser.parse(raw, pattern.flags & (re.IGNORECASE | re.VERBOSE))))


def characters(tree: Any) -> Iterator[str]:
    """See `own_characters`."""
    classes = {"CATEGORY_DIGIT": "7", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "w"}
    for operation, value in tree:
        match str(operation):
            case "LITERAL" | "NOT_LITERAL":
                yield chr(value)
            case "RANGE":
                yield chr(value[0])
            case "CATEGORY":
                yield classes.get(str(value), "-")
            case "ANY":
                yield "q"
            case "IN" | "ATOMIC_GROUP":
                yield from characters(value)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                yield from characters(value[2])
            case "SUBPATTERN" | "ASSERT" | "ASSERT_NOT":
                yield from characters(value[-1])
            case "BRANCH":
                yield from itertools.chain.from_iterable(map(characters, value[1]))


def hostile_texts(pattern: re.Pattern) -> Iterator[tuple[str, str, str]]:
    """Beginning, run and end of texts that are hard for a pattern."""
    own = own_characters(pattern)
    alphabet = list(dict.fromkeys(own))[:25]
    pairs = ["".join(pair) for pair in itertools.pairwise(alphabet[:12])]
    words = ["".join(own[:200]), " ".join(own[:200])]
    for run in dict.fromkeys([*RUNS, *alphabet, *pairs, *words]):
        yield "", run, "\0"
        yield "".join(own[:1]), run, "\0"


def seconds(pattern: re.Pattern, text: str, *, is_anchored: bool) -> float:
    """The time of the processor that a pattern takes for a text, whatever else runs."""
    asked = text.encode("latin1", "replace") if isinstance(pattern.pattern, bytes) else text
    began = time.thread_time()
    if is_anchored:
        pattern.fullmatch(asked)
    else:
        for _ in pattern.finditer(asked):
            pass
    return time.thread_time() - began


def growth(pattern: re.Pattern, parts: tuple[str, str, str], *, is_anchored: bool) -> float:
    """How many times as long twice the text takes; 0 where even the longest takes no time."""
    first, run, last = parts

    def fastest(size: int, tries: int) -> float:
        text = first + (run * (size // len(run) + 1))[:size] + last
        return min(seconds(pattern, text, is_anchored=is_anchored) for _ in range(tries))

    for size in SHORT_SIZES:
        if fastest(size, 1) > FLOOR_SECONDS and fastest(size, 3) > FLOOR_SECONDS:
            return float("inf")  # no longer text could be waited for
    for size in SIZES:
        if fastest(size, 1) > FLOOR_SECONDS and (short := fastest(size, 3)) > FLOOR_SECONDS:
            return fastest(2 * size, 2) / short
    return 0.0


def is_slow(pattern: re.Pattern, parts: tuple[str, str, str], *, is_anchored: bool) -> bool:
    """Whether every trial finds a pattern worse than linear for a text of these parts."""
    trials = (growth(pattern, parts, is_anchored=is_anchored) for _ in range(TRIALS))
    return all(ratio > RATIO_MAX for ratio in trials)


@pytest.fixture(scope="module")
def every_pattern(repository_domains) -> dict[re.Pattern, tuple[str, bool]]:
    folders = sorted((REPOSITORY / "domains").glob("*/domain.toml"))
    return collected([repository_domains(path.parent.name) for path in folders])


def test_no_pattern_is_worse_than_linear(every_pattern):
    """38 kB took 13 seconds: a text of a stranger decides nothing of how long a run takes."""
    slow = {}
    for pattern, (place, is_anchored) in every_pattern.items():
        for parts in hostile_texts(pattern):
            if is_slow(pattern, parts, is_anchored=is_anchored):
                slow[place, str(pattern.pattern)[:80]] = parts
                break
    assert not slow


def test_a_pattern_that_is_worse_is_found():
    """The check sees what it is for."""
    for text in (r"\s+$", r"(a+)+b", r"\d+,\d", r"<[^>]*>"):
        pattern = re.compile(text)
        found = (is_slow(pattern, parts, is_anchored=False) for parts in hostile_texts(pattern))
        assert any(found), text


def test_patterns_of_every_kind_are_collected(every_pattern):
    """Of modules, of domains, and those that are written where they are used."""
    places = {place for place, _ in every_pattern.values()}
    assert {"market_opinion.core.values._NUMBER", "redaction", "smartphones, lexicon"} <= places
    assert "market_opinion.domain.definition" in places
