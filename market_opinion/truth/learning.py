"""One training of the local scorer: which files it learns from, and what it writes."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from market_opinion.core.errors import InvalidRequest
from market_opinion.domain.definition import Domain, domain_names, load_domain
from market_opinion.domain.labels import (
    Judgement,
    LabelledItem,
    read_judgements,
    read_labelled_items,
    share,
    texts_digest,
)
from market_opinion.scorers.clauses import clauses_of
from market_opinion.scorers.local import training, weights
from market_opinion.scorers.local.calibration import HeldOut, calibrate
from market_opinion.scorers.local.encoder import Arrays
from market_opinion.scorers.local.inputs import Reader
from market_opinion.scorers.local.model import LocalModel, aspect_vectors
from market_opinion.truth.labelled import read_labelled

_TONES_OF = "smartphones"
# Rated from -4 to 4; nearer to the middle people do not agree on the sign.
_RATING_MIN = {
    "movieReviewSnippets": 1.2,
    "amazonReviewSnippets": 0.9,
    "nytEditorialSnippets": 0.9,
    "tweets": 0.9,
}
_SNIPPET_CHARACTERS = range(16, 170)
_SNIPPETS_MAX, _PRAISE_TO_BLAME_MAX = 12_000, 1.15
_SENTENCES_A_TEXT = 5


class Sources(NamedTuple):
    """Places in which a training finds its texts.

    `labelled` is a folder of labelled items; its folder `domains` may hold domains that are only
    learned from; `snippets` a folder of rated snippets and `toned` files of texts with a tone
    as `truth.labelled` reads them, half of which are learned from. `start` are weights to go on
    from.
    """

    labelled: Path
    snippets: Path | None = None
    toned: Sequence[Path] = ()
    start: Path | None = None


def learn(
    domains_path: Path,
    sources: Sources,
    to: Path,
    *,
    epochs: int,
    on_step: Callable[[int, int, float], None],
) -> dict[str, Any]:
    """Train, calibrate and write weights; return the facts that are kept beside them.

    Without an epoch, weights to go on from are only calibrated anew. `on_step` is told how many
    steps are done, of how many, and the loss of the last.

    Raises InvalidRequest where there are no items to learn from, or neither epochs nor weights to
    go on from, and SettingsInvalid where these cannot be read.
    """
    before, known, started_from = weights.load(sources.start) if sources.start else (None, {}, "")
    if epochs:
        learned, facts = _trained(domains_path, sources, before, epochs=epochs, on_step=on_step)
        facts |= {"started_from": started_from} if before else {}
    elif before:
        learned, facts = before, known
    else:
        message = "nothing to calibrate: without an epoch, --start has to name the weights"
        raise InvalidRequest(message)
    weights.save(learned, to, facts=facts)
    held_out = list(_held_out(domains_path, sources.labelled))
    if held_out:
        facts |= {"calibration": calibrate(LocalModel(to), held_out)}
        weights.save(learned, to, facts=facts)
    return facts


def _trained(
    domains_path: Path,
    sources: Sources,
    before: Arrays | None,
    *,
    epochs: int,
    on_step: Callable[[int, int, float], None],
) -> tuple[Arrays, dict[str, Any]]:
    """Return learned arrays, and the facts of their training."""
    published, tokenizer = weights.published()
    examples: list[training.Example] = []
    tones: list[training.Example] = []
    vectors, digests = [], {}
    domains = [
        load_domain(name, path)
        for path in (domains_path, sources.labelled / "domains")
        for name in domain_names(path)
    ]
    for number, domain in enumerate(domains):
        folder = domains_path / domain.name / "labelled"
        reader = Reader(domain, tokenizer)
        items = _items(folder, sources.labelled, domain)
        examples += training.examples_of(domain, number, reader, items)
        vectors.append(aspect_vectors(published, tokenizer, domain))
        digests[domain.name] = texts_digest(items)
        tones += training.tone_examples(reader, number, _judgements(folder, domain))
        if domain.name == _TONES_OF:
            tones += training.tone_examples(reader, number, _balanced(sources, domain))
    if not examples:
        message = f"nothing to learn from in {sources.labelled}: it needs DOMAIN_train.jsonl files"
        raise InvalidRequest(message)

    learned = training.train(
        published, vectors, examples, tones, epochs=epochs, start=before, on_step=on_step
    )
    return learned, {"epochs": epochs, "example_count": len(examples), "texts": digests}


def _held_out(domains_path: Path, labelled: Path) -> Iterator[HeldOut]:
    for name in domain_names(domains_path):
        domain = load_domain(name, domains_path)
        files = (
            domains_path / name / "labelled" / "dev.jsonl",
            *sorted(labelled.glob(f"{name}_dev*.jsonl")),
        )
        items = [item for file in files for item in _read(file, domain)]
        if items:
            yield HeldOut(domain, items)


def _items(own: Path, labelled: Path, domain: Domain) -> list[LabelledItem]:
    files = [*sorted(own.glob("train*.jsonl")), labelled / f"{domain.name}_train.jsonl"]
    return [item for file in files for item in _read(file, domain)]


def _read(file: Path, domain: Domain) -> list[LabelledItem]:
    return read_labelled_items(file, domain) if file.is_file() else []


def _judgements(folder: Path, domain: Domain) -> Iterator[Judgement]:
    for file in sorted(folder.glob("judgements*.tsv")):
        yield from read_judgements(file, domain)


def _balanced(sources: Sources, domain: Domain) -> list[Judgement]:
    """Return short texts of a fixed choice, about as many that praise as that do not."""
    texts = [*_snippets(sources.snippets), *_sentences(sources.toned, domain)]
    order = np.random.default_rng(1).permutation(len(texts))
    shuffled = [texts[n] for n in order]
    praises, complaints = (
        [each for each in shuffled if each.is_praise is is_praise] for is_praise in (True, False)
    )
    kept = praises[: round(_PRAISE_TO_BLAME_MAX * len(complaints))] + complaints
    order = np.random.default_rng(2).permutation(len(kept))[:_SNIPPETS_MAX]
    return [kept[n] for n in order]


def _snippets(folder: Path | None) -> Iterator[Judgement]:
    """Yield rated snippets."""
    for name, rating_min in sorted(_RATING_MIN.items()) if folder else ():
        file = (folder or Path()) / f"{name}_GroundTruth.txt"
        for line in file.read_text(encoding="latin-1").splitlines():
            _, rating, text = (*line.split("\t", 2), "", "", "")[:3]
            if len(text) in _SNIPPET_CHARACTERS and abs(float(rating or 0)) >= rating_min:
                yield Judgement(text, float(rating) > 0)


def _sentences(files: Sequence[Path], domain: Domain) -> Iterator[Judgement]:
    """Yield sentences of half of the toned texts, each with the tone of its text."""
    for file in files:
        for text, label in read_labelled(file, domain).select("text", "label").iter_rows():
            if label not in {"positive", "negative"} or not is_learned_from(text):
                continue
            spans = list(dict.fromkeys(clause.sentence for clause in clauses_of(text)))
            sentences = [text[start:end].strip() for start, end in spans]
            short = [each for each in sentences if len(each) in _SNIPPET_CHARACTERS]
            yield from (Judgement(each, label == "positive") for each in short[:_SENTENCES_A_TEXT])


def is_learned_from(text: str) -> bool:
    """Whether a toned text is of the half that is learned from; the other half is measured on."""
    return share(text) < 1 / 2
