"""Fine-tuning the local model on labelled items, by jax.

Learned is a small difference to the published weights, and the heads.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from market_opinion.domain.definition import Domain
from market_opinion.domain.labels import (
    Judgement,
    LabelledItem,
    LabelledOpinion,
    as_silver,
)
from market_opinion.scorers.local import heads
from market_opinion.scorers.local.batches import Batch, stack
from market_opinion.scorers.local.encoder import LAYER_COUNT, MATRICES, Arrays, encode
from market_opinion.scorers.local.inputs import Item, Reader, Window
from market_opinion.scorers.local.weights import adapted
from market_opinion.stages.mentions import find_candidates

RANK = 16
_IGNORED = -1
# Most tokens, clauses and windows of a batch of each length.
_SHAPES = ((48, 10, 28), (80, 14, 18), (128, 20, 11), (232, 32, 6))
_OPINION_WEIGHT = 3.0
_SMALL_HEADS_WEIGHT, _SIGN_WEIGHT, _TONE_WEIGHT = 0.5, 3.0, 1.0
# Weights that go on from others move half as fast.
_PEAK_RATE, _PEAK_RATE_GOING_ON, _DECAY = 8e-4, 4e-4, 0.02
_OVERLAP_MIN = 0.5
_TONE_SHARES = 3
_KEPT_STATES = 0.85
# How many words are hidden from the model at each step, so that it leans on no single one.
_HIDDEN_WORDS, _MASK, _FIRST_WORD = 0.08, 103, 1000
# A longer snippet may praise and blame.
_TONE_CLAUSES_MAX = 2


class Targets(NamedTuple):
    """The right answers about a window: 1 or 0, and -1 where nobody can say.

    `opinions` and `praises` are (clauses, aspects): whether there is an opinion on the window's
    product, and whether one praises; `named` and `referred` whether the product is meant.
    """

    opinions: Any
    praises: Any
    named: Any
    referred: Any


@dataclass(frozen=True)
class Example:
    """One window with its targets, and which domain's aspects it is asked about."""

    window: Window
    targets: Targets
    domain: int


def examples_of(
    domain: Domain, number: int, reader: Reader, items: Sequence[LabelledItem]
) -> list[Example]:
    """Return windows with their targets, for every product that a labelled item may speak of."""
    candidates: dict[str, dict[str, str]] = {}
    for item_id, product, reason in (
        find_candidates(as_silver(items), domain)
        .select("item_id", "product_id", "reason")
        .iter_rows()
    ):
        candidates.setdefault(item_id, {})[product] = reason
    found = []
    for n, item in enumerate(items):
        reasons = candidates.get(item.item_id, {})
        told = [m.product_id for m in item.mentions if m.how == "context"]
        # A product that only the parent tells of still teaches what an opinion is.
        products = [*reasons, *(p for p in told[:1] if p not in reasons)]
        read = reader.read(n, Item(item.text, item.thread, item.community), products)
        found += [Example(w, _targets(item, w, reader, reasons), number) for w in read]
    return found


def _targets(
    item: LabelledItem, window: Window, reader: Reader, reasons: Mapping[str, str]
) -> Targets:
    product = window.product_id
    is_meant = int(any(m.product_id == product for m in item.mentions))
    named = is_meant if window.is_named else _IGNORED
    referred = is_meant if reasons.get(product) == "referred" else _IGNORED
    shape = len(window.clauses), len(reader.aspects)
    opinions, praises = np.zeros(shape, np.int32), np.full(shape, _IGNORED, np.int32)
    for a, aspect in enumerate(reader.aspects):
        own = [o for o in item.opinions if (o.product_id, o.aspect) == (product, aspect)]
        if own:
            opinions[:, a], praises[:, a] = _of_aspect(item, window, own)
    return Targets(opinions, praises, named, referred)


def _of_aspect(
    item: LabelledItem, window: Window, own: Sequence[LabelledOpinion]
) -> tuple[Any, Any]:
    """Return targets for an aspect with opinions; clauses beside the evidence are left open."""
    opinions = np.full(len(window.clauses), _IGNORED, np.int32)
    praises = np.full(len(window.clauses), _IGNORED, np.int32)
    for opinion in own:
        start = item.text.find(opinion.evidence)
        end = start + len(opinion.evidence)
        overlaps = [max(0, min(end, c.span.end) - max(start, c.span.start)) for c in window.clauses]
        most = max(overlaps, default=0)
        for k, overlap in enumerate(overlaps):
            if most and overlap >= max(1, _OVERLAP_MIN * most):
                # What is mixed teaches no sign.
                sign = {"positive": 1, "negative": 0}.get(opinion.label, _IGNORED)
                praises[k] = sign if opinions[k] == _IGNORED or praises[k] == sign else _IGNORED
                opinions[k] = 1
    return opinions, praises


