"""What becomes of fits that meet: hand-made faces, no network."""

from types import SimpleNamespace

import numpy as np
import pytest

from deepdect import face_fits
from deepdect import mesh as _mesh
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


def _fit_at(monkeypatch, *, mesh_score, score, shift=0.0, at=(50.0, 50.0), size=(100.0, 100.0)):
    points = np.zeros((468, 2))
    points[:4] = [[0, 0], [1, 0], [1, 1], [0, 1]]
    points[list(_mesh.RIGHT_EYE_CORNERS)] = [0.25, 0.3]
    points[list(_mesh.LEFT_EYE_CORNERS)] = [0.75, 0.3]
    points = points * size + at
    monkeypatch.setattr(face_fits, "first_fit", lambda rgb, detection: (points, 0.99, 0.0))
    monkeypatch.setattr(_mesh, "face_mesh", lambda: SimpleNamespace(fit=lambda *a: (points + [shift, 0], mesh_score)))
    detection = np.zeros(16)
    detection[:4] = [*at, at[0] + size[0], at[1] + size[1]]
    return face_fits._fit(np.zeros((400, 400, 3), np.uint8), detection, score)


def test_an_unsettled_fit_needs_both_scores(monkeypatch):
    shift = 100 * face_fits.LOOSE_SHIFT * 1.5  # a doubt of 1.5
    assert _fit_at(monkeypatch, mesh_score=0.995, score=0.65, shift=shift).doubt == pytest.approx(1.5)
    assert _fit_at(monkeypatch, mesh_score=0.995, score=0.55, shift=shift) is None
    assert _fit_at(monkeypatch, mesh_score=0.95, score=0.65, shift=shift) is None


def test_a_mesh_beside_the_picture_is_no_face(monkeypatch):
    for at in ((410, 50), (50, 410), (-110, 50), (50, -110)):
        assert _fit_at(monkeypatch, mesh_score=1, score=0.9, at=at) is None
    assert _fit_at(monkeypatch, mesh_score=1, score=0.9, at=(-60, 50)) is not None


def test_the_longer_side_counts(monkeypatch):
    assert _fit_at(monkeypatch, mesh_score=1, score=0.9, size=(15, 24)) is not None
    assert _fit_at(monkeypatch, mesh_score=1, score=0.9, size=(15, 19)) is None


def test_a_doubtful_known_face_is_fitted_anew(monkeypatch):
    new = _fit_at(monkeypatch, mesh_score=1, score=0.9)
    detection = np.zeros((1, 16))
    detection[0, :4] = [50, 50, 150, 150]
    rgb = np.zeros((400, 400, 3), np.uint8)

    def known(doubt):
        return [face_fits.Fit(new.face, doubt)]

    assert len(face_fits.fit_all(rgb, detection, np.array([0.9]), known(1.0))) == 1
    assert face_fits.fit_all(rgb, detection, np.array([0.9]), known(0.5)) == []


def test_a_settled_one_of_two_keeps_the_new_one_out():
    loose, settled = fit(1.3), fit(0.1)
    assert face_fits.merge([loose, settled], [fit(0.1, degrees=90)]) == [loose, settled]
