"""The int8 backbone: post-training quantisation by NNCF, calibrated on training crops.

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
    openvino.save_model(quantized, target, compress_to_fp16=True)


def float_layers(model: Any) -> list[str]:
    """Names of the operations of an `openvino.Model` that stay in float."""
    operations = model.get_ordered_ops()
    convolutions = [op for op in operations if op.get_type_name() == "Convolution"]
    # a residual sum adds two activations; any other Add has a constant on one side
    sums = [
        op
        for op in operations
        if op.get_type_name() == "Add"
        and all(value.get_node().get_type_name() != "Constant" for value in op.input_values())
    ]
    return [op.get_friendly_name() for op in convolutions[:FLOAT_CONVOLUTIONS] + sums]
