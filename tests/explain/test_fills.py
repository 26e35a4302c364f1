"""The fills on pictures whose right filling is known."""

import numpy as np
import pytest

from explain.fills import FILLS, blur, pyramid

SIZE = 64


def square(low: int, high: int) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[low:high, low:high] = 1
    return mask


@pytest.mark.parametrize("name", FILLS)
def test_an_even_picture_stays_even(name: str) -> None:
    even = np.full((SIZE, SIZE, 3), (40, 90, 200), np.uint8)
    filled = FILLS[name](even, square(20, 44))
    assert (filled.shape, filled.dtype) == (even.shape, np.float32)
    np.testing.assert_allclose(filled, even, atol=8 if name == "inpaint" else 0.51)  # cv2.inpaint rounds as it goes


@pytest.mark.parametrize("name", ["inpaint", "pyramid"])
def test_nothing_of_what_is_hidden_shows(name: str) -> None:
    random = np.random.default_rng(0)
    first = random.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    second = first.copy()
    second[20:44, 20:44] = random.integers(0, 256, (24, 24, 3), np.uint8)
    mask = square(20, 44)
    np.testing.assert_array_equal(FILLS[name](first, mask), FILLS[name](second, mask))


def test_the_pyramid_goes_smoothly_from_one_side_to_the_other() -> None:
    """A hole between black and white: dark to bright across it, nowhere darker or brighter than its surroundings."""
    picture = np.zeros((SIZE, SIZE, 3), np.uint8)
    picture[:, SIZE // 2 :] = 200
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[:, 16:48] = 1
    row = pyramid(picture, mask)[SIZE // 2, 16:48, 0]
    assert row.min() >= 0 and row.max() <= 200
    assert row[:8].mean() < row[12:20].mean() < row[-8:].mean()
    assert np.abs(np.diff(row)).max() < 40


def test_the_pyramid_leaves_what_is_not_hidden() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    outside = square(20, 44) == 0
    np.testing.assert_allclose(pyramid(picture, square(20, 44))[outside], picture[outside], atol=1e-3)


def test_a_mask_over_everything_leaves_nothing_to_fill_from() -> None:
    with pytest.raises(ValueError, match="covers the whole crop"):
        pyramid(np.zeros((SIZE, SIZE, 3), np.uint8), np.ones((SIZE, SIZE), np.float32))


def test_the_blur_keeps_the_mean_and_loses_the_detail() -> None:
    checks = np.kron(np.indices((16, 16)).sum(axis=0) % 2, np.ones((4, 4)))[:, :, None] * np.full(3, 255)
    blurred = blur(checks.astype(np.uint8))
    assert blurred.mean() == pytest.approx(checks.mean(), abs=1)
    assert blurred.std() < 0.1 * checks.std()
