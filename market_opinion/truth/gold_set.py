"""Precision and recall of mentions and opinions on labelled items, weighted to their population."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from market_opinion.core.errors import InvalidRequest
from market_opinion.domain.definition import Domain
from market_opinion.domain.labels import LabelledItem, as_silver, is_even, read_labelled_items
from market_opinion.scorers.judging import Judge
from market_opinion.stages.opinions import to_judge

Half = Literal["all", "even", "odd"]
_RESAMPLES, _SEED = 400, 20261126
_LABEL_OF_MIXED = "neutral"

# Counts of one item, of which all figures are ratios of weighted sums.
_COUNTS = (
    "product_right", "product_ours", "product_gold",
    "brand_right", "brand_ours", "brand_gold",
    "found", "right", "opinion_ours", "opinion_gold", "overlapping",
    "ours_signs", "gold_signs",
)  # fmt: skip
Floats = NDArray[np.float64]


class Figure(NamedTuple):
    """A measured value with its 95 % interval; none where there was nothing to divide by."""

    value: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        """As `.53 [.35, .73]`."""
        if self.value is None or self.low is None or self.high is None:
            return "–"
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


class Measure(NamedTuple):
    """One figure of one part of the items."""

    part: str
    name: str
    figure: Figure


class Mistake(NamedTuple):
    """One item that is judged otherwise than its reader does, and in which way."""

    kind: str
    item_id: str
    ours: str
    gold: str
    text: str


def read_gold(path: Path, domain: Domain, *, half: Half = "all") -> list[LabelledItem]:
    """Return the labelled items of a file or of all files of the domain in a folder.

    `half` is `all`, `even` (for development) or `odd` (for checking). Raises InvalidRequest where
    there are none.
    """
    files = sorted(path.glob(f"{domain.name}*.jsonl")) if path.is_dir() else [path]
    items = [item for file in files if file.is_file() for item in read_labelled_items(file, domain)]
    kept = [item for item in items if half == "all" or is_even(item.item_id) == (half == "even")]
    if not kept:
        message = (
            f"no labelled items of {domain.name} in {path}: give a file of JSON lines,"
            f" or a folder with {domain.name}*.jsonl"
        )
        raise InvalidRequest(message)
    return kept


def read_strata(path: Path) -> dict[tuple[str, str], int]:
    """Return the size of each stratum's population, by community and stratum; empty without a file.

    The file has a section a community: `[gadgets]`, `own = 2003`.
    """
    if not path.is_file():
        return {}
    sections = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        (community, name): size
        for community, strata in sections.items()
        for name, size in strata.items()
    }


def strata_path(domain: Domain, domains_path: Path) -> Path:
    """Return the file that says how large the strata of a domain's labelled items are."""
    return domains_path / domain.name / "labelled" / "strata.toml"


