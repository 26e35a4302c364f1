"""Figures of maps, with answers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from explain.faithfulness_metrics import (
    deletion_insertion,
    energy_in_mask,
    interval,
    jpeg,
    points_into,
    rank_correlation,
    ranked,
)

SIZE, CELLS = 16, 4  # four cells of 8 x 8 pixels
CROP = np.full((SIZE, SIZE, 3), 200, np.uint8)
BLACK = np.zeros((SIZE, SIZE, 3), np.float32)
WEIGHTS = np.array([[4.0, 3.0], [2.0, 1.0]])  # logits of each cell of the linear model


def linear(crops: np.ndarray) -> np.ndarray:
    """The weighted sum of the cells' brightness, less 5: 5 for CROP, -5 for BLACK."""
    cells = crops.reshape(len(crops), 2, 8, 2, 8, 3).mean(axis=(2, 4, 5)) / 200
    return (cells * WEIGHTS).sum(axis=(1, 2)) - 5


def sigmoid(x: np.ndarray | float) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(x)))


def area(logits: list[float]) -> float:
    heights = sigmoid(np.array(logits))
    return float(((heights[1:] + heights[:-1]) / 2).mean())


def curves(cells: np.ndarray, sign: int = 1, ends: tuple[float, float] = (5, -5)) -> tuple[float, float]:
    return deletion_insertion(cells, CROP, BLACK, sign, ends, linear, steps=4, feather=0)


def test_deletion_and_insertion_of_a_linear_model() -> None:
    """Best order: 10 - 5 = 5 logits, then 1, -2, -4, -5; in the reverse order 5, 4, 2, -1, -5."""
    deletion, insertion = curves(WEIGHTS)
    assert deletion == pytest.approx(area([5, 1, -2, -4, -5]), abs=1e-6)
    assert insertion == pytest.approx(area([-5, -1, 2, 4, 5]), abs=1e-6)
    worst_deletion, worst_insertion = curves(-WEIGHTS)
    assert worst_deletion == pytest.approx(area([5, 4, 2, -1, -5]), abs=1e-6)
    assert worst_insertion == pytest.approx(area([-5, -4, -2, 1, 5]), abs=1e-6)
    assert deletion < worst_deletion and insertion > worst_insertion


def test_the_other_class_has_the_opposite_probability() -> None:
    assert curves(WEIGHTS, sign=-1)[0] == pytest.approx(1 - curves(WEIGHTS)[0], abs=1e-6)


def test_curves_score_one_batch_and_never_the_ends() -> None:
    batches = []

    def score(crops: np.ndarray) -> np.ndarray:
        batches.append(crops)
        return linear(crops)

    deletion_insertion(WEIGHTS, CROP, BLACK, 1, (5, -5), score, steps=2, feather=0)
    [batch] = batches
    assert len(batch) == 2
    assert batch[0][:8].max() == 0 and batch[0][8:].min() == 200  # deletion: the upper, stronger two cells first
    assert batch[1][:8].min() == 200 and batch[1][8:].max() == 0


def test_cells_are_ranked_highest_first_ties_in_reading_order() -> None:
    assert ranked([[1, 3], [3, 2]]).tolist() == [1, 2, 3, 0]


def test_the_pointing_game() -> None:
    """8 x 8 cells of 8 pixels, the mask in the pixels of cell (2, 5) only."""
    mask = np.zeros((64, 64))
    mask[16:24, 40:48] = 0.3  # faint, but the most there is
    for place, tolerance, hit in (
        ((2, 5), 0, True),
        ((3, 5), 0, False),
        ((3, 6), 1, True),
        ((1, 4), 1, True),
        ((4, 5), 1, False),
        ((2, 7), 1, False),
        ((2, 7), 2, True),
        ((0, 0), 1, False),
    ):
        cells = np.zeros((8, 8))
        cells[place] = 1
        assert points_into(cells, mask, tolerance) is hit, (place, tolerance)
    with pytest.raises(ValueError, match="above 0"):
        points_into(np.zeros((8, 8)), np.zeros((64, 64)))


