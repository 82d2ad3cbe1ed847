"""The oracle: tables and figures of a history, computed in memory by plain Python.

It shares no code with the stages or the mart. Judgements alone are the rules scorer's, since they
are an input to what is compared here; it is given the oracle's own items.
"""

import hashlib
import hmac
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from benchmarks.histories.history import DOMAINS, GONE, PLATFORM, History, Line
from market_opinion.domain.definition import Domain
from market_opinion.scorers.lexicon import Lexicon

_OWN = re.compile(r"\bI love mine\b")
_HOUR = timedelta(hours=1)
_NAMED, _REFERRED = 0.95, 0.6
_NEUTRAL_BELOW = 0.05
_MILLION = 1_000_000

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Item:
    """The newest version of an item, with what cleaning says of it."""

    line: Line
    text: str
    context_title: str | None
    is_usable: bool
    is_erased: bool

    @property
    def at(self) -> datetime:
        """Time of writing, as the mart has it: UTC without a zone."""
        return _time(self.line.created)

    @property
    def hour(self) -> datetime:
        """Start of its hour."""
        return self.at.replace(minute=0, second=0)

    @property
    def votes(self) -> int | None:
        """Votes; none of an erased item."""
        return None if self.is_erased else self.line.votes


@dataclass(frozen=True)
class Mention:
    """One product that an item mentions."""

    domain: str
    item: Item
    product_id: str
    reason: str
    confidence: float
    count: int


@dataclass(frozen=True)
class Expected:
    """Rows of the mart, sorted, and the tiles of the report by domain."""

    mentions: Rows
    opinions: Rows
    windows: Rows
    submissions: Rows
    tiles: dict[str, list[str]]


def expect(history: History, domains: dict[str, Domain], *, pepper: str) -> Expected:
    """Return what the platform must show once all archives are in and all erasures are done."""
    items = _items(history)
    windows = _windows(history, items)
    mentions = [each for item in items for each in _mentions(item)]
    judged = _judged(mentions, domains)
    keys = {item.line.author: _author_key(item.line.author, pepper) for item in items}
    mention_rows: Rows = []
    opinion_rows: Rows = []
    for mention in mentions:
        line, found = (
            mention.item.line,
            judged[mention.domain, line_key(mention), mention.product_id],
        )
        polarity = _mean([opinion[1] for opinion in found])
        identity = (mention.domain, line.kind, line.item_id, mention.product_id)
        place = (line.community, line.thread_id, mention.item.at, mention.item.votes)
        mention_rows.append(
            (
                *identity,
                *place,
                keys[line.author],
                mention.reason,
                mention.confidence,
                mention.count,
                len(found),
                polarity,
                None if polarity is None else _label(polarity),
            )
        )
        for aspect, value, start, end in found:
            words = mention.item.text[start:end]
            opinion_rows.append(
                (*identity, aspect, *place, value, _label(value), words, start, end)
            )
    tiles = {
        name: _tiles(
            [row for row in mention_rows if row[0] == name],
            [row for row in opinion_rows if row[0] == name],
            windows,
        )
        for name in DOMAINS
    }
    return Expected(
        in_order(mention_rows),
        in_order(opinion_rows),
        in_order(windows),
        in_order(_submissions(items, mentions)),
        tiles,
    )


def in_order(rows: Iterable[tuple[Any, ...]]) -> Rows:
    """Return rows in an order that nulls do not disturb."""
    return sorted(rows, key=repr)


def line_key(mention: Mention) -> tuple[str, str]:
    """Return kind and id of the item of a mention."""
    return mention.item.line.kind, mention.item.line.item_id


