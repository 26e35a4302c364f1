"""That what is timed as ONNX Runtime is the same network."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from benchmarks import onnx_backbone
from deepdect.network import BATCH_NORM_EPSILON, STAGE_SHAPES


def tiny(blocks: tuple[int, ...], width: int = 2) -> dict[str, np.ndarray]:
    """Random weights of a network with 2 to 64 channels."""
    random = np.random.default_rng(0)
    weights: dict[str, np.ndarray] = {}

    def add(name: str, size: int, inputs: int, outputs: int) -> None:
        weights[f"{name}_conv/kernel"] = random.normal(0, 0.3, (size, size, inputs, outputs)).astype(np.float32)
        weights[f"{name}_conv/bias"] = random.normal(0, 1, outputs).astype(np.float32)
        for key, low in (("gamma", 0.5), ("beta", -1), ("moving_mean", -1), ("moving_variance", 0.5)):
            weights[f"{name}_bn/{key}"] = random.uniform(low, 1.5, outputs).astype(np.float32)

    add("conv1", 7, 3, width)
    channels = width
    for stage, depth in enumerate(blocks, start=2):
        for block in range(1, depth + 1):
            name, filters = f"conv{stage}_block{block}", width * STAGE_SHAPES[stage - 2][0] // 64
            if block == 1:
                add(f"{name}_0", 1, channels, 4 * filters)
            add(f"{name}_1", 1, channels, filters)
            add(f"{name}_2", 3, filters, filters)
            add(f"{name}_3", 1, filters, 4 * filters)
            channels = 4 * filters
    return weights


def test_folding_by_hand():
    weights = {
        "conv1_conv/kernel": np.full((1, 1, 1, 1), 2.0),
        "conv1_conv/bias": np.array([3.0]),
        "conv1_bn/gamma": np.array([4.0]),
        "conv1_bn/beta": np.array([5.0]),
        "conv1_bn/moving_mean": np.array([1.0]),
        "conv1_bn/moving_variance": np.array([4.0 - BATCH_NORM_EPSILON]),
    }
    kernel, bias = onnx_backbone.folded(weights, "conv1_conv")
    assert kernel.item() == pytest.approx(4) and bias.item() == pytest.approx(9)


def test_features_are_those_of_the_network_that_keras_builds():
    keras = pytest.importorskip("keras")
    from deepdect import network

    blocks = (2, 1, 1, 1)
    weights = tiny(blocks)
    model = network.build(64, head_units=4, width=2 / 64, blocks=blocks)
    head = {name: value for name, value in network.weights(model).items() if name.startswith("head")}
    network.load_weights(model, weights | head)
    backbone = keras.Model(model.input, model.get_layer(f"conv5_block{blocks[-1]}_out").output)
    crops = np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3), np.uint8)
    wanted = network.to_numpy(backbone(crops.astype(np.float32), training=False))
    found = onnx_backbone.runner(weights, threads=1, blocks=blocks)(crops)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())
