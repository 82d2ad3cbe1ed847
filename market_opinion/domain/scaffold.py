"""New domain folders, made of a catalogue and the names of aspects.

Such a domain works at once; people then improve it by hand.
"""

import csv
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
# Ends of words that people use in the singular alone: cancelling, comfort, safety, loudness.
_WITHOUT_PLURAL = ("ing", "fort", "ty", "ness", "ance", "ence", "age", "ware")
# Texts of the sample, made up to show that the domain works.
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
    """Return rows of products.csv, made of any CSV file with the columns `brand` and `product`.

    Values of other columns of products.csv are kept; aliases are made up where there are none.
    Raises InvalidRequest, which names line and rule. For example, a catalogue::

        brand,product
        Toyota,Corolla
        Toyota,RAV4
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if missing := {"brand", "product"} - set(reader.fieldnames or ()):
                message = (
                    f"{path} has no column {' and '.join(sorted(missing))}:"
                    " its first line must name the columns"
                )
                raise InvalidRequest(message)
            numbered_rows = [
                (reader.line_num, {name: (row.get(name) or "").strip() for name in _COLUMNS})
                for row in reader
            ]
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read: {error}"
        raise InvalidRequest(message) from error
    for line, row in numbered_rows:
        if not row["brand"] or not row["product"]:
            message = f"{path} line {line}: brand and product must both be given"
            raise InvalidRequest(message)
    if not numbered_rows:
        message = f"{path} has no product"
        raise InvalidRequest(message)
    return _with_aliases([_filled(row) for _, row in numbered_rows])


def check_domain_name(name: str) -> None:
    """Raise InvalidRequest for a name that is none of a domain, such as a path."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{,63}", name):
        message = f"{name[:80]!r}: names of domains are at most 64 lower-case letters, digits and _"
        raise InvalidRequest(message)


def write_domain(
    folder: Path,
    rows: Sequence[dict[str, str]],
    *,
    title: str,
    aspects: Sequence[str],
    communities: Sequence[str],
) -> list[Path]:
    """Write the files of a new domain folder and return their paths.

    Aspects are taken as people type them: `Noise cancelling` is the aspect `noise_cancelling` of
    that title. Raises InvalidRequest where the folder exists, or the name of the domain is not in
    lower-case letters, digits and `_`, or that of an aspect has no letter in front.
    """
    check_domain_name(folder.name)
    if folder.exists():
        message = f"{folder} is there already: choose another name, or remove it"
        raise InvalidRequest(message)
    titles = {_aspect_name(aspect): aspect.replace("_", " ") for aspect in aspects}
    for name in titles:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            message = f"{name!r}: names of aspects are lower-case letters, digits and _"
            raise InvalidRequest(message)
    texts = {
        "domain.toml": _domain_toml(
            folder.name, title, titles, communities, sorted({row["brand"] for row in rows})
        ),
        "products.csv": _products_csv(rows),
        "prompt.md": _prompt(title),
        "examples.jsonl": _lines(_examples(rows, list(titles))),
        "sample/RS_sample.jsonl": _lines([_submission(folder.name, title)]),
        "sample/RC_sample.jsonl": _lines(_comments(folder.name, rows, list(titles))),
    }
    (folder / "sample").mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def _aspect_name(typed: str) -> str:
    """Return the name of an aspect as it is typed: `Noise cancelling` is `noise_cancelling`."""
    return re.sub(r"[^a-z0-9]+", "_", typed.lower()).strip("_")


def _prompt(title: str) -> str:
    return (
        f"# About {title.lower()}\n\n"
        "- Say here which aspect is meant where a model could choose another one, as"
        " `- Heat is performance.`\n"
    )


def _filled(row: dict[str, str]) -> dict[str, str]:
    name = normalise(f"{row['brand']} {row['product']}")
    return row | {
        "product_id": row["product_id"] or re.sub(r"[^a-z0-9]+", "-", name).strip("-"),
        "category": row["category"] or "all",
        "is_own_brand": row["is_own_brand"] or "false",
    }