def tone_examples(
    reader: Reader, number: int, judgements: Iterable[Judgement], *, seed: int = 1
) -> list[Example]:
    """Return windows of short texts that praise or blame, which teach nothing but the sign."""
    rng = np.random.default_rng(seed)
    found = []
    for n, (text, is_praise, aspect) in enumerate(judgements):
        for window in reader.read(n, Item(text, "", ""), [""]):
            shape = len(window.clauses), len(reader.aspects)
            praises = np.full(shape, _IGNORED, np.int32)
            if len(window.clauses) <= _TONE_CLAUSES_MAX:
                any_aspect = int(rng.integers(len(reader.aspects)))
                asked = reader.aspects.index(aspect) if aspect else any_aspect
                praises[:, asked] = int(is_praise)
            targets = Targets(np.full(shape, _IGNORED, np.int32), praises, _IGNORED, _IGNORED)
            found.append(Example(window, targets, number))
    return found


def train(
    encoder: Arrays,
    aspects: Sequence[Any],
    examples: Sequence[Example],
    tones: Sequence[Example],
    *,
    epochs: int,
    start: Arrays | None = None,
    seed: int = 1,
    on_step: Callable[[int, int, float], None] = lambda *_: None,
) -> Arrays:
    """Return what is learned from the examples; equal input on one machine gives equal weights.

    `aspects` holds a matrix of one vector an aspect for each domain. Every example is seen once an
    epoch, every one of `tones` in every third epoch. `start` is what was learned before and is gone
    on from; the result is then the mean of both, which keeps more of what was known (Wortsman et
    al. 2022).
    """
    rng = np.random.default_rng(seed)
    peak_rate = _PEAK_RATE_GOING_ON if start else _PEAK_RATE
    learned = jax.tree.map(jnp.asarray, start) if start else _start(rng)
    count = max(matrix.shape[0] for matrix in aspects)
    padded = jnp.stack([_rows(matrix, count) for matrix in aspects])
    shares = [[*examples, *tones[n % _TONE_SHARES :: _TONE_SHARES]] for n in range(epochs)]
    schedule_steps = sum(_batch_count(share) for share in shares)
    rate = optax.warmup_cosine_decay_schedule(
        0.0, peak_rate, schedule_steps // 10, schedule_steps, peak_rate / 50
    )
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=_DECAY))
    state = optimiser.init(learned)
    frozen = jax.tree.map(jnp.asarray, encoder)

    @jax.jit
    def step(
        learned: Arrays,
        state: Any,
        batch: Batch,
        targets: Targets,
        domains: Any,
        key: Any,
    ) -> tuple[Arrays, Any, Any]:
        loss, gradient = jax.value_and_grad(_loss)(
            learned, frozen, batch, targets, padded, domains, key
        )
        updates, state = optimiser.update(gradient, state, learned)
        return optax.apply_updates(learned, updates), state, loss

    done, key = 0, jax.random.key(seed)
    for share in shares:
        for batch, targets, domains in _batches(share, rng, count):
            key, own = jax.random.split(key)
            learned, state, loss = step(learned, state, batch, targets, domains, own)
            done += 1
            on_step(done, schedule_steps, float(loss))
    if start:
        learned = jax.tree.map(lambda before, now: (before + now) / 2, start, learned)
    return jax.tree.map(np.asarray, learned)


def _start(rng: np.random.Generator) -> Arrays:
    def normal(*shape: int, scale: float) -> Any:
        return jnp.asarray(rng.normal(0, scale, shape), jnp.float32)

    def layer() -> Arrays:
        thin = {
            name: {
                "down": normal(width, RANK, scale=1 / RANK),
                "up": jnp.zeros((RANK, out)),
                "bias": jnp.zeros(out),
            }
            for name, _, width, out in MATRICES
        }
        norms = {
            name: {"scale": jnp.zeros(MATRICES[0][2]), "bias": jnp.zeros(MATRICES[0][2])}
            for name in ("norm", "last_norm")
        }
        return thin | norms

    def head(shape: Any) -> Arrays:
        if isinstance(shape, dict):
            return {name: head(below) for name, below in shape.items()}
        return normal(*shape, scale=shape[0] ** -0.5) if len(shape) > 1 else jnp.zeros(shape)

    return {
        "layers": [layer() for _ in range(LAYER_COUNT)],
        "mark": normal(5, MATRICES[0][2], scale=0.05),
        "heads": head(heads.shapes()),
    }


