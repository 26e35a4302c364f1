"""What forgeries are put together with, on pictures whose answer is known by hand."""

import numpy as np
import pytest

from training import blending

GREY = np.full((256, 256, 3), 100, np.uint8)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def square(low: int, high: int) -> np.ndarray:
    mask = np.zeros((256, 256), np.float32)
    mask[low:high, low:high] = 1
    return mask


def test_blend_is_the_mean_by_the_mask():
    mask = np.full((256, 256), 0.25, np.float32)
    mask[0], mask[1] = 0, 1
    mixed = blending.blend(GREY + np.uint8(40), GREY, mask)
    assert (mixed[0] == 100).all() and (mixed[1] == 140).all() and (mixed[2:] == 110).all()


def test_a_feathered_mask_is_one_inside_half_at_its_edge_and_nothing_far_away():
    soft = blending.feather(square(64, 192), 3.0)
    assert soft[128, 128] == 1 and soft[128, 63:65].mean() == pytest.approx(0.5, abs=0.01)
    assert not soft[:40].any() and soft.dtype == np.float32


def test_a_grown_region_covers_it_and_three_pixels_more(random):
    soft = blending.grown(square(100, 150) > 0, random)
    assert (soft[100:150, 100:150] > 0.5).all()
    assert soft[97, 125] == pytest.approx(0.5, abs=0.15) and not soft[:60].any()


def test_a_softened_mask_stays_around_the_given_one(random):
    soft = blending.soften(square(96, 160), random)
    assert soft.max() == 1 and soft[128, 128] > 0.9 and not soft[:30].any()


def test_warping_onto_its_own_landmarks_changes_nothing(random):
    picture = random.integers(0, 256, (256, 256, 3)).astype(np.uint8)
    landmarks = random.uniform(60, 200, (468, 2))
    np.testing.assert_array_equal(blending.warp(picture, landmarks, landmarks), picture)


def test_warping_moves_the_donor_with_its_landmarks(random):
    donor = GREY.copy()
    donor[100:108, 120:128] = 255
    landmarks = random.uniform(60, 180, (468, 2))
    moved = blending.warp(donor, landmarks, landmarks + [10, 4])
    assert (moved[105:111, 131:137] == 255).all() and (moved[100:104, 120:128] == 100).all()


def test_matched_colours_have_the_targets_mean(random):
    source = random.integers(90, 110, (256, 256, 3)).astype(np.uint8)
    target = random.integers(140, 160, (256, 256, 3)).astype(np.uint8)
    matched = blending.match_colours(source, target, square(64, 192) > 0)
    np.testing.assert_allclose(matched[64:192, 64:192].mean((0, 1)), target[64:192, 64:192].mean((0, 1)), atol=2.5)


def test_poisson_keeps_the_target_outside_and_takes_its_level_inside():
    joined = blending.poisson(GREY + np.uint8(60), GREY, square(64, 192))
    np.testing.assert_allclose(joined, 100, atol=2)


def test_poisson_of_next_to_nothing_is_the_source():
    source = GREY + np.uint8(60)
    assert blending.poisson(source, GREY, square(100, 101)) is source


def test_a_transposed_convolution_keeps_the_level_and_leaves_a_grid(random):
    small = np.full((64, 64, 3), 100, np.uint8)
    rebuilt = blending.transposed_convolution(small, 4, random)[16:-16, 16:-16, 0].astype(float)
    assert rebuilt.mean() == pytest.approx(100, abs=2) and rebuilt.std() > 0.5
    np.testing.assert_array_equal(rebuilt[:, 4:], rebuilt[:, :-4])  # the grid's period is the factor
