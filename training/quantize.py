"""The int8 backbone: post-training quantisation by NNCF, calibrated on training crops.

Before it, the channels between two convolutions are equalised (`training.equalize`); after it, the weights are rounded
so that their errors cancel (`training.rounding`) and the features' means set right.

Kept in float: the stem and the first residual block, whose few channels see the raw picture, and the residual sums,
whose long-tailed range would leave the quiet channels a handful of levels. Activations get the whole range that the
calibration crops show (min-max): clipping it makes logits saturate. Weights use 7 bits, so that CPUs without VNNI,
which add pairs of products in 16 bits, cannot overflow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from deepdect import openvino_core
from training.equalize import equalize
from training.graph_edit import bias, convolutions, data, is_constant, replace
from training.rounding import round_weights

CENTRING_ROUNDS = 3
LEAST_ACTIVE = 0.05  # a feature that is hardly ever above 0 is moved gently
FLOAT_CONVOLUTIONS = 5  # conv1 and the four of conv2_block1, first in the graph's order


def quantize(graph: Path, crops: np.ndarray, target: Path) -> None:
    """Write the int8 version of `graph` (.xml beside its .bin) to `target` (.xml), half-precision where not int8.

    crops: uint8 [n, 256, 256, 3], what activation ranges are measured on; 300 are plenty.
    Raises ModuleNotFoundError where NNCF is not installed.
    """
    core = openvino_core.core()  # first: it imports OpenVINO without its telemetry
    import nncf
    import openvino
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    model = core.read_model(graph)
    equalize(model, crops)
    settings = AdvancedQuantizationParameters(
        overflow_fix=OverflowFix.ENABLE,
        activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX,
    )
    quantized = nncf.quantize(
        model,
        nncf.Dataset([crop[None] for crop in crops]),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(crops),
        ignored_scope=nncf.IgnoredScope(names=float_layers(model)),
        advanced_parameters=settings,
    )
    round_weights(quantized, model, crops)
    centre(quantized, model, crops)
    openvino.save_model(quantized, target, compress_to_fp16=True)


def centre(quantized: Any, model: Any, crops: np.ndarray) -> None:
    """Shift the last convolution's biases until each feature's mean over the crops is that of the float model.

    NNCF corrects every convolution by itself; what its corrections leave adds up along the residual sums, and all of it
    moves the logits to one side. A shift of a bias moves the feature only where the ReLU lets it through.
    """
    constant = bias(list(convolutions(quantized).values())[-1])
    wanted, _ = _means(model, crops)
    for _ in range(CENTRING_ROUNDS):
        mean, active = _means(quantized, crops)
        shift = (wanted - mean) / np.maximum(active, LEAST_ACTIVE)
        constant = replace(constant, (data(constant) + shift.reshape(1, -1, 1, 1)).astype(np.float32))


def _means(model: Any, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each feature's mean and the share of places where it is above 0, both [c], over the crops."""
    request = openvino_core.compile_model(model).create_infer_request()
    found = [np.array(request.infer([crop[None]])[0]) for crop in crops]
    parts = [(features.mean(axis=(0, 1, 2)), (features > 0).mean(axis=(0, 1, 2))) for features in found]
    mean, active = np.mean(parts, axis=0)
    return mean, active


def float_layers(model: Any) -> list[str]:
    """Names of the operations of an `openvino.Model` that stay in float."""
    # a residual sum adds two activations; any other Add has a constant on one side
    sums = [
        op.get_friendly_name()
        for op in model.get_ordered_ops()
        if op.get_type_name() == "Add" and not any(is_constant(value) for value in op.input_values())
    ]
    return list(convolutions(model))[:FLOAT_CONVOLUTIONS] + sums
