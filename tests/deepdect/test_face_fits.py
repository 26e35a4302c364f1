"""What becomes of fits that meet: hand-made faces, no network."""

import numpy as np
import pytest

from deepdect.face_fits import DOUBTFUL, UNSETTLED, Face, Fit, area, holds, merge
from deepdect.mesh import LANDMARKS, LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS


def fit(doubt: float, x: float = 0.0, side: float = 100.0, degrees: float = 0.0) -> Fit:
    """A square face whose eyes lie on a line at that angle."""
    landmarks = np.full((LANDMARKS, 2), x + side / 2)
    along = np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))]) * side / 4
    landmarks[list(RIGHT_EYE_CORNERS)] -= along
    landmarks[list(LEFT_EYE_CORNERS)] += along
    return Fit(Face((x, x, side, side), landmarks, 0.9, 0.99), doubt)


def test_area_and_what_a_box_holds():
    face = fit(0.1, x=10, side=20).face
    assert area(face) == 400
    assert holds(face, np.array([11, 29])) and not holds(face, np.array([11, 31]))


def test_faces_apart_are_all_kept():
    known, new = fit(0.1), fit(0.2, x=500)
    assert merge([known], [new]) == [known, new]


def test_the_most_settled_of_new_fits_is_kept():
    loose, settled = fit(1.2), fit(0.3)
    assert merge([], [loose, settled]) == [settled]


@pytest.mark.parametrize("known", [fit(DOUBTFUL), fit(1.3)])
def test_a_known_fit_stays_where_the_new_one_agrees(known):
    assert merge([known], [fit(0.0)]) == [known]


@pytest.mark.parametrize("new", [fit(0.1, degrees=90), fit(0.1, side=60)])
def test_a_doubtful_fit_gives_way_to_one_of_another_angle_or_extent(new):
    assert merge([fit(1.3)], [new]) == [new]
    assert merge([fit(DOUBTFUL)], [new])[0].doubt == DOUBTFUL


def test_an_unsettled_fit_gives_way_only_to_one_half_as_doubtful():
    known = fit(UNSETTLED + 0.1)
    assert merge([known], [fit(known.doubt / 2 + 0.01)]) == [known]
    new = fit(known.doubt / 2 - 0.01)
    assert merge([known], [new]) == [new]