def test_energy_relative_to_area() -> None:
    face = np.ones((64, 64), bool)
    quarter = np.zeros((64, 64))
    quarter[:32, :32] = 1
    assert energy_in_mask(np.ones((8, 8)), quarter, face) == pytest.approx(1, abs=1e-3)
    inside = np.zeros((8, 8))
    inside[1, 1] = 3
    assert energy_in_mask(inside, quarter, face) == pytest.approx(4, abs=1e-3)
    elsewhere = np.zeros((8, 8))
    elsewhere[6, 6] = 3
    elsewhere[1, 1] = -5  # evidence for the other class is no energy
    assert energy_in_mask(elsewhere, quarter, face) == pytest.approx(0, abs=1e-3)
    left = np.zeros((64, 64), bool)
    left[:, :32] = True  # on the left half alone, the quarter is a half
    assert energy_in_mask(inside, quarter, left) == pytest.approx(2, abs=1e-3)
    assert np.isnan(energy_in_mask(-np.ones((8, 8)), quarter, face))
    with pytest.raises(ValueError, match="covers nothing"):
        energy_in_mask(inside, 1.0 - left, left)


def test_rank_correlation() -> None:
    cells = np.array([[1.0, 2], [3, 4]])
    assert rank_correlation(cells, np.exp(cells)) == pytest.approx(1)
    assert rank_correlation(cells, -cells) == pytest.approx(-1)
    assert rank_correlation([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(0.8)
    assert rank_correlation([1, 2, 2, 3], [1, 2, 2, 3]) == pytest.approx(1)
    assert np.isnan(rank_correlation(cells, np.ones((2, 2))))


def test_the_interval_resamples_groups() -> None:
    random = np.random.default_rng(0)
    values = random.normal(0.5, 0.1, 400)
    mean, low, high = interval(values, np.arange(400))
    assert mean == pytest.approx(values.mean())
    assert high - low == pytest.approx(2 * 1.96 * 0.1 / 20, rel=0.15)
    doubled = interval(np.repeat(values, 2), np.repeat(np.arange(400), 2))
    assert doubled[2] - doubled[1] == pytest.approx(high - low, rel=0.1)  # copies in a group add no certainty
    assert interval([1.0, np.nan, 1.0], ["a", "b", "c"]) == (1, 1, 1)
    assert np.isnan(interval([], [])).all() and np.isnan(interval([np.nan], ["a"])).all()


def test_jpeg_keeps_the_channels_in_order() -> None:
    red = np.zeros((32, 32, 3), np.uint8)
    red[:, :, 0] = 220
    after = jpeg(red)
    assert after.shape == red.shape and after.dtype == np.uint8
    assert np.abs(after.astype(int) - red).max() < 12
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    assert not np.array_equal(jpeg(noise), noise)


def test_a_group_weighs_as_much_as_it_has_values():
    # 99 zeros of one group, one 1 of another: a resample has mean 0, .01 or 1, never .5
    mean, low, high = interval([0.0] * 99 + [1.0], ["a"] * 99 + ["b"])
    assert (mean, low, high) == (0.01, 0.0, 1.0)


def test_a_large_group_moves_the_mean_as_a_whole():
    # ten groups of one zero each and one group of 90 ones
    values, groups = [0.0] * 10 + [1.0] * 90, [*map(str, range(10)), *["big"] * 90]
    _, low, high = interval(values, groups)
    assert low == 0.0 and high > 0.95  # with the big group once or more the mean is >= .9


def test_the_interval_holds_95_per_cent_of_resamples():
    # the mean of 100 coin flips: 95 % of resamples lie within .40 to .60, 90 % within .42 to .58
    _, low, high = interval([0.0, 1.0] * 50, np.arange(100), rounds=20000)
    assert (low, high) == (pytest.approx(0.40, abs=0.005), pytest.approx(0.60, abs=0.005))


def test_half_of_the_maximum():
    mask = np.full((64, 64), 0.1)
    mask[16:24, 40:48] = 1
    cells = np.zeros((8, 8))
    cells[6, 1] = 1
    assert not points_into(cells, mask)


def test_evidence_outside_the_face_counts_for_nothing():
    face = np.zeros((64, 64), bool)
    face[:, :32] = True
    mask = np.zeros((64, 64))
    mask[:32, :32] = 1
    cells = np.zeros((8, 8))
    cells[1, 1] = 3
    cells[1, 6] = 30
    assert energy_in_mask(cells, mask, face) == pytest.approx(2, abs=1e-3)
