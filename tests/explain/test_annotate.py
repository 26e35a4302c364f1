"""Lines and numbers on small grey pictures."""

import numpy as np
import pytest

from explain.annotate import draw_number, draw_regions
from explain.overlay import CropPlacement

GREY = 128


def grey(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def changed(after: np.ndarray) -> np.ndarray:
    return (after != GREY).any(axis=2)


def test_region_lines_lie_on_the_borders() -> None:
    """Two halves, the border between them upright through the middle of the placed crop."""
    labels = np.zeros((64, 64), np.uint8)
    labels[:, 32:] = 1
    for size in (64, 128):
        photo = grey(160, 160)
        draw_regions(photo, labels, CropPlacement(9.5, 9.5, size, 0))
        columns = np.flatnonzero(changed(photo).any(axis=0))
        middle = 10 + size / 2
        assert len(columns) and abs(columns - middle).max() <= 3 * size / 64
        assert photo[20:60, round(middle)].max() > GREY + 20  # light
        assert photo.min() < GREY - 5  # with a dark rim
    untouched = grey(160, 160)
    draw_regions(untouched, np.zeros((64, 64), np.uint8), CropPlacement(9.5, 9.5, 64, 30))
    assert not changed(untouched).any()
    with pytest.raises(ValueError, match="labels"):
        draw_regions(untouched, np.zeros((4, 5)), CropPlacement(0, 0, 64, 0))


def test_numbers_stay_inside_the_photo() -> None:
    for x, y in ((40, 30), (-50, -50), (150, 95)):
        photo = grey(100, 160)
        draw_number(photo, 12, CropPlacement(x, y, 60, 0))
        rows, columns = (np.flatnonzero(changed(photo).any(axis=axis)) for axis in (1, 0))
        assert len(rows) >= 12 and len(columns) >= 12
        assert photo.max() > 200 and photo.min() < 60
        if (x, y) == (40, 30):
            assert (rows[0], columns[0]) == (30, 40)
    tiny = grey(8, 8)
    draw_number(tiny, 1, CropPlacement(0, 0, 60, 0))
    assert changed(tiny).all()
