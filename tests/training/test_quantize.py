"""Quantisation of a tiny residual network, built by hand with OpenVINO."""

from __future__ import annotations

import numpy as np
import pytest

from deepdect import openvino_core

pytest.importorskip("nncf", reason="NNCF is not installed")


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """Input -> nine convolutions of four channels, the last with a residual sum: u8 [n, 8, 8, 3] -> [n, 8, 8, 4]."""
    core = openvino_core.core()
    import openvino
    from openvino import opset13 as ops

    random = np.random.default_rng(0)

    def convolution(x, channels):
        kernel = random.normal(0, 0.3, (4, channels, 3, 3)).astype(np.float32)
        bias = random.normal(0, 3, (1, 4, 1, 1)).astype(np.float32)
        return ops.add(ops.convolution(x, kernel, [1, 1], [1, 1], [1, 1], [1, 1]), bias)

    rgb = ops.parameter([-1, 8, 8, 3], np.uint8, name="rgb")
    x = ops.transpose(ops.convert(rgb, np.float32), np.array([0, 3, 1, 2]))
    x = ops.relu(convolution(x, 3))
    for _ in range(7):
        x = ops.relu(convolution(x, 4))
    x = ops.relu(ops.add(x, convolution(x, 4)))
    x = ops.transpose(x, np.array([0, 2, 3, 1]))
    path = tmp_path_factory.mktemp("graph") / "tiny.xml"
    openvino.save_model(openvino.Model([x], [rgb], "tiny"), path, compress_to_fp16=False)
    return core, path


def test_what_stays_in_float_is_the_stem_and_the_residual_sum(graph):
    from training.quantize import FLOAT_CONVOLUTIONS, float_layers

    core, path = graph
    model = core.read_model(path)
    operations = {op.get_friendly_name(): op.get_type_name() for op in model.get_ordered_ops()}
    kept = [operations[name] for name in float_layers(model)]
    assert kept == ["Convolution"] * FLOAT_CONVOLUTIONS + ["Add"]


def test_the_int8_graph_has_int8_weights_and_answers_much_the_same(graph, tmp_path):
    from training.quantize import quantize

    core, path = graph
    crops = np.random.default_rng(1).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    target = tmp_path / "int8.xml"
    quantize(path, crops, target)
    operations = core.read_model(target).get_ordered_ops()
    assert any(op.get_type_name() == "Constant" and op.get_element_type().get_type_name() == "i8" for op in operations)
    expected, received = (openvino_core.compile_model(file)(crops[:1])[0] for file in (path, target))
    assert not np.array_equal(expected, received)
    assert np.abs(expected - received).max() < 0.05 * np.abs(expected).max()


def test_every_features_mean_over_the_crops_is_the_float_networks(graph, tmp_path, monkeypatch):
    from training import quantize

    core, path = graph
    crops = np.random.default_rng(1).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)

    def shift(target):
        quantize.quantize(path, crops, target)
        means = [openvino_core.compile_model(file)(crops)[0].mean(axis=(0, 1, 2)) for file in (path, target)]
        return np.abs(means[1] - means[0]).max() / means[0].max()

    centred = shift(tmp_path / "centred.xml")
    monkeypatch.setattr(quantize, "CENTRING_ROUNDS", 0)
    assert centred < 1e-3 < shift(tmp_path / "plain.xml")


def test_weights_rounded_together_lose_less_on_crops_never_seen_than_each_by_itself(graph, tmp_path, monkeypatch):
    from training import quantize

    core, path = graph
    seen, fresh = np.random.default_rng(1).integers(0, 256, (2, 40, 8, 8, 3), dtype=np.uint8)
    expected = openvino_core.compile_model(path)(fresh)[0]

    def loss():
        quantize.quantize(path, seen, tmp_path / "int8.xml")
        return np.square(openvino_core.compile_model(tmp_path / "int8.xml")(fresh)[0] - expected).mean()

    together = loss()
    monkeypatch.setattr(quantize, "round_weights", lambda *_: None)
    assert together < 0.9 * loss()
