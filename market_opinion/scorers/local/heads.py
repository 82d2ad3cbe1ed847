"""Three questions about one product of an encoded text.

Is it meant where it is named? Does the text speak of it where only the thread names it? Does a
clause judge an aspect of it, and does it praise?
"""

from typing import Any

from market_opinion.scorers.local.encoder import WIDTH, Arrays, gelu, softmax

NAMED_FEATURES, REFERRED_FEATURES = 10, 8
# What rules say of a clause for each aspect, and of the product's part in it.
ASPECT_FEATURES, ROLE_FEATURES = 18, 5
CLAUSE_FEATURES = ASPECT_FEATURES + ROLE_FEATURES
HIDDEN_WIDTH, QUERY_WIDTH = 128, 64
_OUTSIDE = -1e9


def named(
    head: Arrays,
    states: Arrays,
    subject: Arrays,
    features: Arrays,
    xp: Any,  # noqa: ANN401, a module
) -> Arrays:
    """Return the log-odds that the product is meant where a text names it: (texts,).

    `subject` weights the tokens of its names (texts, tokens), `features` is
    (texts, NAMED_FEATURES).
    """
    return _two_layers(head, _of_subject(states, subject, features, xp), xp)[:, 0, 0]


def referred(
    head: Arrays,
    states: Arrays,
    subject: Arrays,
    mask: Arrays,
    features: Arrays,
    xp: Any,  # noqa: ANN401, a module
) -> Arrays:
    """Return the log-odds that a text speaks of the product of its thread: (texts,).

    `features` is (texts, REFERRED_FEATURES).
    """
    mean = (states * mask[..., None]).sum(axis=1) / xp.maximum(mask.sum(axis=1), 1.0)[:, None]
    features = xp.concatenate([mean, features], axis=-1)
    return _two_layers(head, _of_subject(states, subject, features, xp), xp)[:, 0, 0]


def _of_subject(
    states: Arrays,
    subject: Arrays,
    features: Arrays,
    xp: Any,  # noqa: ANN401, a module
) -> Arrays:
    """Return what stands at a product's names, the whole text, and features: (texts, 1, width)."""
    inside = xp.matmul(subject[:, None, :], states)
    # One product a text, so that none depends on how many texts there are.
    return xp.concatenate([inside, states[:, :1, :], features[:, None, :]], axis=-1)


def opinions(
    head: Arrays,
    states: Arrays,
    clauses: Arrays,
    aspects: Arrays,
    features: Arrays,
    xp: Any,  # noqa: ANN401, a module
) -> Arrays:
    """Return log-odds of an opinion, and of praise if there is one, for each clause and aspect.

    The result is (texts, clauses, aspects, 2).

    `clauses` marks the tokens of each clause (texts, clauses, tokens) with 1, `aspects` is one
    vector an aspect, `features` is (texts, clauses, aspects, CLAUSE_FEATURES). Each aspect looks at
    the tokens of a clause in its own way.
    """
    queries = aspects @ head["query"]
    keys = states @ head["key"]
    scores = xp.matmul(keys, queries.T).transpose(0, 2, 1)[:, None, :, :]
    inside = scores + (1.0 - clauses)[:, :, None, :] * _OUTSIDE
    # Tokens are made narrow before each aspect looks at them: they are fewer than its looks.
    looked_at = xp.matmul(softmax(inside, xp), (states @ head["looked"])[:, None, :, :])
    mean = xp.matmul(clauses, states) / xp.maximum(clauses.sum(axis=-1), 1.0)[..., None]
    whole = states[:, :1, :] @ head["whole"]
    read = xp.tanh(looked_at + (mean @ head["mean"] + whole)[:, :, None, :] + head["bias"])
    meant = xp.tanh(aspects @ head["aspect"])
    parts = [read, read * meant, xp.broadcast_to(meant, read.shape), features]
    return _two_layers(head["answer"], xp.concatenate(parts, axis=-1), xp)


def _two_layers(head: Arrays, x: Arrays, xp: Any) -> Arrays:  # noqa: ANN401, a module
    return gelu(x @ head["first"] + head["first_bias"], xp) @ head["second"] + head["second_bias"]


def shapes() -> dict[str, Any]:
    """Return the shape of every array of the heads, by their names."""
    return {
        "named": _two_layer_shapes(2 * WIDTH + NAMED_FEATURES, 96, 1),
        "referred": _two_layer_shapes(3 * WIDTH + REFERRED_FEATURES, 96, 1),
        "opinions": {
            "query": (WIDTH, QUERY_WIDTH),
            "key": (WIDTH, QUERY_WIDTH),
            "looked": (WIDTH, HIDDEN_WIDTH),
            "mean": (WIDTH, HIDDEN_WIDTH),
            "whole": (WIDTH, HIDDEN_WIDTH),
            "bias": (HIDDEN_WIDTH,),
            "aspect": (WIDTH, HIDDEN_WIDTH),
            "answer": _two_layer_shapes(3 * HIDDEN_WIDTH + CLAUSE_FEATURES, HIDDEN_WIDTH, 2),
        },
    }


def _two_layer_shapes(inputs: int, hidden: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {
        "first": (inputs, hidden),
        "first_bias": (hidden,),
        "second": (hidden, outputs),
        "second_bias": (outputs,),
    }
