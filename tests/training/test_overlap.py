"""Thumbnails of one photograph, and what their share of a source is worth."""

from __future__ import annotations

import numpy as np
import pytest

from training.overlap import likeness, row


def test_a_mirrored_and_a_brighter_copy_are_found_and_noise_is_not():
    random = np.random.default_rng(0)
    others = random.integers(0, 120, (3, 32, 32, 3), dtype=np.uint8)
    some = np.stack([others[2][:, ::-1], others[1] * 2, random.integers(0, 120, (32, 32, 3), dtype=np.uint8)])
    found, nearest = likeness(some, others)
    assert nearest[:2].tolist() == [2, 1]
    assert found[:2] == pytest.approx(1.0, abs=1e-5) and abs(found[2]) < 0.1


def test_a_picture_of_one_colour_is_like_nothing():
    flat = np.full((1, 32, 32, 3), 7, np.uint8)
    assert likeness(flat, flat)[0] == pytest.approx(0.0)


def test_figures_with_and_without_what_train_shows():
    """Of two reals and two fakes one real is judged wrongly, the one that Train does not show."""
    logits, labels = np.array([-2.0, 1.0, 0.5, 2.0]), np.array([0, 0, 1, 1], np.float32)
    assert row("s", logits, labels, np.array([True, False, False, False])) == [
        *("s", "4", "1"),
        *("0.750", "0.500"),
        *("75.0%", "66.7%"),
    ]
    assert row("s", logits, labels, np.ones(4, bool))[4:] == ["–", "75.0%", "–"]
