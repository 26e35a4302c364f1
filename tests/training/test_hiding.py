"""Hidden regions: what is hidden, and how much of a forgery is left."""

from __future__ import annotations

import numpy as np
import pytest

from training.hiding import hide, kept


def picture() -> tuple[np.ndarray, np.ndarray]:
    """A noisy crop and its regions: the upper half 9 (outside), the lower left 3, the lower right 4."""
    labels = np.full((64, 64), 9, np.uint8)
    labels[32:, :32], labels[32:, 32:] = 3, 4
    return np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8), labels


def test_what_is_hidden_is_a_region_or_a_patch_and_smooth():
    crop, labels = picture()
    regions = 0
    for seed in range(40):
        hidden, where = hide(crop, labels, None, np.random.default_rng(seed))
        regions += any(np.array_equal(where, labels == region) for region in (3, 4))
        assert 0 < where.mean() <= 0.26 and hidden.dtype == np.uint8
        assert hidden[where].std() < 0.8 * crop[where].std()
        assert np.abs(hidden[~where].astype(int) - crop[~where]).mean() < 10  # but for the soft edge
    assert 20 <= regions <= 36  # three in ten are patches; the upper half is too large to hide


def test_a_forgery_is_hidden_more_often_than_the_rest():
    crop, labels = picture()
    mask = (labels == 4).astype(np.float32)
    wheres = [hide(crop, labels, mask, np.random.default_rng(seed))[1] for seed in range(60)]
    forged, other = (sum(np.array_equal(where, labels == region) for where in wheres) for region in (4, 3))
    assert forged > 2 * other


def test_kept_is_the_share_that_is_left():
    mask = np.array([[1.0, 0.5], [0.0, 0.5]])
    assert kept(mask, np.array([[True, False], [False, False]])) == pytest.approx(0.5)
    assert kept(mask, np.array([[False, False], [True, False]])) == 1
    assert kept(np.zeros((2, 2)), np.ones((2, 2), bool)) == 1
