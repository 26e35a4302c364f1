"""The Keras network: its layout, its preprocessing, and the head and the map held to it."""

from __future__ import annotations

import os

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

from deepdect import network, weights  # noqa: E402  # after TensorFlow's log level is set
from explain import gradcam  # noqa: E402


@pytest.fixture(scope="module")
def shipped():
    """The real network with the shipped weights, and its model record."""
    model = network.build()
    record = weights.load()
    network.load_weights(model, record.file)
    return model, record


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    """Four smooth random pictures, uint8 [4, 256, 256, 3]."""
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (4, 8, 8, 3)).astype(np.float32)
    return np.asarray(tf.image.resize(small, (256, 256))).astype(np.uint8)


def test_layout_is_kerass_own_resnet50(shipped):
    """Names and shapes equal keras.applications.ResNet50's, so its ImageNet weights fit."""
    import keras

    reference = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(256, 256, 3))
    theirs = {f"{layer.name}/{v.name}": tuple(v.shape) for layer in reference.layers for v in layer.weights}
    ours = {name: value.shape for name, value in network.weights(shipped[0]).items() if not name.startswith("head_")}
    assert ours == theirs


def test_same_features_as_kerass_resnet50(shipped, crops):
    """With the same weights and Keras' own preprocessing outside, the features agree: ours is inside the graph."""
    import keras

    reference = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(256, 256, 3))
    network.load_weights(reference, network.weights(shipped[0]))
    preprocessed = keras.applications.resnet50.preprocess_input(crops.astype(np.float32))
    expected = np.asarray(reference(preprocessed, training=False))
    received = np.asarray(network.backbone(shipped[0])(crops.astype(np.float32), training=False))
    np.testing.assert_allclose(received, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_numpy_head_equals_kerass(shipped, crops):
    model, record = shipped
    features = np.asarray(network.backbone(model)(crops.astype(np.float32), training=False))
    expected = np.asarray(model(crops.astype(np.float32), training=False))[:, 0]
    np.testing.assert_allclose(record.head.logit(features), expected, atol=1e-3)


def test_map_equals_the_gradient_tapes_on_the_real_network(shipped, crops):
    """Grad-CAM by automatic differentiation, position by position, against the closed form."""
    model, record = shipped
    features = tf.constant(np.asarray(network.backbone(model)(crops.astype(np.float32), training=False)))
    with tf.GradientTape() as tape:
        tape.watch(features)
        pooled = tf.reduce_mean(features, axis=(1, 2))
        hidden = model.get_layer("head_dense")(pooled)
        logit = model.get_layer("head_logit")(hidden)
    gradient = np.asarray(tape.gradient(logit, features))
    expected = (gradient * features.numpy()).sum(axis=-1)
    head = record.head.linearize(features.numpy())
    received = gradcam.evidence(features.numpy(), head.gradient)
    assert np.abs(received - expected).max() <= 1e-4 * np.abs(expected).max()
    np.testing.assert_allclose(received.sum(axis=(1, 2)) + head.bias, np.asarray(logit)[:, 0], atol=1e-3)


def test_partial_weights_report_what_is_missing_and_wrong_shapes_are_refused():
    model = network.build(None, head_units=4, width=1 / 16)
    given = network.weights(model)
    without_head = {name: value for name, value in given.items() if not name.startswith("head_")}
    missing = network.load_weights(model, without_head, partial=True)
    assert sorted(missing) == ["head_dense/bias", "head_dense/kernel", "head_logit/bias", "head_logit/kernel"]
    with pytest.raises(ValueError, match="4 weights are missing"):
        network.load_weights(model, without_head)
    with pytest.raises(ValueError, match=r"conv1_conv/bias: expected shape \(4,\), received \(5,\)"):
        network.load_weights(model, given | {"conv1_conv/bias": np.zeros(5)})


def test_weights_survive_a_file(tmp_path):
    from training.train import write_weights

    model = network.build(None, head_units=4, width=1 / 16)
    model.get_layer("conv1_bn").moving_variance.assign(
        np.full(4, 83_000.0)
    )  # beyond half precision, as in the real one
    write_weights(network.weights(model), tmp_path / "w.npz")
    other = network.build(None, head_units=4, width=1 / 16)
    network.load_weights(other, tmp_path / "w.npz")
    assert float(np.asarray(other.get_layer("conv1_bn").moving_variance).max()) == 83_000.0
    received = network.weights(other)
    for name, value in network.weights(model).items():
        np.testing.assert_allclose(received[name], value, rtol=1e-3, atol=1e-6)


def test_stage_of():
    assert [network.stage_of(n) for n in ("conv1_conv", "conv4_block6_3_bn", "head_logit")] == [
        "conv1",
        "conv4",
        "head",
    ]
