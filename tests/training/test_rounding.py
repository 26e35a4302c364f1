"""Rounding by hand: what is lost in one weight is made up for by those that see the same."""

from __future__ import annotations

import numpy as np

from training.rounding import LARGEST, rounded


def test_where_inputs_have_nothing_in_common_each_weight_goes_to_its_nearest_integer():
    weights = np.array([[0.4, 1.6, -2.4], [0.6, -0.6, 3.1]])
    assert rounded(weights, np.diag([3.0, 1, 2])).tolist() == [[0, 2, -2], [1, -1, 3]]


def test_two_inputs_that_are_always_equal_share_one_error():
    # 0.4 x + 0.4 x = 0.8 x: nearest integers give 0, one of the two must take it all
    assert rounded(np.array([[0.4, 0.4]]), np.ones((2, 2))).sum() == 1


def test_opposite_inputs_share_it_the_other_way_round():
    # 0.4 x - (-0.4) x = 0.8 x once more, now as a difference
    first, second = rounded(np.array([[0.4, -0.4]]), np.array([[1.0, -1], [-1, 1]]))[0]
    assert first - second == 1


def test_the_product_with_what_is_seen_is_closer_than_by_nearest_integers():
    random = np.random.default_rng(0)
    seen = random.normal(size=(500, 6)) @ random.normal(size=(6, 20)) + 0.1 * random.normal(size=(500, 20))
    weights = random.normal(0, 5, (8, 20))
    plain, chosen = (
        np.square(seen @ (weights - x).T).sum() for x in (np.round(weights), rounded(weights, seen.T @ seen))
    )
    assert chosen < 0.5 * plain


def test_integers_stay_within_seven_bits_and_what_is_cut_off_is_made_up_for():
    assert rounded(np.array([[90.0, 10]]), np.ones((2, 2))).tolist() in ([[LARGEST, 36]], [[36, LARGEST]])
    assert rounded(np.array([[-90.0]]), np.ones((1, 1))).tolist() == [[-LARGEST]]


def test_an_input_that_is_never_there_does_no_harm():
    assert rounded(np.array([[1.2, 2.6]]), np.diag([1.0, 0])).tolist() == [[1, 3]]
