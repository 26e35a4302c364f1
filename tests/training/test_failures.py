"""The sheet of hard pictures: every picture is what its name says, and shows up with its verdict."""

from __future__ import annotations

import numpy as np
import pytest

from training import failures


@pytest.fixture(scope="module")
def photo(astronaut):
    return failures.portrait()


@pytest.mark.parametrize("name", failures.PICTURES)
def test_each_picture_is_made_of_the_portrait(photo, name):
    picture = failures.PICTURES[name][1](photo)
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
    changed = picture.shape != photo.shape or not np.array_equal(picture, photo)
    assert changed == (name != "unedited")


def test_glasses_hide_the_eyes_alone(photo):
    hidden = (failures.PICTURES["sunglasses"][1](photo) != photo).any(axis=2)
    rows = np.flatnonzero(hidden.any(axis=1))
    assert 0.01 < hidden.mean() < 0.1 and rows.max() < 120  # her eyes lie in the upper half of the 240 rows


def test_the_sheet_has_a_cell_for_each(photo):
    found = {name: (photo, False, "no face", None) for name in "abcde"}
    image = failures.sheet(found | {"f": (photo, True, "inconclusive", 0.5)})
    assert image.size == (failures.COLUMNS * failures.SIDE, 2 * (failures.SIDE + failures.CAPTION))
    cell = np.asarray(image.crop((2, 2, failures.SIDE - 2, failures.SIDE - 2)), float)
    assert cell.std() > 20  # a picture, not an empty cell
