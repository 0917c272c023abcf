"""A graph that grows node by node; names stand for values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

OPSET, IR, ML_OPSET = 17, 8, 3  # of ONNX 1.12, June 2022
ML = "ai.onnx.ml"  # the domain of operators on texts


class Graph:
    def __init__(self, prefix: str) -> None:
        """`prefix` begins no other name."""
        self.prefix, self.nodes, self.constants = prefix, list[Any](), list[Any]()
        self.known: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """A node of one output -> its name"""
        from onnx import helper

        name = f"{self.prefix}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], domain=domain, **attributes))
        return name

    def named(self, value: str, name: str) -> None:
        """Another name for a value."""
        from onnx import helper

        self.nodes.append(helper.make_node("Identity", [value], [name]))

    def constant(self, values: Any, dtype: Any = np.float64) -> str:
        """Numbers -> the name of the tensor of them"""
        from onnx import numpy_helper

        array = np.asarray(values, dtype)
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self.known:
            self.known[key] = f"{self.prefix}c{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(array, self.known[key]))
        return self.known[key]

    def texts(self, values: tuple[str, ...]) -> str:
        """Texts -> the name of the tensor of them"""
        from onnx import numpy_helper

        name = f"{self.prefix}c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, object), name))
        return name

    def numbers(self, value: str, is_double: bool) -> str:
        """A value as float64, or as float32."""
        from onnx import TensorProto

        return self.op("Cast", value, to=TensorProto.DOUBLE if is_double else TensorProto.FLOAT)

    def whole(self, value: str) -> str:
        from onnx import TensorProto

        return self.op("Cast", value, to=TensorProto.INT64)

    def between(self, low: Any, value: str, high: Any) -> str:
        """float64 brought within bounds."""
        return self.op("Max", self.constant(low), self.op("Min", self.constant(high), value))

    def columns(self, value: str, places: NDArray[np.int64] | list[int]) -> str:
        return self.op("Gather", value, self.constant(places, np.int64), axis=1)
