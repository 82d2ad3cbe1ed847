"""What is asked of an encoded text: is a named product meant, is the thread's, and what does each clause say of each aspect."""

from typing import Any

from market_opinion.scorers.local.encoder import WIDTH, Arrays, gelu, softmax

NAMED_FEATURES, REFERRED_FEATURES, CLAUSE_FEATURES = 8, 8, 14
HIDDEN_WIDTH, QUERY_WIDTH = 128, 64
_OUTSIDE = -1e9


def named(head: Arrays, states: Arrays, spans: Arrays, features: Arrays, xp: Any) -> Arrays:  # noqa: ANN401, a module
    """Return the log-odds that each named product is meant: (texts, names).

    `spans` weights the tokens of each name (texts, names, tokens), `features` is (texts, names, NAMED_FEATURES).
    """
    inside = xp.matmul(spans, states)
    whole = xp.broadcast_to(states[:, :1, :], inside.shape)
    return _two_layers(head, xp.concatenate([inside, whole, features], axis=-1), xp)[..., 0]


def referred(head: Arrays, states: Arrays, mask: Arrays, features: Arrays, xp: Any) -> Arrays:  # noqa: ANN401, a module
    """Return the log-odds that a text speaks of the product of its thread: (texts,); `features` is (texts, REFERRED_FEATURES)."""
    mean = (states * mask[..., None]).sum(axis=1) / xp.maximum(mask.sum(axis=1), 1.0)[:, None]
    return _two_layers(head, xp.concatenate([states[:, 0, :], mean, features], axis=-1), xp)[..., 0]


def opinions(  # noqa: PLR0917, arrays of one batch
    head: Arrays,
    states: Arrays,
    clauses: Arrays,
    aspects: Arrays,
    features: Arrays,
    xp: Any,  # noqa: ANN401, a module
) -> Arrays:
    """Return two log-odds for each clause and aspect: that there is an opinion, and that an opinion praises.

    The result is (texts, clauses, aspects, 2).

    `clauses` marks the tokens of each clause (texts, clauses, tokens) with 1, `aspects` is one vector an aspect, `features` is
    (texts, clauses, aspects, CLAUSE_FEATURES). Each aspect looks at the tokens of a clause in its own way.
    """
    queries = aspects @ head["query"]
    keys = states @ head["key"]
    scores = xp.matmul(keys, queries.T).transpose(0, 2, 1)[:, None, :, :]
    inside = scores + (1.0 - clauses)[:, :, None, :] * _OUTSIDE
    looked_at = xp.matmul(softmax(inside, xp), states[:, None, :, :])
    mean = xp.matmul(clauses, states) / xp.maximum(clauses.sum(axis=-1), 1.0)[..., None]
    whole = states[:, :1, :] @ head["whole"]
    read = xp.tanh(
        looked_at @ head["looked"] + (mean @ head["mean"] + whole)[:, :, None, :] + head["bias"]
    )
    meant = xp.tanh(aspects @ head["aspect"])
    parts = [read, read * meant, xp.broadcast_to(meant, read.shape), features]
    return _two_layers(head["answer"], xp.concatenate(parts, axis=-1), xp)


def _two_layers(head: Arrays, x: Arrays, xp: Any) -> Arrays:  # noqa: ANN401, a module
    return gelu(x @ head["first"] + head["first_bias"], xp) @ head["second"] + head["second_bias"]


def shapes() -> dict[str, Any]:
    """Return the shape of every array of the heads, by their names."""
    return {
        "named": _two_layer_shapes(2 * WIDTH + NAMED_FEATURES, 96, 1),
        "referred": _two_layer_shapes(2 * WIDTH + REFERRED_FEATURES, 96, 1),
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