def _with_aliases(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the rows, with aliases of our own where the catalogue has none.

    A name that two products could have is an alias of neither.
    """
    names_of_rows = [_names(row) for row in rows]
    owners = Counter(name for names in names_of_rows for name in names)
    for row, names in zip(rows, names_of_rows, strict=True):
        if not row["aliases"]:
            row["aliases"] = "|".join(
                f"~{name}" if needs_brand(name) else name for name in names if owners[name] == 1
            )
        if not row["aliases"]:
            message = (
                f"{row['brand']} {row['product']} is in the catalogue twice, or has the names of"
                " another product: give it aliases of its own"
            )
            raise InvalidRequest(message)
    return rows


def _names(row: dict[str, str]) -> list[str]:
    """Return the names of a product: with its brand, without it, and both in other spellings.

    Other spellings have no gaps between single letters and digits, or have gaps between letters
    and digits: `crv` of `cr v`, `rav 4` of `rav4`.
    """
    product = normalise(row["product"])
    plain = [normalise(f"{row['brand']} {row['product']}"), product]
    tight = re.sub(r"(?<=\b[a-z]) (?=[a-z]\b)|(?<=[a-z]) (?=\d)|(?<=\d) (?=[a-z]\b)", "", product)
    loose = re.sub(r"(?<=[a-z])(?=\d)", " ", product)
    spelt = [each for each in (tight, loose) if each != product]
    return list(
        dict.fromkeys([*plain, *(normalise(f"{row['brand']} {each}") for each in spelt), *spelt])
    )


def _domain_toml(
    name: str,
    title: str,
    aspects: Mapping[str, str],
    communities: Sequence[str],
    brands: Iterable[str],
) -> str:
    text = (
        f"title = {json.dumps(title)}\n"
        '# ISO 639-3, as the language detector names them.\nlanguages = ["eng"]\n'
    )
    if communities:
        text += f"\n[sources.reddit]\ncommunities = {json.dumps(list(communities))}\n"
    text += f"\n[sources.sample]\ncommunities = [{json.dumps(name)}]\n"
    text += (
        "\n# Cues are compared as products are: lower case, punctuation as spaces, whole words."
        "\n# Add the words that people use.\n"
    )
    for aspect, spoken in aspects.items():
        heading, cues = json.dumps(spoken[:1].upper() + spoken[1:]), json.dumps(_cues(spoken))
        text += f"\n[aspects.{aspect}]\ntitle = {heading}\ncues = {cues}\n"
    text += (
        '\n[aspects.overall]\ntitle = "As a whole"\nis_overall = true\n'
        'cues = ["worth it", "recommend", "love it", "hate it", "regret"]\n'
        "\n# Cues that put a brand in sight: then its short aliases, written ~alias in"
        " products.csv,\n# count too.\n"
    )
    for brand in brands:
        text += f"\n[brands.{json.dumps(brand)}]\ncues = {json.dumps([normalise(brand)])}\n"
    return text


def _cues(spoken: str) -> list[str]:
    """Return the aspect's own name in singular and plural, where its last word has both."""
    name = normalise(spoken)
    if name.endswith("ies"):
        other = f"{name[:-3]}y"
    elif name.endswith("s") and not name.endswith("ss"):
        other = name[:-1]
    elif name.endswith("y") and name[-2:-1] not in set("aeiou"):
        other = f"{name[:-1]}ies"
    else:
        other = name if name.endswith(_WITHOUT_PLURAL) else f"{name}s"
    return list(dict.fromkeys([name, other]))


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


def _statements(
    rows: Sequence[dict[str, str]], aspects: Sequence[str]
) -> Iterator[tuple[dict[str, str], str, bool, str]]:
    """Yield product, aspect, whether the aspect is praised, and a made-up text for each pair."""
    turns = itertools.product(rows[:_SAMPLE_PRODUCTS], aspects)
    for number, (row, aspect) in enumerate(turns):
        is_praised = number % 3 != 0
        template = (_PRAISE if is_praised else _COMPLAINT)[number % 3]
        yield (
            row,
            aspect,
            is_praised,
            template.format(cue=aspect.replace("_", " "), name=f"{row['brand']} {row['product']}"),
        )


def _examples(rows: Sequence[dict[str, str]], aspects: Sequence[str]) -> Iterator[dict[str, Any]]:
    for row, aspect, is_praised, text in itertools.islice(_statements(rows, aspects), 12):
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
    for number, (_, _, _, text) in enumerate(_statements(rows, aspects)):
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