def _loss(  # noqa: PLR0917, one batch
    learned: Arrays,
    frozen: Arrays,
    batch: Batch,
    targets: Targets,
    aspects: Any,
    domains: Any,
    key: Any,
) -> Any:
    weights = adapted(frozen, learned)
    word_key, key = jax.random.split(key)
    is_hidden = jax.random.bernoulli(word_key, _HIDDEN_WORDS, batch.ids.shape)
    ids = jnp.where(is_hidden & (batch.ids >= _FIRST_WORD), _MASK, batch.ids)
    states = encode(weights, ids, batch.marks, batch.mask, jnp)
    keep = jax.random.bernoulli(key, _KEPT_STATES, states.shape)
    states = jnp.where(keep, states / _KEPT_STATES, 0.0)
    answers = learned["heads"]
    scores = jax.vmap(_opinions_of_one, in_axes=(None, 0, 0, 0, 0))(
        answers["opinions"], states, batch.clauses, aspects[domains], batch.clause_features
    )
    weight = jnp.where(targets.opinions > 0, _OPINION_WEIGHT, 1.0)
    opinion_loss = _binary(scores[..., 0], targets.opinions, weight)
    # Snippets alone say nothing of opinions, and are many.
    is_labelled = (targets.opinions >= 0).any(axis=(1, 2), keepdims=True)
    sign_loss = _binary(
        scores[..., 1], targets.praises, jnp.where(is_labelled, _SIGN_WEIGHT, _TONE_WEIGHT)
    )
    subject = batch.subject
    named = heads.named(answers["named"], states, subject, batch.named_features, jnp)
    referred = heads.referred(
        answers["referred"], states, subject, batch.mask, batch.referred_features, jnp
    )
    return (
        opinion_loss
        + sign_loss
        + _SMALL_HEADS_WEIGHT
        * (_binary(named, targets.named) + _binary(referred, targets.referred))
    )


def _opinions_of_one(
    head: Arrays,
    states: Any,
    clauses: Any,
    aspects: Any,
    features: Any,
) -> Any:
    return heads.opinions(head, states[None], clauses[None], aspects, features[None], jnp)[0]


def _binary(odds: Any, targets: Any, weight: Any = 1.0) -> Any:
    """Return the cross-entropy of what is known, a text."""
    known = targets >= 0
    losses = jax.nn.softplus(odds) - odds * jnp.maximum(targets, 0)
    return (jnp.where(known, losses, 0.0) * weight).sum() / odds.shape[0]


def _shape_of(example: Example) -> int:
    length = len(example.window.ids)
    return next(
        (n for n, (tokens, _, _) in enumerate(_SHAPES) if length <= tokens), len(_SHAPES) - 1
    )


def _batch_count(examples: Sequence[Example]) -> int:
    counts = Counter(map(_shape_of, examples))
    return sum(-(-count // _SHAPES[shape][2]) for shape, count in counts.items())


def _batches(examples: Sequence[Example], rng: np.random.Generator, aspects: int) -> Any:
    """Yield the examples in batches of few shapes, in a random order."""
    groups: dict[int, list[int]] = {}
    for n in rng.permutation(len(examples)):
        groups.setdefault(_shape_of(examples[n]), []).append(int(n))
    batches = [
        (shape, members[at : at + _SHAPES[shape][2]])
        for shape, members in sorted(groups.items())
        for at in range(0, len(members), _SHAPES[shape][2])
    ]
    for b in rng.permutation(len(batches)):
        shape, members = batches[b]
        tokens, clauses, size = _SHAPES[shape]
        chosen = [examples[n] for n in members]
        batch = stack(
            [each.window for each in chosen],
            tokens=tokens,
            clauses=clauses,
            aspects=aspects,
        )
        yield _padded(batch, size), _stacked(chosen, size, clauses, aspects), _domains(chosen, size)


def _padded(batch: Batch, size: int) -> Batch:
    return Batch(
        *(np.concatenate([a, np.zeros((size - len(a), *a.shape[1:]), a.dtype)]) for a in batch)
    )


def _stacked(chosen: Sequence[Example], size: int, clauses: int, aspects: int) -> Targets:
    opinions = np.full((size, clauses, aspects), _IGNORED, np.int32)
    praises = np.full_like(opinions, _IGNORED)
    named, referred = np.full((2, size), _IGNORED, np.int32)
    for n, example in enumerate(chosen):
        for array, own in (
            (opinions, example.targets.opinions),
            (praises, example.targets.praises),
        ):
            array[n, : min(len(own), clauses), : own.shape[1]] = own[:clauses]
        named[n] = example.targets.named
        referred[n] = example.targets.referred
    return Targets(opinions, praises, named, referred)


def _domains(chosen: Sequence[Example], size: int) -> Any:
    return np.array([example.domain for example in chosen] + [0] * (size - len(chosen)), np.int32)


def _rows(matrix: Any, count: int) -> Any:
    return jnp.concatenate(
        [jnp.asarray(matrix), jnp.zeros((count - matrix.shape[0], matrix.shape[1]))]
    )
