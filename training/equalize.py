"""Cross-layer equalisation: channels rescaled, without changing what the network computes, so that one range of 8-bit
integers serves all channels of an activation (Nagel et al., "Data-Free Quantization Through Weight Equalization and
Bias Correction", arXiv 1906.04721), by the scales of SmoothQuant (Xiao et al., arXiv 2211.10438, equation 4)."""

from __future__ import annotations

from typing import Any

import numpy as np

from training.graph_edit import bias, convolutions, data, inputs, is_constant, replace

MIGRATION = 0.5  # how much of the activations' unevenness goes into the weights, alpha in SmoothQuant
QUIETEST = 1e-3  # of the loudest channel: a channel that is next to silent is not blown up without end


def equalize(model: Any, crops: np.ndarray) -> None:
    """Rescale in place every activation of an `openvino.Model` that lies between two convolutions alone.

    ReLU(s x) = s ReLU(x) for s > 0: a channel's scale goes into the kernel and bias before it, its inverse into the
    kernel after. crops: uint8 [n, 256, 256, 3], what the channels' largest values are measured on.
    """
    pairs = _pairs(model)
    loudest: dict[str, np.ndarray] = {}
    for batch in inputs(model, list(pairs), crops):
        for name, values in batch.items():
            loudest[name] = np.maximum(loudest.get(name, 0.0), values.max(axis=(0, 2, 3)))
    for name, (before, after) in pairs.items():
        kernel = data(after.input_value(1))
        scale = scales(loudest[name], np.abs(kernel).max(axis=(0, 2, 3)))
        replace(after.input_value(1), kernel / scale[None, :, None, None])
        replace(before.input_value(1), data(before.input_value(1)) * scale[:, None, None, None])
        offset = bias(before)
        replace(offset, data(offset) * scale[None, :, None, None])


def scales(activations: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What each channel is multiplied by, float32 [c], from its largest activation and the largest weight that reads
    it, both [c] and not negative."""
    activations, weights = (np.maximum(x, QUIETEST * x.max()) for x in (activations, weights))
    return np.asarray(weights ** (1 - MIGRATION) / activations**MIGRATION, np.float32)


def _pairs(model: Any) -> dict[str, tuple[Any, Any]]:
    """(before, after) by the latter's name: convolution, bias and ReLU that only the second convolution reads."""
    found = {}
    for name, after in convolutions(model).items():
        relu = after.input_value(0).get_node()
        if relu.get_type_name() != "Relu" or len(relu.output(0).get_target_inputs()) != 1:
            continue
        added = relu.input_value(0).get_node()
        before = [value.get_node() for value in added.input_values() if not is_constant(value)]
        if added.get_type_name() == "Add" and [op.get_type_name() for op in before] == ["Convolution"]:
            found[name] = (before[0], after)
    return found
