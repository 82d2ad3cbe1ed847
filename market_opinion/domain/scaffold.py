"""A new domain from a catalogue and the names of its aspects: a folder that works at once, to be made better by hand."""

import csv
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from market_opinion.core.errors import InvalidRequest
from market_opinion.domain.definition import normalise
from market_opinion.domain.lint import needs_brand

_COLUMNS = (
    "product_id",
    "brand",
    "product",
    "aliases",
    "ids",
    "category",
    "released_on",
    "is_own_brand",
)
_SAMPLE_START = 1_772_323_200  # 2026-03-01T00:00:00Z
_HOURS = 24
_SAMPLE_PRODUCTS = 6
# What the written sample says; made up, to show that the domain works.
_PRAISE = (
    "The {cue} of the {name} is great.",
    "Really happy with the {name}, excellent {cue}.",
    "I love the {cue} on my {name}.",
)
_COMPLAINT = (
    "The {cue} of the {name} is awful.",
    "Disappointed by the {name}: terrible {cue}.",
    "I hate the {cue} of this {name}.",
)


def read_catalogue(path: Path) -> list[dict[str, str]]:
    """Rows of products.csv from any CSV with the columns `brand` and `product`; what else it has of our columns is kept.

    Raises InvalidRequest that names line and rule.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if missing := {"brand", "product"} - set(reader.fieldnames or ()):
                message = f"{path} has no column {' and '.join(sorted(missing))}: name them in its first line"
                raise InvalidRequest(message)
            given = [
                (reader.line_num, {name: (row.get(name) or "").strip() for name in _COLUMNS})
                for row in reader
            ]
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read: {error}"
        raise InvalidRequest(message) from error
    for line, row in given:
        if not row["brand"] or not row["product"]:
            message = f"{path} line {line}: brand and product must both be given"
            raise InvalidRequest(message)
    if not given:
        message = f"{path} has no product"
        raise InvalidRequest(message)
    return _with_aliases([_filled(row) for _, row in given])


def write_domain(
    folder: Path,
    rows: Sequence[dict[str, str]],
    *,
    title: str,
    aspects: Sequence[str],
    communities: Sequence[str],
) -> list[Path]:
    """Write the folder's files and return their paths; raises InvalidRequest where it is there already, or a name is none."""
    if folder.exists():
        message = f"{folder} is there already: choose another name, or remove it"
        raise InvalidRequest(message)
    for name in (folder.name, *aspects):
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            message = f"{name!r}: names of domains and aspects are lower-case letters, digits and _"
            raise InvalidRequest(message)
    texts = {
        "domain.toml": _domain_toml(
            folder.name, title, aspects, communities, sorted({row["brand"] for row in rows})
        ),
        "products.csv": _products_csv(rows),
        "prompt.md": f"# About {title.lower()}\n\n- Say here what a model could take for another aspect, as `- Heat is performance.`\n",
        "examples.jsonl": _lines(_examples(rows, aspects)),
        "sample/RS_sample.jsonl": _lines([_submission(folder.name, title)]),
        "sample/RC_sample.jsonl": _lines(_comments(folder.name, rows, aspects)),
    }
    (folder / "sample").mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def _filled(row: dict[str, str]) -> dict[str, str]:
    name = normalise(f"{row['brand']} {row['product']}")
    return row | {
        "product_id": row["product_id"] or re.sub(r"[^a-z0-9]+", "-", name).strip("-"),
        "category": row["category"] or "all",
        "is_own_brand": row["is_own_brand"] or "false",
    }