def judge_gold(judge: Judge, items: Sequence[LabelledItem]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the mentions and opinions that the platform's own stages make of labelled items."""
    rows = as_silver(items)
    mentions = judge.mention(rows)
    return mentions, judge.judge(to_judge(rows, mentions)).opinions


def measure(
    items: Sequence[LabelledItem],
    mentions: pl.DataFrame,
    opinions: pl.DataFrame,
    domain: Domain,
    sizes: Mapping[tuple[str, str], int] | None = None,
) -> list[Measure]:
    """Return every figure, for all items, by community, and for named and referred products.

    Items are weighted by the size of their stratum over the number labelled of it; intervals
    resample items within strata.
    """
    weights = weights_of(items, sizes or {})
    draws = _draws([(item.community, item.stratum) for item in items])
    parts: dict[str, Floats] = {"all": _counts(items, mentions, opinions, domain)}
    for part, hows, reasons in (
        ("named", {"text"}, {"named", "title", "subject"}),
        ("referred", {"context"}, {"referred"}),
    ):
        some = [_only(item, hows) for item in items]
        ours = mentions.filter(pl.col("reason").is_in(reasons))
        said = opinions.join(ours, on=["item_id", "product_id"], how="semi")
        parts[part] = _counts(some, ours, said, domain)
    communities = sorted({item.community for item in items})
    for community in communities if len(communities) > 1 else ():
        inside = np.array([item.community == community for item in items], dtype=float)
        parts[community] = parts["all"] * inside[:, None]
    return [
        Measure(part, name, figure)
        for part, counts in parts.items()
        for name, figure in _figures(counts, weights, draws).items()
    ]


def mistakes(
    items: Sequence[LabelledItem], mentions: pl.DataFrame, opinions: pl.DataFrame
) -> list[Mistake]:
    """Return the mistakes, item by item, of products, opinions and labels."""
    found: list[Mistake] = []
    ours_by_item = _said(opinions)
    products = _mentioned(mentions)
    for item in items:
        text = item.text.replace("\n", " / ")
        gold_products = {mention.product_id for mention in item.mentions}
        our_products = products.get(item.item_id, set())
        gold = {(o.product_id, o.aspect): _label(o.label) for o in item.opinions}
        ours = {key: label for key, (label, _, _) in ours_by_item.get(item.item_id, {}).items()}
        pairs: list[tuple[str, set[Any], set[Any]]] = [
            ("product missed", gold_products - our_products, set()),
            ("product wrong", set(), our_products - gold_products),
            ("opinion missed", set(gold) - set(ours), set()),
            ("opinion wrong", set(), set(ours) - set(gold)),
        ]
        for kind, missed, wrong in pairs:
            if missed or wrong:
                shown = [_shown(ours, wrong), _shown(gold, missed)]
                found.append(Mistake(kind, item.item_id, shown[0], shown[1], text))
        for key in gold.keys() & ours.keys():
            if gold[key] != ours[key]:
                shown = [_shown(ours, {key}), _shown(gold, {key})]
                found.append(Mistake("label wrong", item.item_id, shown[0], shown[1], text))
    return sorted(found)


def write_mistakes(found: Sequence[Mistake], path: Path) -> None:
    """Write mistakes as JSON lines, by kind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(mistake._asdict(), ensure_ascii=False) for mistake in found)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _shown(labels: Mapping[tuple[str, str], str], keys: set[Any]) -> str:
    return "; ".join(
        sorted(
            f"{key[0]} {key[1]} {labels.get(key, '')}".strip()
            if isinstance(key, tuple)
            else str(key)
            for key in keys
        )
    )


def _only(item: LabelledItem, hows: set[str]) -> LabelledItem:
    """Return the item with those mentions alone that are told so, and the opinions on them."""
    kept = tuple(mention for mention in item.mentions if mention.how in hows)
    products = {mention.product_id for mention in kept}
    opinions = tuple(opinion for opinion in item.opinions if opinion.product_id in products)
    return LabelledItem(
        item.item_id,
        item.text,
        kept,
        opinions,
        item.thread,
        item.community,
        item.kind,
        item.stratum,
    )


def _counts(
    items: Sequence[LabelledItem], mentions: pl.DataFrame, opinions: pl.DataFrame, domain: Domain
) -> Floats:
    """Return one row an item of `_COUNTS`."""
    brands = {product.product_id: product.brand for product in domain.products}
    products, said = _mentioned(mentions), _said(opinions)
    rows = []
    for item in items:
        ours = products.get(item.item_id, set())
        gold = {mention.product_id for mention in item.mentions}
        our_brands, gold_brands = {brands[p] for p in ours}, {brands[p] for p in gold}
        our_said = said.get(item.item_id, {})
        gold_said = {(o.product_id, o.aspect): o for o in item.opinions}
        both = our_said.keys() & gold_said.keys()
        right = [key for key in both if our_said[key][0] == _label(gold_said[key].label)]
        overlapping = sum(
            _overlaps(item, gold_said[key].evidence, our_said[key][1:]) for key in right
        )
        rows.append(
            (
                len(ours & gold), len(ours), len(gold),
                len(our_brands & gold_brands), len(our_brands), len(gold_brands),
                len(both), len(right), len(our_said), len(gold_said), overlapping,
                sum(_SIGN[label] for label, _, _ in our_said.values()),
                sum(_SIGN[_label(o.label)] for o in gold_said.values()),
            )
        )  # fmt: skip
    return np.array(rows, dtype=float).reshape(len(items), len(_COUNTS))


_SIGN = {"positive": 1, "negative": -1, "neutral": 0}


def _overlaps(item: LabelledItem, evidence: str, span: tuple[int, int]) -> bool:
    start = item.text.find(evidence)
    return start < span[1] and span[0] < start + len(evidence)


def _label(label: str) -> str:
    return _LABEL_OF_MIXED if label == "mixed" else label


def _mentioned(mentions: pl.DataFrame) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for item_id, product_id in mentions.select("item_id", "product_id").iter_rows():
        found.setdefault(item_id, set()).add(product_id)
    return found


def _said(opinions: pl.DataFrame) -> dict[str, dict[tuple[str, str], tuple[str, int, int]]]:
    found: dict[str, dict[tuple[str, str], tuple[str, int, int]]] = {}
    columns = ("item_id", "product_id", "aspect", "label", "evidence_start", "evidence_end")
    for item_id, product_id, aspect, label, start, end in opinions.select(columns).iter_rows():
        found.setdefault(item_id, {})[product_id, aspect] = (label, start, end)
    return found


def weights_of(items: Sequence[LabelledItem], sizes: Mapping[tuple[str, str], int]) -> Floats:
    """Return how many items of the population each labelled item stands for."""
    strata = [(item.community, item.stratum) for item in items]
    labelled = {stratum: strata.count(stratum) for stratum in set(strata)}
    return np.array(
        [sizes.get(stratum, labelled[stratum]) / labelled[stratum] for stratum in strata]
    )


def sign_of(label: str) -> int:
    """Return 1 for praise, -1 for complaint, and 0 for what is neutral or mixed."""
    return _SIGN[_label(label)]


def _draws(strata: Sequence[tuple[str, str]]) -> Floats:
    """Return how often each item is drawn in each resampling within strata: (resamples, items)."""
    rng = np.random.default_rng(_SEED)
    draws = np.zeros((_RESAMPLES, len(strata)))
    for stratum in sorted(set(strata)):
        members = np.array([n for n, each in enumerate(strata) if each == stratum])
        chosen = rng.integers(len(members), size=(_RESAMPLES, len(members)))
        for r in range(_RESAMPLES):
            draws[r, members] = np.bincount(chosen[r], minlength=len(members))
    return draws


def _figures(counts: Floats, weights: Floats, draws: Floats) -> dict[str, Figure]:
    sums = {name: (weights @ counts)[n] for n, name in enumerate(_COUNTS)}
    drawn = (draws * weights) @ counts
    resampled = {name: drawn[:, n] for n, name in enumerate(_COUNTS)}
    figures: dict[str, Figure] = {}
    for title, right, ours, gold in (
        ("product mentions", "product_right", "product_ours", "product_gold"),
        ("brand mentions", "brand_right", "brand_ours", "brand_gold"),
        ("opinions found", "found", "opinion_ours", "opinion_gold"),
        ("opinions right", "right", "opinion_ours", "opinion_gold"),
    ):
        figures[f"{title}: precision"] = _ratio(sums, resampled, right, ours)
        figures[f"{title}: recall"] = _ratio(sums, resampled, right, gold)
        figures[f"{title}: F1"] = _f1(sums, resampled, right, ours, gold)
    figures["label right where found"] = _ratio(sums, resampled, "right", "found")
    figures["evidence overlaps where right"] = _ratio(sums, resampled, "overlapping", "right")
    figures["net sentiment, ours"] = _ratio(sums, resampled, "ours_signs", "opinion_ours")
    figures["net sentiment, readers"] = _ratio(sums, resampled, "gold_signs", "opinion_gold")
    figures["net sentiment, ours minus readers"] = _gap(sums, resampled)
    return figures


def _ratio(
    sums: Mapping[str, float], resampled: Mapping[str, Floats], above: str, below: str
) -> Figure:
    if not sums[below]:
        return Figure(None, None, None)
    return _figure(sums[above] / sums[below], _divided(resampled[above], resampled[below]))


def _f1(
    sums: Mapping[str, float], resampled: Mapping[str, Floats], right: str, ours: str, gold: str
) -> Figure:
    if not sums[ours] + sums[gold]:
        return Figure(None, None, None)
    value = 2 * sums[right] / (sums[ours] + sums[gold])
    return _figure(value, _divided(2 * resampled[right], resampled[ours] + resampled[gold]))


def _gap(sums: Mapping[str, float], resampled: Mapping[str, Floats]) -> Figure:
    if not sums["opinion_ours"] or not sums["opinion_gold"]:
        return Figure(None, None, None)
    value = sums["ours_signs"] / sums["opinion_ours"] - sums["gold_signs"] / sums["opinion_gold"]
    ours = _divided(resampled["ours_signs"], resampled["opinion_ours"])
    return _figure(value, ours - _divided(resampled["gold_signs"], resampled["opinion_gold"]))


def _divided(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def _figure(value: float, resampled: Floats) -> Figure:
    known = resampled[~np.isnan(resampled)]
    if not known.size:
        return Figure(float(value), None, None)
    low, high = np.quantile(known, [0.025, 0.975])
    return Figure(float(value), float(low), float(high))
