"""A video's most suspicious moments: which are kept, and what of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepdect import faces, video
from deepdect.scenes import MOST, Scenes, cut
from deepdect.verdict import sigmoid

from .ui.test_cards import face
from .ui.test_clip import PHOTO, look


def kept(folder: Path, looks: list[video.Look]) -> list[tuple[int, float]]:
    scenes = Scenes()
    for one in looks:
        scenes.add(one)
    return [(scene.person, scene.t) for scene in scenes.keep(folder)]


def test_the_most_suspicious_moments_are_kept_a_second_apart(tmp_path):
    logits = {0.0: 1.0, 0.25: 3.0, 0.5: 2.0, 2.0: 4.0, 2.75: 3.9, 5.0: -1.0}
    assert kept(tmp_path, [look(t, logit) for t, logit in logits.items()]) == [(1, 2.0), (1, 0.25), (1, 5.0)]


def test_of_many_moments_everybody_s_own_one_stays(tmp_path):
    """The least suspicious person has one moment; it outlives better ones of the person who has many."""
    looks = [look(0.0, -9.0, people=(2,))] + [look(2.0 * n, float(n)) for n in range(1, 30)]
    moments = kept(tmp_path, looks)
    assert len(moments) == MOST and moments[-1] == (2, 0.0)
    assert [t for _, t in moments[:-1]] == [2.0 * n for n in range(29, 18, -1)]


def test_large_faces_do_not_fill_the_memory(tmp_path, monkeypatch):
    part, _ = cut(PHOTO, face(0.5))
    monkeypatch.setattr("deepdect.scenes.MEMORY", 2 * part.nbytes)
    assert kept(tmp_path, [look(2.0 * n, float(n)) for n in range(5)]) == [(1, 8.0), (1, 6.0)]


def test_what_is_cut_out_gives_the_same_crop_to_the_last_bit(detector, astronaut):
    picture = detector.analyze(astronaut)
    part, moved = cut(astronaut, picture.faces[0])
    assert part.nbytes < astronaut.nbytes / 2
    again = faces.crop(part, moved.face)
    np.testing.assert_array_equal(again.pixels, picture.faces[0].crop.pixels)
    assert (again.x, again.y, again.size) == pytest.approx((moved.crop.x, moved.crop.y, moved.crop.size))
    x, y, width, height = (round(value) for value in moved.face.box)
    left, top = (round(value) for value in picture.faces[0].face.box[:2])
    np.testing.assert_array_equal(
        part[y : y + height, x : x + width], astronaut[top : top + height, left : left + width]
    )


def test_a_moment_is_one_face_of_its_frame_with_its_own_figures(tmp_path):
    scenes = Scenes()
    scenes.add(look(1.5, 2.0, -3.0, people=(4, 2)))
    first, second = scenes.keep(tmp_path)
    assert (first.person, second.person) == (4, 2)
    assert [one.fake_probability for one in second.picture.faces] == [second.picture.fake_probability]
    assert second.picture.fake_probability == pytest.approx(sigmoid(-3.0)) and second.picture.verdict == "real"
    assert second.picture.photo is None
    assert second.photo().shape == (
        80,
        93,
        3,
    )  # from the photo's left edge to two and a half crop sides around the face
    assert second.file.is_relative_to(tmp_path)
    second.file.unlink()
    assert second.photo() is None and second.verify(None) is None
