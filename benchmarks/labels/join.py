"""Labels joined with the texts of the archives that they are of, as files of labelled items.

.venv/bin/python -m benchmarks.labels.join --texts ../shared/data/reddit --to labels

Writes smartphones_train.jsonl, smartphones_dev.jsonl and smartphones_check.jsonl: items to learn
from, to calibrate on, and to check on. The part depends on the characters of an id alone, but for
items of stratum `picked`, which were no random draw: all are learned from. Domains of the folder
`domains` beside this file are learned from alone; they are copied, with electronics_train.jsonl.
`flows.train` takes the folder.
"""

import json
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any, Literal

import cyclopts
import polars as pl
import zstandard

from market_opinion.stages.cleaning import clean

FOLDER = Path(__file__).parent
_LEARNED_FROM = FOLDER / "domains"
_PICKED = "picked"
Part = Literal["train", "dev", "check"]


def part_of(item_id: str, stratum: str) -> Part:
    """Return the part of an item: a quarter is for checking, an eighth for calibrating."""
    if stratum == _PICKED:
        return "train"
    total = sum(map(ord, item_id))
    return "check" if total % 4 == 1 else "dev" if total % 8 == 2 else "train"


def read_texts(folder: Path, wanted: set[str]) -> dict[str, dict[str, Any]]:
    """Return the items of these ids, cleaned as silver does, with the titles of their threads."""
    titles: dict[str, str] = {}
    rows = []
    for path in sorted(folder.glob("R[CS]_*.zst")):
        with path.open("rb") as packed:
            raw = zstandard.ZstdDecompressor().stream_reader(packed).read()
        for line in raw.splitlines():
            fields = json.loads(line)
            is_comment = "body" in fields
            if not is_comment:
                titles[fields["id"]] = fields["title"]
            if fields["id"] in wanted:
                parts = [fields.get("title"), fields.get("selftext")]
                text = fields["body"] if is_comment else "\n".join(filter(None, parts))
                thread = fields.get("link_id", "").removeprefix("t3_") or fields["id"]
                kind = "comment" if is_comment else "submission"
                rows.append((fields["id"], kind, thread, text))
    names = ("item_id", "kind", "thread_id", "text")
    frame = pl.DataFrame(rows, schema=names, orient="row").with_columns(
        thread=pl.col("thread_id").replace_strict(titles, default="")
    )
    cleaned = clean(frame.lazy(), "text", "thread").collect()
    return {row["item_id"]: row for row in cleaned.iter_rows(named=True)}


def read_labels(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """Return the first reader's labels of every item, with its community."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            label = json.loads(line)
            if label["reader"] == 1:
                found[label["item_id"]] = label | {"community": path.stem}
    return found


def joined(texts: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the labelled items of each domain and part, by the names of their files."""
    folders = {"smartphones": FOLDER, **{each.name: each for each in _LEARNED_FROM.iterdir()}}
    labels = {domain: read_labels(folder) for domain, folder in folders.items()}
    found = read_texts(texts, {item_id for own in labels.values() for item_id in own})
    parts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for domain, own in sorted(labels.items()):
        for item_id, label in sorted(own.items()):
            if item := found.get(item_id):
                part = part_of(item_id, label["stratum"])
                parts[f"{domain}_{part}"].append(_labelled_item(item, label))
    return parts


def _labelled_item(item: dict[str, Any], label: dict[str, Any]) -> dict[str, Any]:
    opinions = [
        {"product_id": p, "aspect": a, "label": word, "evidence": item["text"][start:end]}
        for p, a, word, start, end in label["opinions"]
    ]
    return {
        "item_id": item["item_id"],
        "community": label["community"],
        "kind": item["kind"],
        "stratum": label["stratum"],
        "thread": item["thread"],
        "text": item["text"],
        "mentions": [{"product_id": p, "how": how} for p, how in label["mentions"]],
        "opinions": [each for each in opinions if each["evidence"].strip()],
    }


def main(*, texts: Path, to: Path) -> None:
    """Write the parts as files of labelled items.

    Args:
        texts: Folder of the archives, RC* and RS* files.
        to: Folder that is written; it holds other people's texts, so keep it out of any repository.
    """
    to.mkdir(parents=True, exist_ok=True)
    shutil.copytree(_LEARNED_FROM, to / _LEARNED_FROM.name, dirs_exist_ok=True)
    for name, items in joined(texts).items():
        path = to / f"{name}.jsonl"
        lines = (json.dumps(item, ensure_ascii=False) + "\n" for item in items)
        path.write_text("".join(lines), encoding="utf-8")
        print(f"{path}: {len(items):,} items")


if __name__ == "__main__":
    cyclopts.run(main)
