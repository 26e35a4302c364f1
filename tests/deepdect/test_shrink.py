"""Reduced copies: exact averages by hand, where halving stops, and that small reductions stay exact."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from deepdect import shrink


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_halving_averages_two_by_two_pixels() -> None:
    rgb = np.zeros((2, 4, 3), np.uint8)
    rgb[0, 0], rgb[:, 2:] = 100, 40
    halved, scale = shrink.halve(rgb, 2.0)
    assert scale == 2 and halved.tolist() == [[[25] * 3, [40] * 3]]


@pytest.mark.parametrize(("factor", "scale"), [(0.5, 1), (1.99, 1), (2.0, 2), (3.99, 2), (4.0, 4), (9.0, 8)])
def test_halved_as_often_as_the_factor_holds_two(factor: float, scale: int) -> None:
    halved, found = shrink.halve(picture(67, 90), factor)
    assert found == scale and halved.shape == (67 // scale, 90 // scale, 3)


def test_a_side_of_one_pixel_is_not_halved() -> None:
    line = picture(1, 500)
    halved, scale = shrink.halve(line, 8.0)
    assert scale == 1 and np.array_equal(halved, line)


@pytest.mark.parametrize("size", [(60, 50), (51, 50), (99, 99)])
def test_reductions_below_two_are_opencvs_area_average(size: tuple[int, int]) -> None:
    rgb = picture(size[1] * 3 // 2, size[0] * 3 // 2)
    expected = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    assert np.array_equal(shrink.resize(rgb, *size), expected)


def test_a_strip_is_averaged_along_its_length() -> None:
    strip = picture(1000, 1)
    assert np.array_equal(shrink.resize(strip, 1, 256), cv2.resize(strip, (1, 256), interpolation=cv2.INTER_AREA))


def test_exact_reductions_are_opencvs_area_average_however_large() -> None:
    rgb = picture(300, 400)
    assert np.array_equal(
        shrink.resize(rgb, 80, 60, exact=True), cv2.resize(rgb, (80, 60), interpolation=cv2.INTER_AREA)
    )


@pytest.mark.parametrize("size", [(20, 30), (100, 1), (640, 480)])
def test_any_size_can_be_asked_for(size: tuple[int, int]) -> None:
    assert shrink.resize(picture(201, 333), *size).shape == (size[1], size[0], 3)


def test_a_large_reduction_stays_near_the_area_average() -> None:
    y, x = np.mgrid[:1000, :1400]
    smooth = np.stack([x * 255 / 1399, y * 255 / 999, (x + y) * 255 / 2398], axis=2).astype(np.uint8)
    gap = np.abs(shrink.resize(smooth, 256, 183).astype(int) - cv2.resize(smooth, (256, 183), interpolation=3))
    assert gap.max() <= 2
