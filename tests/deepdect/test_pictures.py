"""Windows, boxes and clicks on hand-made pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepdect import pictures
from deepdect.faces import Crop, Face
from explain.overlay import CropPlacement

from .ui.test_cards import face as judged


def face(x: float, y: float, side: float, probability: float = 0.9, evidence: float = 0.0):
    """A square face on a photo, its crop as large as its box."""
    return replace(
        judged(probability),
        face=Face((x, y, side, side), np.zeros((468, 2)), 0.9, 0.9),
        crop=Crop(np.zeros((256, 256, 3), np.uint8), x, y, side, 0, round(side)),
        evidence=np.full((8, 8), evidence, np.float32),
    )


def test_a_window_surrounds_the_crop_and_stays_inside_the_photo():
    photo = np.zeros((1000, 2000, 3), np.uint8)
    inside = pictures.window(photo, CropPlacement(799.5, 399.5, 400, 0))
    assert (inside.left, inside.top, inside.scale) == (700, 300, 1)
    assert inside.pixels.shape == (600, 600, 3)
    corner = pictures.window(photo, CropPlacement(-100, 900, 400, 0))
    assert (corner.left, corner.top) == (0, 400)
    assert pictures.window(photo[:300, :300], CropPlacement(0, 0, 290, 0)).pixels.shape == (512, 512, 3)


def test_a_place_moves_with_its_window():
    """A white square of the photo must lie where its place on the window says."""
    photo = np.zeros((400, 400, 3), np.uint8)
    photo[100:140, 200:240] = 255
    placement = CropPlacement(199.5, 99.5, 40, 0)
    shown = pictures.window(photo, placement)
    assert shown.scale == pytest.approx(512 / 60)
    white = np.argwhere(shown.pixels[:, :, 0] > 127)
    corners = shown.place(placement).corners()
    assert np.abs(white.min(axis=0)[::-1] - corners[0]).max() <= 1
    assert np.abs(white.max(axis=0)[::-1] - corners[2]).max() <= 1


def test_before_and_after_differ_only_by_the_evidence():
    photo = np.full((300, 300, 3), 128, np.uint8)
    before, after = pictures.before_after(photo, face(100, 100, 100, evidence=0.25))
    assert before.shape == after.shape == (512, 512, 3)
    assert (before == 128).all()
    red, _, blue = after[256, 256].astype(int)
    assert red > 128 > blue  # orange: argues for deepfake
    assert (after[0, 0] == 128).all()  # outside the crop
    _, empty = pictures.before_after(photo, face(100, 100, 100, probability=0.5))
    assert (empty[256, 256] == 128).all()  # no evidence, no colour


def test_numbers_are_drawn_without_touching_the_photo():
    photo = np.full((600, 2560, 3), 128, np.uint8)
    photo.flags.writeable = False  # as images.load returns it
    drawn = pictures.numbered(photo, [face(200, 100, 300), face(1500, 100, 300, probability=0.1)], chosen=0)
    assert drawn.shape == (300, 1280, 3)
    assert (photo == 128).all()
    middle = drawn[125].astype(int)  # a row through both boxes, which are half as large here
    orange = np.flatnonzero((middle == pictures.COLOURS["deepfake"]).all(axis=1))
    blue = np.flatnonzero((middle == pictures.COLOURS["real"]).all(axis=1))
    assert 90 < orange.min() < 100 and 250 <= orange.max() < 260
    assert 740 < blue.min() < 750 and 900 <= blue.max() < 910
    assert len(orange) > len(blue)  # the chosen face's box is bolder


def test_a_click_finds_the_nearest_face():
    faces = [face(0, 0, 100), face(200, 0, 40)]
    assert pictures.face_at(faces, 50, 50) == 0
    assert pictures.face_at(faces, 220, 20) == 1
    assert pictures.face_at(faces, 190, 20) == 1
    assert pictures.face_at(faces, 1000, 1000) is None
