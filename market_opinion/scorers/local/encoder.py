"""A transformer encoder of BERT's form: twelve layers, 384 wide.

It is written for jax, which trains it, and for numpy, which checks the graph that runs it. Source
of the form: Devlin et al., BERT, NAACL 2019; the weights are those of answerai-colbert-small-v1
(Apache-2.0), whose pieces are BGE-small and MiniLM.
"""

import math
from typing import Any

LAYER_COUNT, WIDTH, HEAD_COUNT, FEED_WIDTH = 12, 384, 12, 1536
HEAD_WIDTH = WIDTH // HEAD_COUNT
EPSILON = 1e-12
HIDDEN = -1e9

# What a layer multiplies by, as (name here, name in the weights, width in, width out).
MATRICES = (
    ("query", "attention.self.query", WIDTH, WIDTH),
    ("key", "attention.self.key", WIDTH, WIDTH),
    ("value", "attention.self.value", WIDTH, WIDTH),
    ("mix", "attention.output.dense", WIDTH, WIDTH),
    ("widen", "intermediate.dense", WIDTH, FEED_WIDTH),
    ("narrow", "output.dense", FEED_WIDTH, WIDTH),
)

Arrays = Any  # an array of numpy or of jax, or a tree of them


def encode(
    weights: Arrays,
    ids: Arrays,
    marks: Arrays,
    mask: Arrays,
    xp: Any,  # noqa: ANN401, a module
) -> Arrays:
    """Return one vector a token.

    `ids` and `marks` are (texts, tokens), `mask` is 1 for tokens and 0 for padding; `xp` is numpy
    or jax.numpy. `marks` number what a token belongs to: 0 the text, 1 its title, 2 a product named
    in the text, 3 one named in the title, 4 the product that is asked about.
    """
    length = ids.shape[1]
    x = weights["word"][ids] + weights["position"][:length] + weights["mark"][marks]
    x = _normalised(x, weights["norm"], xp)
    hidden = (1.0 - mask)[:, None, None, :] * HIDDEN
    for layer in weights["layers"]:
        x = _layer(layer, x, hidden, xp)
    return x


def _layer(layer: Arrays, x: Arrays, hidden: Arrays, xp: Any) -> Arrays:  # noqa: ANN401, a module
    texts, length, _ = x.shape

    def heads(name: str) -> Arrays:
        return (
            (_dense(layer[name], x))
            .reshape(texts, length, HEAD_COUNT, HEAD_WIDTH)
            .transpose(0, 2, 1, 3)
        )

    query, key, value = heads("query"), heads("key"), heads("value")
    scores = xp.matmul(query, key.transpose(0, 1, 3, 2)) / math.sqrt(HEAD_WIDTH) + hidden
    mixed = (
        xp.matmul(softmax(scores, xp), value).transpose(0, 2, 1, 3).reshape(texts, length, WIDTH)
    )
    x = _normalised(x + _dense(layer["mix"], mixed), layer["norm"], xp)
    return _normalised(
        x + _dense(layer["narrow"], gelu(_dense(layer["widen"], x), xp)), layer["last_norm"], xp
    )


def _dense(layer: Arrays, x: Arrays) -> Arrays:
    return x @ layer["matrix"] + layer["bias"]


def _normalised(x: Arrays, norm: Arrays, xp: Any) -> Arrays:  # noqa: ANN401, a module
    mean = x.mean(axis=-1, keepdims=True)
    centred = x - mean
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    return centred / xp.sqrt(variance + EPSILON) * norm["scale"] + norm["bias"]


def gelu(x: Arrays, xp: Any) -> Arrays:  # noqa: ANN401, a module
    """Return the Gaussian error linear unit by tanh (Hendrycks and Gimpel 2016)."""
    return 0.5 * x * (1.0 + xp.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)))


def softmax(scores: Arrays, xp: Any) -> Arrays:  # noqa: ANN401, a module
    """Return weights along the last axis that add up to 1."""
    raised = xp.exp(scores - scores.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)
