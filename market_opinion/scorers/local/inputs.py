"""Texts as the model reads them: tokens with marks, clauses, names, and what rules say of each."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from market_opinion.domain.definition import BRAND_ROW, Domain
from market_opinion.scorers.clauses import Clause, Cue, CueFinder, clauses_of
from market_opinion.scorers.comparisons import Preference, preferences
from market_opinion.scorers.english import is_asked
from market_opinion.scorers.local.heads import ASPECT_FEATURES, ROLE_FEATURES
from market_opinion.scorers.targets import targets_of
from market_opinion.stages.naming import Namer, Naming, namer_of

TITLE_TOKENS_MAX, WINDOW_TOKENS_MAX = 32, 190
# What a token belongs to; `SUBJECT` is the product that a window is asked about.
TEXT, TITLE, NAME, NAME_IN_TITLE, SUBJECT = range(5)
_CLS, _SEP = 101, 102
_NAMES_MAX = 16

_FIRST_PERSON = re.compile(r"\b(?:i|i'?m|i'?ve|my|mine|me|we|our)\b", re.IGNORECASE)
_DEICTIC = re.compile(r"\b(?:this|that|it|its|it's|these|they|the phone|one)\b", re.IGNORECASE)
_UNREAL = re.compile(
    r"\b(?:if|would|wish|hope|could|should|want|need|unless|rumou?r\w*|imagine)\b", re.IGNORECASE
)
_DENIED = re.compile(
    r"n't\b|\b(?:not?|never|nothing|none|without|barely|hardly|zero|any|dont|doesnt|isnt|wont|cant)\b",
    re.IGNORECASE,
)
_COMPARED = re.compile(
    r"\b(?:than|better|worse|best|worst|compared|versus|vs|over|more|less|upgrade\w*|downgrade\w*)\b",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"\b(?:was|were|had|used to|went|loved|old|last|previous|before|until)\b", re.IGNORECASE
)

Floats = NDArray[np.float32]


class Item(NamedTuple):
    """One text to be judged: what it says, the title of its thread, and its community."""

    text: str
    title: str
    community: str


@dataclass
class Window:
    """A stretch of an item's text that the model reads at once, after its title, for one product.

    `subject_tokens` are where the text or the title names the product, `is_named` whether the
    stretch itself does. `preferences` are the product's places in the plain comparisons of
    each clause, and `is_asked` says whether its sentence asks for a yes or hopes.
    """

    item: int
    product_id: str
    ids: list[int]
    marks: list[int]
    clauses: list[Clause]
    clause_tokens: list[tuple[int, int]]
    subject_tokens: list[tuple[int, int]]
    is_named: bool
    preferences: list[Preference | None]
    is_asked: list[bool]
    clause_features: Floats
    named_features: Floats
    referred_features: Floats


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

    def read(self, number: int, item: Item, products: Sequence[str]) -> list[Window]:
        """Return the windows of an item for each of the products; none without a clause.

        A product that the text does not name is the one that its thread or community is about.
        """
        clauses = clauses_of(item.text)
        if not clauses:
            return []
        names = self._namer.names(item.text, title=item.title, community=item.community)
        names = names[:_NAMES_MAX]
        encoded = self._tokenizer.encode(item.text, add_special_tokens=False)
        title = _Title(
            self._tokenizer.encode(item.title, add_special_tokens=False) if item.title else None,
            self._namer.names(item.title, community=item.community),
        )
        cues = self._cues.find(item.text)
        title_cues = {cue.aspect for cue in self._cues.find(item.title)}
        named = {name.product_id for name in names}
        windows = []
        for part in _parts(clauses, encoded.offsets):
            shared = self._clause_features(item, part.clauses, cues, title_cues, names)
            for product in products:
                window = _window(item.text, number, product, part, encoded, title, names)
                is_named = product in named
                roles = _roles(item.text, part.clauses, names, product, is_named=is_named)
                own = np.broadcast_to(roles[:, None, :], (*shared.shape[:2], roles.shape[1]))
                window.clause_features = np.concatenate([shared, own], axis=2)
                window.named_features = self._named_features(item, product, names, title.names)
                window.referred_features = self._referred_features(item, names, title.names, cues)
                windows.append(window)
        return windows

    def _clause_features(
        self,
        item: Item,
        clauses: Sequence[Clause],
        cues: Sequence[Cue],
        title_cues: set[str],
        names: Sequence[Naming],
    ) -> Floats:
        """Return what rules say of each clause and aspect, whichever product is asked about."""
        features = np.zeros((len(clauses), len(self.aspects), ASPECT_FEATURES), np.float32)
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
            is_whole = len(words) == len(sentence)
            around = tone if is_whole else self._vader.polarity_scores(sentence)
            shared = (
                tone["compound"],
                tone["pos"],
                tone["neg"],
                float(any(start <= name.start < end for name in names)),
                float(sentence.rstrip().endswith("?")),
                math.log1p(len(words)) / 4,
                float(bool(_FIRST_PERSON.search(sentence))),
                float(bool(_UNREAL.search(sentence))),
                around["compound"],
                float(bool(_DENIED.search(words))),
                float(bool(_COMPARED.search(words))),
                float(bool(_PAST.search(words))),
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
        self, item: Item, product: str, names: Sequence[Naming], title: Sequence[Naming]
    ) -> Floats:
        own = [name for name in names if name.product_id == product]
        return np.array(
            (
                float(product in self._rows),
                float(any(name.is_unknown_model for name in own)),
                float(bool(own) and all(name.is_company for name in own)),
                float(bool(own) and all(name.is_beside_model for name in own)),
                float(any(name.product_id == product for name in title)),
                math.log1p(len(own)),
                math.log1p(len(names)) / 2,
                float(self._namer.home(item.community) is not None),
                math.log1p(len(item.text)) / 7,
                float(bool(_FIRST_PERSON.search(item.text))),
            ),
            np.float32,
        )

    def _referred_features(
        self, item: Item, names: Sequence[Naming], title: Sequence[Naming], cues: Sequence[Cue]
    ) -> Floats:
        titled = {name.product_id for name in title}
        return np.array(
            (
                float(len(titled) == 1),
                float(bool(titled) and not titled & self._rows),
                float(self._namer.home(item.community) is not None),
                float(bool(names)),
                float(bool(_FIRST_PERSON.search(item.text))),
                float(bool(_DEICTIC.search(item.text))),
                min(len(cues), 3) / 3,
                float(item.text.rstrip().endswith("?")),
            ),
            np.float32,
        )


class _Title(NamedTuple):
    """A thread's title in tokens, and what it names."""

    encoded: Encoding | None
    names: Sequence[Naming]


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