def _with_aliases(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """What each product may be called, where the catalogue does not say, without what two of them are called."""
    called = [_names(row) for row in rows]
    owners = Counter(name for names in called for name in names)
    for row, names in zip(rows, called, strict=True):
        if not row["aliases"]:
            row["aliases"] = "|".join(
                f"~{name}" if needs_brand(name) else name for name in names if owners[name] == 1
            )
        if not row["aliases"]:
            message = f"{row['brand']} {row['product']} is there twice, or called as another is: give it aliases of its own"
            raise InvalidRequest(message)
    return rows


def _names(row: dict[str, str]) -> list[str]:
    """Brand and product, and the product alone, each with and without gaps between letters and digits: cr v, crv; rav4, rav 4."""
    product = normalise(row["product"])
    written = [normalise(f"{row['brand']} {row['product']}"), product]
    tight = re.sub(r"(?<=\b[a-z]) (?=[a-z]\b)|(?<=[a-z]) (?=\d)|(?<=\d) (?=[a-z]\b)", "", product)
    loose = re.sub(r"(?<=[a-z])(?=\d)", " ", product)
    spelt = [each for each in (tight, loose) if each != product]
    return list(
        dict.fromkeys([*written, *(normalise(f"{row['brand']} {each}") for each in spelt), *spelt])
    )


def _domain_toml(
    name: str, title: str, aspects: Iterable[str], communities: Sequence[str], brands: Iterable[str]
) -> str:
    text = f'title = {json.dumps(title)}\n# ISO 639-3, as the language detector names them.\nlanguages = ["eng"]\n'
    if communities:
        text += f"\n[sources.reddit]\ncommunities = {json.dumps(list(communities))}\n"
    text += f"\n[sources.sample]\ncommunities = [{json.dumps(name)}]\n"
    text += "\n# Cues are compared as products are: lower case, punctuation as spaces, whole words. Add what people say.\n"
    for aspect in aspects:
        spoken = aspect.replace("_", " ")
        text += f"\n[aspects.{aspect}]\ntitle = {json.dumps(spoken.capitalize())}\ncues = {json.dumps(_cues(spoken))}\n"
    text += '\n[aspects.overall]\ntitle = "As a whole"\nis_overall = true\ncues = ["worth it", "recommend", "love it", "hate it", "regret"]\n'
    text += "\n# What puts a brand in sight, so that its short aliases (written ~alias in products.csv) may be believed.\n"
    for brand in brands:
        text += f"\n[brands.{json.dumps(brand)}]\ncues = {json.dumps([normalise(brand)])}\n"
    return text


def _cues(spoken: str) -> list[str]:
    """The aspect's own name, as one and as many."""
    return list(
        dict.fromkeys([spoken, spoken.removesuffix("s") if spoken.endswith("s") else f"{spoken}s"])
    )


def _products_csv(rows: Iterable[dict[str, str]]) -> str:
    lines = [",".join(_COLUMNS)]
    for row in rows:
        cells = [row[name] for name in _COLUMNS]
        lines.append(
            ",".join(
                f'"{cell.replace(chr(34), chr(34) * 2)}"' if re.search(r'[",\n]', cell) else cell
                for cell in cells
            )
        )
    return "\n".join(lines) + "\n"


def _said(
    rows: Sequence[dict[str, str]], aspects: Sequence[str]
) -> Iterator[tuple[dict[str, str], str, bool, str]]:
    """Product, aspect, whether it is praised, and the words, in turns."""
    turns = itertools.product(rows[:_SAMPLE_PRODUCTS], aspects)
    for number, (row, aspect) in enumerate(turns):
        is_praised = number % 3 != 0
        form = (_PRAISE if is_praised else _COMPLAINT)[number % 3]
        yield (
            row,
            aspect,
            is_praised,
            form.format(cue=aspect.replace("_", " "), name=f"{row['brand']} {row['product']}"),
        )


def _examples(rows: Sequence[dict[str, str]], aspects: Sequence[str]) -> Iterator[dict[str, Any]]:
    for row, aspect, is_praised, text in itertools.islice(_said(rows, aspects), 12):
        mention = {
            "product_id": row["product_id"],
            "aspect": aspect,
            "label": "positive" if is_praised else "negative",
            "score": 0.7 if is_praised else -0.7,
            "evidence": text.rstrip("."),
        }
        yield {"text": text, "thread": "", "products": [row["product_id"]], "mentions": [mention]}


def _submission(name: str, title: str) -> dict[str, Any]:
    return {
        "id": "s1",
        "subreddit": name,
        "author": "written_for_show",
        "title": f"{title}: what do you think?",
        "selftext": "",
        "permalink": f"/r/{name}/comments/s1/",
        "score": 1,
        "num_comments": 0,
        "created_utc": _SAMPLE_START,
        "retrieved_on": _SAMPLE_START + 7 * 86_400,
    }


def _comments(
    name: str, rows: Sequence[dict[str, str]], aspects: Sequence[str]
) -> Iterator[dict[str, Any]]:
    for number, (_, _, _, text) in enumerate(_said(rows, aspects)):
        yield {
            "id": f"c{number:04d}",
            "subreddit": name,
            "author": f"written_for_show_{number % 7}",
            "body": text,
            "link_id": "t3_s1",
            "parent_id": "t3_s1",
            "permalink": f"/r/{name}/comments/s1/_/c{number:04d}/",
            "score": number % 9,
            "created_utc": _SAMPLE_START + 60 + number * 3600 * _HOURS // 60 % (_HOURS * 3600),
            "retrieved_on": _SAMPLE_START + 7 * 86_400,
        }


def _lines(objects: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects)
