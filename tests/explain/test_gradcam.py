"""The closed form against hand-computed maps and against a gradient tape."""

from typing import Any

import numpy as np
import pytest

from deepdect.head import Head
from explain.gradcam import evidence, upsample


def test_two_by_two_by_hand() -> None:
    features = np.array([[[[1, 0], [2, 1]], [[0, 4], [3, 3]]]], np.float32)
    gradient = np.array([[8, -4]], np.float32)
    # Each cell: (8 * A[..., 0] - 4 * A[..., 1]) / 4 places.
    assert evidence(features, gradient).tolist() == [[[2, 3], [-4, 3]]]
    assert evidence(features, gradient, temperature=2).tolist() == [[[1, 1.5], [-2, 1.5]]]


def test_each_image_of_a_batch_has_its_own_gradient() -> None:
    features = np.ones((2, 1, 2, 1), np.float32)
    assert evidence(features, [[4], [-6]]).tolist() == [[[2, 2]], [[-3, -3]]]


def test_sums_to_the_logit() -> None:
    rng = np.random.default_rng(3)
    w1 = rng.normal(0, 0.05, (2048, 64)).astype(np.float32)
    b1, w2 = rng.normal(0, 0.5, (2, 64)).astype(np.float32)
    head = Head(w1, b1, w2, 0.7)
    features = np.maximum(rng.normal(0, 2, (5, 8, 8, 2048)), 0).astype(np.float32)
    output = head.linearize(features)
    assert np.abs(output.logit).max() > 1
    for temperature in (1.0, 1.7):
        total = evidence(features, output.gradient, temperature).sum(axis=(1, 2))
        assert np.abs(total + output.bias / temperature - output.logit / temperature).max() < 1e-3


def test_a_confidently_real_face_has_negative_evidence() -> None:
    """Channel 0 stands for a sign of a real face; the head's one unit reads it and argues against deepfake."""
    head = Head(w1=np.array([[1.0], [0.0]]), b1=np.array([0.0]), w2=np.array([-4.0]), b2=0.5)
    features = np.zeros((1, 2, 2, 2), np.float32)
    features[0, 1, 0] = [8, 8]
    output = head.linearize(features)
    assert output.logit.tolist() == [-7.5]
    assert evidence(features, output.gradient).tolist() == [[[0, 0], [-8, 0]]]
    assert output.bias.tolist() == [0.5]


def test_equals_the_gradient_tape() -> None:
    tf = pytest.importorskip("tensorflow")
    keras: Any = tf.keras
    inputs = keras.Input((12, 12, 3))
    conv = keras.layers.Conv2D(6, 3, strides=2, activation="relu")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(conv)
    hidden = keras.layers.Dense(16, activation="relu", name="hidden")(pooled)
    logit = keras.layers.Dense(1, name="logit")(hidden)
    network = keras.Model(inputs, [conv, logit])
    rng = np.random.default_rng(5)
    network.set_weights([rng.normal(0, 0.5, weight.shape) for weight in network.get_weights()])

    images = rng.normal(size=(4, 12, 12, 3)).astype(np.float32)
    with tf.GradientTape() as tape:
        features, logits = network(images)
        gradients = tape.gradient(logits, features).numpy()
    features, logits = features.numpy(), logits.numpy()[:, 0]
    gradcam = np.einsum("nk,nijk->nij", gradients.mean(axis=(1, 2)), features)  # Grad-CAM, eq. 1 and 2 without ReLU
    hirescam = (gradients * features).sum(axis=3)

    (w1, b1), (w2, b2) = (network.get_layer(name).get_weights() for name in ("hidden", "logit"))
    output = Head(w1, b1, w2[:, 0], b2[0]).linearize(features)
    closed = evidence(features, output.gradient)
    assert np.abs(logits).min() > 1e-3
    assert closed.min() < 0 < closed.max()
    assert np.linalg.norm(closed - gradcam) / np.linalg.norm(gradcam) < 1e-4
    assert np.linalg.norm(closed - hirescam) / np.linalg.norm(hirescam) < 1e-4
    assert np.abs(closed.sum(axis=(1, 2)) + output.bias - logits).max() < 1e-3


@pytest.mark.parametrize(
    ("features", "gradient", "temperature", "message"),
    [
        (np.zeros((8, 8, 2)), np.zeros((1, 2)), 1, r"expected features \[n, h, w, c\], received shape \(8, 8, 2\)"),
        (np.zeros((1, 8, 8, 2)), np.zeros((1, 3)), 1, r"expected gradient \(1, 2\).*received \(1, 3\)"),
        (np.zeros((1, 8, 8, 2)), np.zeros((1, 2)), 0, "expected a temperature above 0, received 0"),
        (np.zeros((1, 8, 8, 2)), np.zeros((1, 2)), float("nan"), "expected a temperature above 0, received nan"),
    ],
)
def test_bad_arguments(features: np.ndarray, gradient: np.ndarray, temperature: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evidence(features, gradient, temperature)


def test_upsample_by_hand() -> None:
    # One axis of 2 cells on 4 pixels: weights 1, 3/4, 1/4, 0 for the first cell, which sum to 2.
    column = np.array([1, 0.75, 0.25, 0]) / 2
    np.testing.assert_allclose(upsample([[4, 0], [0, 0]], 4), 4 * np.outer(column, column), atol=1e-7)


@pytest.mark.parametrize("size", [8, 9, 100, 256])
def test_upsample_keeps_the_sum(size: int) -> None:
    cells = np.random.default_rng(1).normal(0, 1, (8, 8)).astype(np.float32)
    fine = upsample(cells, size)
    assert fine.shape == (size, size)
    assert fine.dtype == np.float32
    assert fine.sum(dtype=np.float64) == pytest.approx(cells.sum(dtype=np.float64), abs=1e-4)


def test_upsample_is_linear() -> None:
    first, second = np.random.default_rng(2).normal(0, 1, (2, 8, 8)).astype(np.float32)
    separately = 2 * upsample(first, 64) - 3 * upsample(second, 64)
    np.testing.assert_allclose(upsample(2 * first - 3 * second, 64), separately, atol=1e-6)


def test_upsample_of_a_constant_is_constant() -> None:
    np.testing.assert_allclose(upsample(np.full((8, 8), 0.5), 64), 0.5 / 8**2, rtol=1e-5)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 5), (7, 2)])
def test_upsample_keeps_evidence_at_its_cell(row: int, column: int) -> None:
    cells = np.zeros((8, 8), np.float32)
    cells[row, column] = 1
    fine = upsample(cells, 64)
    peak = np.unravel_index(fine.argmax(), fine.shape)
    assert (peak[0] // 8, peak[1] // 8) == (row, column)
    by_cell = fine.reshape(8, 8, 8, 8).sum(axis=(1, 3))
    assert by_cell[row, column] >= 0.75**2 - 1e-6  # 3/4 along each axis, more at the border
    near = fine[max(0, row * 8 - 8) : row * 8 + 16, max(0, column * 8 - 8) : column * 8 + 16]
    assert near.sum() == pytest.approx(1, abs=1e-5)  # and the rest in the cells beside it


@pytest.mark.parametrize(
    ("cells", "size", "message"),
    [
        (np.zeros((2, 8, 8)), 64, r"received shape \(2, 8, 8\)"),
        (np.full((8, 8), np.nan), 64, "expected a finite evidence map"),
        (np.zeros((8, 8)), 7, "expected a size of at least 8 .*received 7"),
    ],
)
def test_upsample_bad_arguments(cells: np.ndarray, size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        upsample(cells, size)
