"""One training of the local scorer: which files it learns from, and what it writes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from market_opinion.core.errors import InvalidRequest
from market_opinion.core.log import Log
from market_opinion.domain.definition import domain_names, load_domain
from market_opinion.domain.labels import LabelledItem, as_silver, read_labelled_items, texts_digest
from market_opinion.scorers.local import training, weights
from market_opinion.scorers.local.calibration import calibrate
from market_opinion.scorers.local.inputs import Reader
from market_opinion.scorers.local.model import LocalModel, aspect_vectors

_CALIBRATED = "smartphones"
# Rated from -4 to 4; nearer to the middle people do not agree on the sign.
_RATING_MIN = {"movieReviewSnippets": 1.2, "amazonReviewSnippets": 0.9, "tweets": 0.9}
_SNIPPET_CHARACTERS = range(16, 170)
_SNIPPETS_MAX = 2000
_STEPS_A_LINE = 100


def learn(
    domains_path: Path, labelled: Path, snippets: Path | None, to: Path, *, epochs: int, log: Log
) -> dict[str, Any]:
    """Train, calibrate and write weights; return the facts that are kept beside them.

    Raises InvalidRequest where there are no items to learn or to calibrate from.
    """
    published, tokenizer = weights.published()
    examples: list[training.Example] = []
    vectors, digests = [], {}
    for number, name in enumerate(domain_names(domains_path)):
        domain = load_domain(name, domains_path)
        reader = Reader(domain, tokenizer)
        items = _items(domains_path / name / "labelled", labelled, domain)
        examples += training.examples_of(domain, number, reader, items)
        vectors.append(aspect_vectors(published, tokenizer, domain))
        digests[name] = texts_digest(items)
        if name == _CALIBRATED and snippets:
            examples += training.tone_examples(reader, number, list(_snippets(snippets)))
    if not any(example.targets.opinions.max(initial=-1) >= 0 for example in examples):
        message = f"nothing to learn from in {labelled}: it needs DOMAIN_train.jsonl files"
        raise InvalidRequest(message)

    def on_step(done: int, total: int, loss: float) -> None:
        if done % _STEPS_A_LINE == 0 or done == total:
            log.info("step %d of %d, loss %.3f", done, total, loss)

    learned = training.train(published, vectors, examples, epochs=epochs, on_step=on_step)
    facts = {"epochs": epochs, "example_count": len(examples), "texts": digests}
    weights.save(learned, to, facts=facts)
    domain = load_domain(_CALIBRATED, domains_path)
    held_out = _read(labelled / f"{_CALIBRATED}_dev.jsonl", domain)
    if held_out:
        facts |= {"calibration": calibrate(LocalModel(to), domain, as_silver(held_out), held_out)}
        weights.save(learned, to, facts=facts)
    return facts


def _items(own: Path, labelled: Path, domain: Any) -> list[LabelledItem]:  # noqa: ANN401, a Domain
    files = [*sorted(own.glob("train*.jsonl")), labelled / f"{domain.name}_train.jsonl"]
    return [item for file in files for item in _read(file, domain)]


def _read(file: Path, domain: Any) -> list[LabelledItem]:  # noqa: ANN401, a Domain
    return read_labelled_items(file, domain) if file.is_file() else []


def _snippets(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield rated snippets of a fixed choice, and whether each praises."""
    found: list[tuple[str, bool]] = []
    for name, rating_min in sorted(_RATING_MIN.items()):
        file = folder / f"{name}_GroundTruth.txt"
        for line in file.read_text(encoding="latin-1").splitlines():
            _, rating, text = (*line.split("\t", 2), "", "", "")[:3]
            if len(text) in _SNIPPET_CHARACTERS and abs(float(rating or 0)) >= rating_min:
                found.append((text, float(rating) > 0))
    order = np.random.default_rng(1).permutation(len(found))[:_SNIPPETS_MAX]
    yield from (found[n] for n in order)
