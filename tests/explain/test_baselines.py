"""The reference maps on a NumPy network whose right maps are known: its features are the colours of 4 x 4 cells."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from explain.baselines import (
    Case,
    blend,
    centred_gaussian,
    grad_cam_plus_plus,
    integrated_gradients,
    ours,
    random_map,
    score_cam,
    sliding_occlusion,
)
from explain.fills import blur

SIZE, CELLS = 64, 4
GRADIENT = np.array([3.0, -2.0, 0.0], np.float32)  # d logit / d mean colour: red argues for fake, green for real


def features(crops: np.ndarray) -> np.ndarray:
    """[n, 4, 4, 3]: each cell's colour in 0..1."""
    cells = np.asarray(crops, np.float32).reshape(len(crops), CELLS, SIZE // CELLS, CELLS, SIZE // CELLS, 3)
    return cells.mean(axis=(2, 4)) / 255


def score(crops: np.ndarray) -> np.ndarray:
    return features(crops).mean(axis=(1, 2)) @ GRADIENT


def gradients(crops: np.ndarray) -> np.ndarray:
    return np.broadcast_to(GRADIENT / (255 * SIZE * SIZE), crops.shape)


def case(sign: int = 1) -> Case:
    """A black crop with a red cell (1, 2) and a green cell (3, 0)."""
    crop = np.zeros((SIZE, SIZE, 3), np.uint8)
    crop[16:32, 32:48, 0] = 255
    crop[48:64, 0:16, 1] = 255
    return Case(crop, features(crop[None])[0], GRADIENT, sign)


RED, GREEN = (1, 2), (3, 0)


def at(cells: np.ndarray) -> tuple[int, int]:
    row, column = np.unravel_index(int(np.argmax(cells)), cells.shape)
    return int(row), int(column)


def test_ours_is_the_evidence_times_the_sign() -> None:
    cells = ours(case())
    assert cells[RED] == pytest.approx(3 / 16) and cells[GREEN] == pytest.approx(-2 / 16)
    assert np.count_nonzero(cells) == 2
    np.testing.assert_allclose(ours(case(-1)), -cells)


def test_grad_cam_plus_plus_by_hand() -> None:
    """Red: g = 3/16, its activations sum to 1, alpha = 1 / (2 + 3/16), 16 places: weight 16 * alpha * 3/16."""
    cells = grad_cam_plus_plus(case())
    assert cells[RED] == pytest.approx(3 / (2 + 3 / 16))
    assert np.count_nonzero(cells) == 1  # what argues for real is dropped
    assert at(grad_cam_plus_plus(case(-1))) == GREEN


def test_score_cam_prefers_the_channel_whose_mask_keeps_the_score() -> None:
    """Two channels: the red mask leaves 3/16 logits, the green one -2/16 (each mask also keeps a rim of the cell)."""
    assert at(score_cam(case(), score, channels=2)) == RED
    assert at(score_cam(case(-1), score, channels=2)) == GREEN
    assert score_cam(case(), score, channels=1)[GREEN] == 0


def test_sliding_occlusion_finds_the_cells_by_their_drop() -> None:
    cells = sliding_occlusion(case(), score, window=1)
    assert at(cells) == RED and at(-cells) == GREEN
    hidden = np.zeros((CELLS, CELLS), np.float32)
    hidden[RED] = 1
    crop = case().crop
    expected = score(crop[None]) - score(blend(crop, blur(crop), hidden)[None])
    assert cells[RED] == pytest.approx(float(expected[0]), abs=1e-5)
    np.testing.assert_allclose(sliding_occlusion(case(-1), score, window=1), -cells, atol=1e-6)
    wider = sliding_occlusion(case(), score, window=2)
    assert wider.shape == (CELLS, CELLS) and wider[RED] > 0 > wider[GREEN]


def test_integrated_gradients_of_a_linear_network_are_complete() -> None:
    cells = integrated_gradients(case(), gradients, steps=20)
    before, after = score(case().crop[None])[0], (blur(case().crop).mean(axis=(0, 1)) / 255) @ GRADIENT
    assert cells.sum() == pytest.approx(before - after, abs=1e-5)
    assert at(cells) == RED and at(-cells) == GREEN
    change = (case().crop - blur(case().crop)).reshape(4, 16, 4, 16, 3).mean(axis=(1, 3)) / 255
    np.testing.assert_allclose(cells, change @ GRADIENT / 16, atol=1e-5)
    np.testing.assert_allclose(integrated_gradients(case(-1), gradients), -cells, atol=1e-5)


def test_maps_that_do_not_look() -> None:
    random = np.random.default_rng(0)
    first, second = random_map(case(), random), random_map(case(), random)
    assert first.shape == (CELLS, CELLS) and not np.array_equal(first, second)
    blob = centred_gaussian(case())
    np.testing.assert_allclose(blob, blob[::-1, ::-1])
    assert blob[1, 1] == blob.max() and blob[0, 0] == blob.min()


def test_blending_replaces_the_cells_that_are_marked() -> None:
    crop = case().crop
    white = np.full(crop.shape, 255, np.float32)
    marked = np.zeros((CELLS, CELLS), np.float32)
    marked[0, 3] = 1
    mixed = blend(crop, white, marked, feather=0)
    whole = cv2.resize(marked, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST) > 0
    assert (mixed[whole] == 255).all() and np.array_equal(mixed[~whole], crop[~whole])