def _window(  # noqa: PLR0917, one window
    text: str,
    number: int,
    product: str,
    part: _Part,
    encoded: Encoding,
    title: _Title,
    names: Sequence[Naming],
) -> Window:
    """Return the tokens of a part for one product; its features are still empty."""
    ids, marks, subject = _head(title, product)
    first, last = part.first_token, part.last_token
    shift = len(ids) - first
    marked = [TEXT] * (last - first)
    is_named = False
    for name in names:
        if not part.start <= name.start < part.end:
            continue
        begin, end = _tokens_of(encoded.offsets, name.start, name.end)
        is_own = name.product_id == product
        for at in range(max(begin, first), min(end, last)):
            marked[at - first] = SUBJECT if is_own else NAME
        if is_own:
            # What the text says of it counts, not that the title names it as well.
            subject = [*(subject if is_named else ()), (begin + shift, min(end, last) + shift)]
            is_named = True
    none = np.zeros(0, np.float32)
    return Window(
        item=number,
        product_id=product,
        ids=[*ids, *encoded.ids[first:last], _SEP],
        marks=[*marks, *marked, TEXT],
        clauses=list(part.clauses),
        clause_tokens=[(a + shift, b + shift) for a, b in part.clause_tokens],
        subject_tokens=subject,
        is_named=is_named,
        preferences=[preferences(text, clause, names).get(product) for clause in part.clauses],
        is_asked=[
            is_asked(text[clause.sentence.start : clause.sentence.end]) for clause in part.clauses
        ],
        clause_features=none,
        named_features=none,
        referred_features=none,
    )


def _head(title: _Title, product: str) -> tuple[list[int], list[int], list[tuple[int, int]]]:
    """Return tokens and marks of the title, cut, and where it names the product."""
    if title.encoded is None:
        return [_CLS], [TEXT], []
    ids = title.encoded.ids[:TITLE_TOKENS_MAX]
    marks, subject = [TITLE] * len(ids), []
    for name in title.names:
        begin, end = _tokens_of(title.encoded.offsets, name.start, name.end)
        end = min(end, len(ids))
        is_own = name.product_id == product
        for at in range(begin, end):
            marks[at] = SUBJECT if is_own else NAME_IN_TITLE
        if is_own and begin < end:
            subject.append((begin + 1, end + 1))
    return [_CLS, *ids, _SEP], [TEXT, *marks, TITLE], subject


def _roles(
    text: str,
    clauses: Sequence[Clause],
    names: Sequence[Naming],
    product: str,
    *,
    is_named: bool,
) -> Floats:
    """Return what rules say of the product in each clause: (clauses, ROLE_FEATURES)."""
    counted = [
        name
        for name in names
        if name.product_id == product or not (name.is_company or name.is_beside_model)
    ]
    roles = np.zeros((len(clauses), ROLE_FEATURES), np.float32)
    for k, clause in enumerate(clauses):
        near = (clause.span.start + clause.span.end) // 2
        targets = targets_of(text, clause, near, counted, None if is_named else product)
        for target in targets:
            if target.product_id == product:
                is_chosen = not target.is_loser
                roles[k, :3] = (
                    float(is_chosen and target.is_near),
                    float(is_chosen and not target.is_near),
                    float(target.is_loser),
                )
        others = {
            name.product_id
            for name in counted
            if name.product_id != product and clause.span.start <= name.start < clause.span.end
        }
        roles[k, 3] = float(any(t.is_loser and t.product_id != product for t in targets))
        roles[k, 4] = float(bool(others))
    return roles


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
