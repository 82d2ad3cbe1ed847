"""Texts as the model reads them: tokens with marks, clauses, names, and what rules say of each."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from market_opinion.domain.definition import BRAND_ROW, Domain
from market_opinion.scorers.clauses import Clause, Cue, CueFinder, clauses_of
from market_opinion.scorers.local.heads import CLAUSE_FEATURES, NAMED_FEATURES, REFERRED_FEATURES
from market_opinion.stages.naming import Namer, Naming, namer_of

TITLE_TOKENS_MAX, WINDOW_TOKENS_MAX = 32, 190
TEXT, TITLE, NAME, NAME_IN_TITLE = range(4)
_CLS, _SEP = 101, 102
_NAMES_MAX = 12

_FIRST_PERSON = re.compile(r"\b(?:i|i'?m|i'?ve|my|mine|me|we|our)\b", re.IGNORECASE)
_DEICTIC = re.compile(r"\b(?:this|that|it|its|it's|these|they|the phone|one)\b", re.IGNORECASE)
_UNREAL = re.compile(
    r"\b(?:if|would|wish|hope|could|should|want|need|unless|rumou?r\w*|imagine)\b", re.IGNORECASE
)

Floats = NDArray[np.float32]


class Item(NamedTuple):
    """One text to be judged: what it says, the title of its thread, and the community it stands in."""

    text: str
    title: str
    community: str


@dataclass
class Window:
    """A stretch of an item's text that the model reads at once, after its title."""

    item: int
    ids: list[int]
    marks: list[int]
    clauses: list[Clause]
    clause_tokens: list[tuple[int, int]]
    names: list[Naming]
    name_tokens: list[tuple[int, int]]
    clause_features: Floats
    named_features: Floats
    referred_features: Floats
    extra: dict[str, Any] = field(default_factory=dict)


