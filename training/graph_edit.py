"""Looking into an OpenVINO graph and changing its constants: what the steps of quantisation share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from deepdect import openvino_core

BATCH = 8  # crops a pass; every convolution's input is kept for as long


def convolutions(model: Any) -> dict[str, Any]:
    """The convolutions of an `openvino.Model` by name, in its order."""
    return {op.get_friendly_name(): op for op in model.get_ordered_ops() if op.get_type_name() == "Convolution"}


def bias(convolution: Any) -> Any:
    """The output of the constant [1, c, 1, 1] that is added to what a convolution gives."""
    (reader,) = convolution.output(0).get_target_inputs()
    return next(value for value in reader.get_node().input_values() if is_constant(value))


def is_constant(output: Any) -> bool:
    """Whether it is a constant's."""
    return bool(output.get_node().get_type_name() == "Constant")


def data(constant: Any) -> np.ndarray:
    """The value of a constant's output."""
    return np.asarray(constant.get_node().data)


def replace(output: Any, value: np.ndarray) -> Any:
    """Put a constant of this value in the place of another one's output, for all that read it; returns its output."""
    constant = openvino_core.openvino().op.Constant(np.ascontiguousarray(value))
    for reader in list(output.get_target_inputs()):
        reader.replace_source_output(constant.output(0))
    return constant.output(0)


def inputs(model: Any, names: list[str], crops: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    """What the convolutions of these names receive, float32 [<= BATCH, c, h, w] each, batch by batch.

    crops: uint8 [n, 256, 256, 3]. The arrays last until the next batch.
    """
    model = model.clone()
    operations = convolutions(model)
    read = [operations[name].input_value(0) for name in names]
    sources = [output.get_node().get_friendly_name() for output in read]
    places = dict(zip(sources, read, strict=True))  # some read the same
    own = len(model.outputs)
    model.add_outputs(list(places.values()))
    request = openvino_core.compile_model(model).create_infer_request()
    for start in range(0, len(crops), BATCH):
        request.infer([np.ascontiguousarray(crops[start : start + BATCH])])
        found = {source: request.get_output_tensor(own + i).data for i, source in enumerate(places)}
        yield {name: found[source] for name, source in zip(names, sources, strict=True)}