def _items(history: History) -> list[Item]:
    newest: dict[tuple[str, str], Line] = {}
    for line in (line for arrival in history.arrivals for line in arrival):
        known = newest.get((line.kind, line.item_id))
        if known is None or line.retrieved > known.retrieved:
            newest[line.kind, line.item_id] = line
    erased = set(history.erased)
    lines = [
        replace(line, author=GONE, body=GONE) if line.item_id in erased else line
        for line in newest.values()
    ]
    titles = {
        line.item_id: line.title
        for line in lines
        if line.kind == "submission" and line.body != GONE
    }
    lines.sort(key=lambda line: (line.community, line.created, line.item_id))
    seen: set[tuple[str, int, str]] = set()
    items = []
    for line in lines:
        own = "\n".join(filter(None, (line.title, line.body)))
        text = "" if line.body == GONE else own
        usable = line.body != GONE and len(text.split()) >= 3
        place = (line.community, line.created // 3600, text.lower())
        if usable and place in seen:
            usable = False
        elif usable:
            seen.add(place)
        title = titles.get(line.thread_id)
        items.append(Item(line, text, title, usable, line.item_id in erased))
    return items


def _mentions(item: Item) -> Iterable[Mention]:
    if not item.is_usable:
        return
    for domain, products in DOMAINS.items():
        named = {each: _places(alias, item.text) for each, alias in products.items()}
        for product, places in named.items():
            if not places:
                continue
            in_title = item.line.title is not None and places[0] < len(item.context_title or "")
            reason = "title" if in_title else "named"
            yield Mention(domain, item, product, reason, _NAMED, len(places))
        if item.line.kind != "comment" or not _OWN.search(item.text):
            continue
        title = item.context_title or ""
        about = [each for each, alias in products.items() if _places(alias, title)]
        if len(about) == 1 and not named[about[0]]:
            yield Mention(domain, item, about[0], "referred", _REFERRED, 1)


def _places(alias: str, text: str) -> list[int]:
    return [place.start() for place in re.finditer(rf"\b{alias}\b", text.lower())]


def _judged(
    mentions: list[Mention], domains: dict[str, Domain]
) -> dict[tuple[str, tuple[str, str], str], list[tuple[str, float, int, int]]]:
    """Return aspect, polarity, start and end of each opinion, by domain, item and product."""
    found: dict[Any, list[tuple[str, float, int, int]]] = defaultdict(list)
    for name, domain in domains.items():
        by_item: dict[tuple[str, str], list[Mention]] = defaultdict(list)
        for mention in mentions:
            if mention.domain == name:
                by_item[line_key(mention)].append(mention)
        if not by_item:
            continue
        groups = [sorted(each, key=lambda m: m.product_id) for each in by_item.values()]
        rows = pl.DataFrame(
            {
                "row": range(len(groups)),
                "text": [each[0].item.text for each in groups],
                "context_title": [each[0].item.context_title for each in groups],
                "community": [each[0].item.line.community for each in groups],
                "products": [[m.product_id for m in each] for each in groups],
                "reasons": [[m.reason for m in each] for each in groups],
            }
        )
        keys = list(by_item)
        for row in Lexicon(domain).judge(rows).rows.iter_rows(named=True):
            opinion = row["aspect"], row["polarity"], row["evidence_start"], row["evidence_end"]
            found[name, keys[row["row"]], row["product_id"]].append(opinion)
    return found


def _windows(history: History, items: list[Item]) -> Rows:
    """Return an hour of a community a row: each archive vouches for all hours of its extent."""
    hours = set()
    for arrival in history.arrivals:
        times = [_time(line.created).replace(minute=0, second=0) for line in arrival]
        count = (max(times) - min(times)) // _HOUR + 1
        for community in {line.community for line in arrival}:
            hours |= {(community, min(times) + _HOUR * n) for n in range(count)}
    rows = []
    for community, hour in hours:
        own = [item for item in items if (item.line.community, item.hour) == (community, hour)]
        comments = [item for item in own if item.line.kind == "comment"]
        usable = [item.is_usable for item in own].count(True)
        usable_comments = [item.is_usable for item in comments].count(True)
        rows.append(
            (community, hour, "CERTIFIED", len(own), len(comments), usable, usable_comments)
        )
    return rows


def _submissions(items: list[Item], mentions: list[Mention]) -> Rows:
    """Return a thread a row: each that was received, and each that is only spoken in."""
    received = [item for item in items if item.line.kind == "submission"]
    ids = {item.line.item_id for item in received}
    only_spoken_in = {
        (mention.item.line.thread_id, mention.item.line.community)
        for mention in mentions
        if mention.item.line.thread_id not in ids
    }
    rows: Rows = [
        (item.line.item_id, item.line.community, item.context_title, item.votes, True)
        for item in received
    ]
    return rows + [(*place, None, None, False) for place in only_spoken_in]


def _tiles(mentions: Rows, opinions: Rows, windows: Rows) -> list[str]:
    """Return the figures of the report's tiles, in their order."""
    items, comments, usable = (sum(row[n] for row in windows) for n in (3, 4, 6))
    labels = [row[-1] for row in mentions if row[-1]]
    net = labels.count("positive") - labels.count("negative")
    return [
        f"{len(mentions):,}",
        f"{len(opinions):,}",
        _signed(net / len(labels)) if labels else "–",
        f"{len(labels) / len(mentions):.0%}" if mentions else "–",
        f"{items:,}",
        f"{usable / comments:.1%}" if comments else "–",
        "100%",
    ]


def _signed(value: float) -> str:
    """Return a share with its sign, two digits and a true minus; zero has none."""
    text = f"{value:+.2f}".replace("-", "−")
    return "0.00" if text[1:] == "0.00" else text


def _author_key(author: str, pepper: str) -> str | None:
    if author == GONE:
        return None
    name = f"{PLATFORM}/{author.lower()}"
    return hmac.new(pepper.encode(), name.encode(), hashlib.sha256).hexdigest()


def _mean(polarities: list[float]) -> float | None:
    if not polarities:
        return None
    return sum(round(each * _MILLION) for each in polarities) / len(polarities) / _MILLION


def _label(polarity: float) -> str:
    if polarity >= _NEUTRAL_BELOW:
        return "positive"
    return "negative" if polarity <= -_NEUTRAL_BELOW else "neutral"


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
