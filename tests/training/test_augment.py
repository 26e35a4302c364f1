"""Compression keeps colours and obeys its quality; the paper's augmentation changes no colour."""

from __future__ import annotations

import numpy as np
import pytest

from training.augment import Augmentation, augment, recompress


@pytest.mark.parametrize("kind", [".jpg", ".webp"])
def test_recompression_keeps_colours_and_obeys_its_quality(kind):
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 200
    assert np.abs(recompress(red, 90, kind).astype(int) - red).max() < 25
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 1), np.uint8).repeat(3, axis=2)
    errors = [np.abs(recompress(noise, q, kind).astype(int) - noise).mean() for q in (10, 95)]
    assert errors[0] > 1.5 * errors[1]


def test_no_detail_beyond_the_native_limit_is_kept():
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    only = Augmentation(move=0, colour=0, grey=0, resample=0, blur=0, noise=0, compress=1, quality=(100, 100), erase=0)
    # 256 pixels would keep stripes of one pixel, 176 cannot
    assert augment(stripes, 256, 256, only, np.random.default_rng(0))[20:-20, 20:-20].std() < 90


def test_small_ones_are_not_resampled():
    crop = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    for seed in range(4):
        augment(crop, 40, 96, Augmentation(resample=1.0), np.random.default_rng(seed))


def test_the_papers_augmentation_changes_no_colour():
    crop = np.full((256, 256, 3), (10, 120, 240), np.uint8)
    strong = Augmentation(paper_only=True, colour=1, grey=1, noise=1, erase=1, compress=1)
    np.testing.assert_array_equal(augment(crop, 176, 256, strong, np.random.default_rng(0)), crop)
