"""The encoder as a graph for ONNX Runtime, which multiplies matrices of small integers.

It computes what `encoder.encode` does, about as exactly as the published weights were kept, in less
than half the time that single precision takes. Each token is scaled by its own largest value
(dynamic quantization a row, as in Dettmers et al., LLM.int8(), NeurIPS 2022), so that its answer
does not depend on what else is in a batch.
"""

import math
import os
from typing import Any

# Unless this is set before it is loaded, ONNX Runtime (1.29 and later) reports to its maker.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from market_opinion.scorers.local.encoder import EPSILON, HEAD_COUNT, HEAD_WIDTH, HIDDEN, Arrays
from market_opinion.scorers.local.inputs import Floats

_OPSET, _IR_VERSION = 20, 10
_ERRORS = 3  # of ONNX Runtime's levels of log lines
# Bytes of a token lie around the middle, 1 to 255. Weights have a bit less than a byte holds: where
# a processor adds two products in 16 bits, more would be cut off there and nowhere else.
_TOKEN_TOP, _TOKEN_MIDDLE, _WEIGHT_TOP = 127, 128, 63
_ROUNDED_UP = 0.5  # since a number loses its fraction when it becomes a byte
_SCALE_MIN = 1e-9


class Encoder:
    """An encoder of fixed weights."""

    def __init__(self, weights: Arrays) -> None:
        """Compile the weights, of the form that `encoder.encode` takes."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS
        options.intra_op_num_threads = 1  # callers are threads themselves, each with a batch
        self._session = onnxruntime.InferenceSession(
            _model(weights).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def encode(self, ids: Any, marks: Any, mask: Any) -> Floats:  # noqa: ANN401, arrays
        """Return one vector a token: (texts, tokens, WIDTH), as `encoder.encode` does."""
        inputs = {
            "ids": np.asarray(ids, np.int64),
            "marks": np.asarray(marks, np.int64),
            "mask": np.asarray(mask, np.float32),
        }
        states: Floats = self._session.run(["states"], inputs)[0]
        return states


def _model(weights: Arrays) -> onnx.ModelProto:
    graph = _Graph()
    x = graph.embedded(weights)
    hidden = graph.hidden()
    for layer in weights["layers"]:
        x = graph.layer(layer, x, hidden)
    graph.add("Identity", x, name="states")
    shape = ["texts", "tokens"]
    inputs = [
        helper.make_tensor_value_info("ids", TensorProto.INT64, shape),
        helper.make_tensor_value_info("marks", TensorProto.INT64, shape),
        helper.make_tensor_value_info("mask", TensorProto.FLOAT, shape),
    ]
    states = helper.make_tensor_value_info("states", TensorProto.FLOAT, [*shape, "width"])
    made = helper.make_graph(graph.nodes, "encoder", inputs, [states], graph.constants)
    opset = helper.make_opsetid("", _OPSET)
    return helper.make_model(made, opset_imports=[opset], ir_version=_IR_VERSION)


class _Graph:
    """Nodes and constants of a graph; every method returns the name of what it adds."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._bytes: dict[str, tuple[str, str]] = {}

    def add(self, kind: str, *inputs: str, name: str = "", **settings: Any) -> str:  # noqa: ANN401, of any kind
        name = name or f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **settings))
        return name

    def constant(self, value: Any) -> str:  # noqa: ANN401, an array or a number
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def embedded(self, weights: Arrays) -> str:
        numbers = [self.constant(np.array([n])) for n in range(3)]
        length = self.add("Slice", self.add("Shape", "ids"), numbers[1], numbers[2])
        position = self.add(
            "Slice", self.constant(weights["position"]), numbers[0], length, numbers[0]
        )
        word = self.add("Gather", self.constant(weights["word"]), "ids")
        mark = self.add("Gather", self.constant(weights["mark"]), "marks")
        return self.norm(self.add("Add", self.add("Add", word, position), mark), weights["norm"])

    def hidden(self) -> str:
        """Add what is added to scores: nothing for a token, much less than nothing for padding."""
        padding = self.add("Sub", self.constant(np.float32(1)), "mask")
        far = self.add("Mul", padding, self.constant(np.float32(HIDDEN)))
        return self.add("Unsqueeze", far, self.constant(np.array([1, 2])))

    def layer(self, layer: Arrays, x: str, hidden: str) -> str:
        width = HEAD_COUNT * HEAD_WIDTH
        split = self.constant(np.array([0, 0, HEAD_COUNT, HEAD_WIDTH]))

        def heads(part: str, order: list[int]) -> str:
            return self.add(
                "Transpose", self.add("Reshape", self.dense(layer[part], x), split), perm=order
            )

        query, value = heads("query", [0, 2, 1, 3]), heads("value", [0, 2, 1, 3])
        scores = self.add("MatMul", query, heads("key", [0, 2, 3, 1]))
        shrunk = self.add("Mul", scores, self.constant(np.float32(1 / math.sqrt(HEAD_WIDTH))))
        looked = self.add("Softmax", self.add("Add", shrunk, hidden), axis=-1)
        mixed = self.add("Transpose", self.add("MatMul", looked, value), perm=[0, 2, 1, 3])
        joined = self.add("Reshape", mixed, self.constant(np.array([0, 0, width])))
        x = self.norm(self.add("Add", x, self.dense(layer["mix"], joined)), layer["norm"])
        wide = self.add("Gelu", self.dense(layer["widen"], x), approximate="tanh")
        narrow = self.dense(layer["narrow"], wide)
        return self.norm(self.add("Add", x, narrow), layer["last_norm"])

    def dense(self, layer: Arrays, x: str) -> str:
        """Add a product of bytes, scaled back by token and by column."""
        column = np.abs(layer["matrix"]).max(axis=0) / _WEIGHT_TOP
        matrix = self.constant(np.round(layer["matrix"] / column).astype(np.int8))
        tokens, largest = self.as_bytes(x)
        middle = self.constant(np.uint8(_TOKEN_MIDDLE))
        product = self.add("MatMulInteger", tokens, matrix, middle)
        floats = self.add("Cast", product, to=TensorProto.FLOAT)
        scale = self.constant((column / _TOKEN_TOP).astype(np.float32))
        scaled = self.add("Mul", self.add("Mul", floats, largest), scale)
        return self.add("Add", scaled, self.constant(layer["bias"]))

    def as_bytes(self, x: str) -> tuple[str, str]:
        """Add the bytes of each token, and its largest value, once for all that reads them."""
        if x not in self._bytes:
            size = self.add("ReduceMax", self.add("Abs", x), self.constant([-1]), keepdims=1)
            largest = self.add("Max", size, self.constant(np.float32(_SCALE_MIN)))
            scale = self.add("Div", self.constant(np.float32(_TOKEN_TOP)), largest)
            middle = self.constant(np.float32(_TOKEN_MIDDLE + _ROUNDED_UP))
            shifted = self.add("Add", self.add("Mul", x, scale), middle)
            self._bytes[x] = self.add("Cast", shifted, to=TensorProto.UINT8), largest
        return self._bytes[x]

    def norm(self, x: str, norm: Arrays) -> str:
        scale, bias = self.constant(norm["scale"]), self.constant(norm["bias"])
        return self.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=EPSILON)