class Reader:
    """Turns items of one domain into windows; the same item always gives the same windows."""

    def __init__(self, domain: Domain, tokenizer: Tokenizer) -> None:
        """Compile what the domain's rules look for."""
        self.aspects = list(domain.aspects)
        self._overall = self.aspects.index(domain.overall_aspect)
        self._cues = CueFinder(domain)
        self._namer: Namer = namer_of(domain)
        self._tokenizer = tokenizer
        self._vader = SentimentIntensityAnalyzer()
        self._rows = {p.product_id for p in domain.products if p.category == BRAND_ROW}
        self._owners = {each.lower() for brand in domain.brands.values() for each in brand.owners}

    def read(self, number: int, item: Item) -> list[Window]:
        """Return the windows of an item; none for a text without a clause."""
        clauses = clauses_of(item.text)
        if not clauses:
            return []
        names = self._namer.names(item.text, title=item.title, community=item.community)[
            :_NAMES_MAX
        ]
        in_title = self._namer.names(item.title, community=item.community)
        head_ids, head_marks = self._head(item.title, in_title)
        encoded = self._tokenizer.encode(item.text, add_special_tokens=False)
        cues, title_cues = (
            self._cues.find(item.text),
            {cue.aspect for cue in self._cues.find(item.title)},
        )
        windows = []
        for part in _parts(clauses, encoded.offsets):
            first, last = part.first_token, part.last_token
            shift = len(head_ids) - first
            within = [name for name in names if part.start <= name.start < part.end]
            spans = [_tokens_of(encoded.offsets, name.start, name.end) for name in within]
            marks = [TEXT] * (last - first)
            for begin, end in spans:
                for at in range(max(begin, first), min(end, last)):
                    marks[at - first] = NAME
            windows.append(
                Window(
                    item=number,
                    ids=[*head_ids, *encoded.ids[first:last], _SEP],
                    marks=[*head_marks, *marks, TEXT],
                    clauses=list(part.clauses),
                    clause_tokens=[(a + shift, b + shift) for a, b in part.clause_tokens],
                    names=within,
                    name_tokens=[(a + shift, b + shift) for a, b in spans],
                    clause_features=self._clause_features(
                        item, part.clauses, cues, title_cues, names
                    ),
                    named_features=self._named_features(item, within, names, in_title),
                    referred_features=self._referred_features(item, names, in_title, cues),
                )
            )
        return windows

    def _head(self, title: str, names: Sequence[Naming]) -> tuple[list[int], list[int]]:
        """Return the tokens before the text: the title, cut."""
        if not title:
            return [_CLS], [TEXT]
        encoded = self._tokenizer.encode(title, add_special_tokens=False)
        ids = encoded.ids[:TITLE_TOKENS_MAX]
        marks = [TITLE] * len(ids)
        for name in names:
            begin, end = _tokens_of(encoded.offsets, name.start, name.end)
            for at in range(begin, min(end, len(ids))):
                marks[at] = NAME_IN_TITLE
        return [_CLS, *ids, _SEP], [TEXT, *marks, TITLE]

    def _clause_features(
        self,
        item: Item,
        clauses: Sequence[Clause],
        cues: Sequence[Cue],
        title_cues: set[str],
        names: Sequence[Naming],
    ) -> Floats:
        features = np.zeros((len(clauses), len(self.aspects), CLAUSE_FEATURES), np.float32)
        in_text = {cue.aspect for cue in cues}
        for k, clause in enumerate(clauses):
            start, end = clause.span
            words = item.text[start:end]
            sentence = item.text[clause.sentence.start : clause.sentence.end]
            in_clause = [cue.aspect for cue in cues if start <= cue.start < end]
            in_sentence = {
                cue.aspect
                for cue in cues
                if clause.sentence.start <= cue.start < clause.sentence.end
            }
            tone = self._vader.polarity_scores(words)
            shared = (
                tone["compound"],
                tone["pos"],
                tone["neg"],
                float(any(start <= name.start < end for name in names)),
                float(sentence.rstrip().endswith("?")),
                math.log1p(len(words)) / 4,
                float(bool(_FIRST_PERSON.search(sentence))),
                float(bool(_UNREAL.search(sentence))),
            )
            for a, aspect in enumerate(self.aspects):
                own = in_clause.count(aspect)
                features[k, a] = (
                    min(own, 2) / 2,
                    float(aspect in in_sentence),
                    float(aspect in in_text),
                    float(aspect in title_cues),
                    min(len(in_clause) - own, 3) / 3,
                    float(a == self._overall),
                    *shared,
                )
        return features

    def _named_features(
        self, item: Item, within: Sequence[Naming], names: Sequence[Naming], title: Sequence[Naming]
    ) -> Floats:
        features = np.zeros((len(within), NAMED_FEATURES), np.float32)
        titled = {name.product_id for name in title}
        for n, name in enumerate(within):
            is_row = name.product_id in self._rows
            features[n] = (
                float(is_row),
                float(name.is_unknown_model),
                float(name.is_company),
                float(name.product_id in titled),
                math.log1p(len(names)) / 2,
                float(item.community.lower() in self._owners),
                math.log1p(len(item.text)) / 7,
                float(bool(_FIRST_PERSON.search(item.text))),
            )
        return features

    def _referred_features(
        self, item: Item, names: Sequence[Naming], title: Sequence[Naming], cues: Sequence[Cue]
    ) -> Floats:
        titled = {name.product_id for name in title}
        return np.array(
            (
                float(len(titled) == 1),
                float(bool(titled) and not titled & self._rows),
                float(item.community.lower() in self._owners),
                float(bool(names)),
                float(bool(_FIRST_PERSON.search(item.text))),
                float(bool(_DEICTIC.search(item.text))),
                min(len(cues), 3) / 3,
                float(item.text.rstrip().endswith("?")),
            ),
            np.float32,
        )[:REFERRED_FEATURES]


class _Part(NamedTuple):
    """Clauses that fit into one window, and their tokens."""

    clauses: list[Clause]
    clause_tokens: list[tuple[int, int]]

    @property
    def start(self) -> int:
        return self.clauses[0].span.start

    @property
    def end(self) -> int:
        return self.clauses[-1].span.end

    @property
    def first_token(self) -> int:
        return self.clause_tokens[0][0]

    @property
    def last_token(self) -> int:
        return self.clause_tokens[-1][1]


def _parts(clauses: Sequence[Clause], offsets: Sequence[tuple[int, int]]) -> Iterator[_Part]:
    """Yield the clauses in groups of at most WINDOW_TOKENS_MAX tokens; a longer clause is cut."""
    part = _Part([], [])
    for clause in clauses:
        begin, end = _tokens_of(offsets, clause.span.start, clause.span.end)
        if begin == end:
            continue
        end = min(end, begin + WINDOW_TOKENS_MAX)
        if part.clauses and end - part.first_token > WINDOW_TOKENS_MAX:
            yield part
            part = _Part([], [])
        part.clauses.append(clause)
        part.clause_tokens.append((begin, end))
    if part.clauses:
        yield part


def _tokens_of(offsets: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, int]:
    """Return the tokens `[first, last)` that stand in a stretch of characters."""
    first, last = len(offsets), 0
    low, high = 0, len(offsets)
    while low < high:
        middle = (low + high) // 2
        if offsets[middle][1] <= start:
            low = middle + 1
        else:
            high = middle
    first = low
    last = first
    while last < len(offsets) and offsets[last][0] < end:
        last += 1
    return first, last
