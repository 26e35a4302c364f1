"""Equalisation of a two-layer network whose channels' ranges are far apart."""

from __future__ import annotations

import numpy as np
import pytest

from deepdect import openvino_core
from training.equalize import equalize, scales
from training.graph_edit import convolutions


@pytest.fixture
def model():
    """u8 [n, 4, 4, 3] -> 1x1 convolution to 2 channels, bias, ReLU -> 1x1 convolution to 1 channel, bias."""
    openvino = openvino_core.openvino()
    from openvino import opset13 as ops

    def convolution(x, kernel, bias):
        kernel = np.array(kernel, np.float32)[:, :, None, None]
        found = ops.convolution(x, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
        return ops.add(found, np.array(bias, np.float32).reshape(1, -1, 1, 1))

    rgb = ops.parameter([-1, 4, 4, 3], np.uint8, name="rgb")
    x = ops.transpose(ops.convert(rgb, np.float32), np.array([0, 3, 1, 2]))
    # the first channel is a hundred times as loud, the second is heard a hundred times as well
    x = ops.relu(convolution(x, [[100, 0, 0], [0, 1, 0]], [0, 50]))
    return openvino.Model([convolution(x, [[0.01, 1]], [7])], [rgb], "two")


def crops(count=3):
    return np.random.default_rng(0).integers(0, 200, (count, 4, 4, 3), dtype=np.uint8)


def test_scales_are_smoothquants():
    # sqrt(weight / activation): 1/2, 2 and, next to silent, as if a thousandth of the loudest: sqrt(16 / 0.016)
    found = scales(np.array([16.0, 1, 0]), np.array([4.0, 4, 16]))
    assert found == pytest.approx([0.5, 2, np.sqrt(1000)])


def test_the_network_computes_the_same(model):
    before = openvino_core.compile_model(model)(crops())[0]
    equalize(model, crops())
    after = openvino_core.compile_model(model)(crops())[0]
    assert after == pytest.approx(before, rel=1e-5)


def test_channels_become_alike_in_what_they_say_and_in_how_they_are_heard(model):
    pixels = crops()
    pixels[0, 0, 0], pixels[1:] = 200, pixels[1:] // 2  # loudest: 20000 and 250
    equalize(model, pixels)
    first, second = (op.input_value(1).get_node().data.squeeze() for op in convolutions(model).values())
    root = np.sqrt([0.01 / 20000, 1 / 250])
    assert np.diag(first) == pytest.approx(np.array([100, 1]) * root, rel=1e-5)
    assert second == pytest.approx(np.array([0.01, 1]) / root, rel=1e-5)


def test_an_activation_with_another_reader_is_left_alone(model):
    (_, after) = convolutions(model).values()
    relu = after.input_value(0)
    model.add_outputs([relu])
    before = [op.input_value(1).get_node().data.copy() for op in convolutions(model).values()]
    equalize(model, crops())
    assert all(
        np.array_equal(op.input_value(1).get_node().data, kernel)
        for op, kernel in zip(convolutions(model).values(), before, strict=True)
    )
