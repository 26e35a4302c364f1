"""Builds the OpenVINO graph of the backbone from its weights, layer for layer as `deepdect.network` builds Keras'.

Without Keras or TensorFlow: a first start takes a second, and serving needs neither. Three things differ in form and
not in result. Batch norm is folded into the kernels. The stem's kernel takes RGB, so that no picture's channels are
turned round, for which OpenVINO has no fast code; nor has it for padding, so the pooling pads by itself (after a ReLU,
a border of zeros and none at all have the same maxima).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepdect import openvino_core
from deepdect.network import BATCH_NORM_EPSILON, IMAGENET_MEANS_BGR, RESNET50, STAGE_SHAPES

if TYPE_CHECKING:
    import openvino

Weights = Mapping[str, NDArray[Any]]
NORM = ("gamma", "beta", "moving_mean", "moving_variance")


def save_graph(weights: Path, target: Path) -> None:
    """Write the graph of an `.npz` of weights as `target` (.xml) and its .bin.

    The constants stay in single precision: the folded kernels would be rounded once more in half.
    Raises OSError or ValueError where the file is no such archive, KeyError for a weight that is not in it, and
    RuntimeError, OpenVINO's, where the target cannot be written.
    """
    with np.load(weights, allow_pickle=False) as arrays:
        graph = build_graph({name: arrays[name] for name in arrays.files})
    openvino_core.openvino().save_model(graph, target, compress_to_fp16=False)


def build_graph(weights: Weights, size: int = 256, blocks: tuple[int, ...] = RESNET50) -> openvino.Model:
    """uint8 RGB [n, size, size, 3] -> float32 features [n, size / 32, size / 32, channels].

    weights: by Keras name, kernels [height, width, in, out]. blocks: each stage's depth. The graph's operations bear
    the Keras layers' names.
    """
    openvino = openvino_core.openvino()
    from openvino import opset13 as ops

    rgb = ops.parameter([-1, size, size, 3], np.uint8, name="rgb")
    means = np.array(IMAGENET_MEANS_BGR[::-1], np.float32).reshape(1, 3, 1, 1)
    # turned round first: OpenVINO subtracts faster where each channel lies in one piece
    x = ops.subtract(ops.transpose(ops.convert(rgb, np.float32), np.array([0, 3, 1, 2])), means)
    x = ops.relu(_convolution(x, weights, "conv1", stride=2, turn=True))
    ones = [1, 1]
    x = ops.max_pool(x, [2, 2], ones, ones, ones, [3, 3]).output(0)
    for stage, (depth, (_, stride)) in enumerate(zip(blocks, STAGE_SHAPES, strict=True), start=2):
        for block in range(1, depth + 1):
            name, first = f"conv{stage}_block{block}", block == 1
            step = stride if first else 1
            shortcut = _convolution(x, weights, f"{name}_0", step) if first else x
            x = ops.relu(_convolution(x, weights, f"{name}_1", step))
            x = ops.relu(_convolution(x, weights, f"{name}_2"))
            x = ops.relu(ops.add(shortcut, _convolution(x, weights, f"{name}_3"), name=f"{name}_add"))
    return openvino.Model([ops.transpose(x, np.array([0, 2, 3, 1]))], [rgb], "deepdect_backbone")


def _convolution(x: Any, weights: Weights, name: str, stride: int = 1, *, turn: bool = False) -> Any:
    """A convolution as wide as its kernel needs, with its batch norm. turn: the kernel's input channels round."""
    from openvino import opset13 as ops

    norm = {part: weights[f"{name}_bn/{part}"].astype(np.float64) for part in NORM}
    scale = norm["gamma"] / np.sqrt(norm["moving_variance"] + BATCH_NORM_EPSILON)
    kernel = weights[f"{name}_conv/kernel"].astype(np.float64) * scale
    bias = (weights[f"{name}_conv/bias"] - norm["moving_mean"]) * scale + norm["beta"]
    if turn:
        kernel = kernel[:, :, ::-1]
    pad = [(kernel.shape[0] - 1) // 2] * 2
    kernel = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1), np.float32)
    found = ops.convolution(x, kernel, [stride] * 2, pad, pad, [1, 1], name=f"{name}_conv")
    return ops.add(found, bias.astype(np.float32).reshape(1, -1, 1, 1))
