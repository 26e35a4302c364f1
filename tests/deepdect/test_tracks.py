"""Persons followed by hand-made boxes."""

from __future__ import annotations

import numpy as np

from deepdect.faces import Face
from deepdect.tracks import Tracker


def at(x: float, y: float = 0, side: float = 100) -> Face:
    return Face((x, y, side, side), np.zeros((468, 2)), 0.9, 0.9)


def test_two_people_keep_their_numbers_though_their_order_changes():
    tracker = Tracker()
    assert tracker.follow(0, [at(0), at(500)]) == [0, 1]
    assert tracker.follow(0.25, [at(480), at(30)]) == [1, 0]
    assert tracker.follow(0.5, [at(460)]) == [1]
    assert tracker.follow(0.75, [at(60), at(440)]) == [0, 1]


def test_who_is_elsewhere_or_of_another_size_is_somebody_else():
    tracker = Tracker()
    assert tracker.follow(0, [at(0)]) == [0]
    assert tracker.follow(0.25, [at(200)]) == [1]  # two of its sides further
    assert tracker.follow(0.5, [at(150, side=200)]) == [2]  # twice as large at the same centre


def test_the_nearest_is_taken():
    tracker = Tracker()
    tracker.follow(0, [at(0), at(70)])
    assert tracker.follow(0.25, [at(60)]) == [1]


def test_a_track_ends_out_of_sight():
    tracker = Tracker()
    tracker.follow(0, [at(0)])
    assert tracker.follow(1.9, [at(0)]) == [0]
    assert tracker.follow(4.0, [at(0)]) == [1]


def test_a_frame_without_faces():
    assert Tracker().follow(0, []) == []


def _at(x, y=0, side=100):
    return Face((x, y, side, side), np.zeros((468, 2)), 0.9, 0.9)


def test_size_breaks_ties():
    t = Tracker()
    assert t.follow(0, [_at(0), _at(-10, -30, 160)]) == [0, 1]  # centres (50, 50) and (70, 50)
    assert t.follow(0.25, [_at(-22, -30, 160)]) == [1]  # centre (58, 50): nearer to 0, of the size of 1


def test_a_face_that_grows_slowly_stays_one_person():
    t = Tracker()
    for n, side in enumerate((100, 150, 225, 340)):
        assert t.follow(n / 4, [_at(-side / 2, -side / 2, side)]) == [0]


def test_reach_is_in_the_larger_sides():
    t = Tracker()
    t.follow(0, [_at(0)])
    assert t.follow(0.25, [_at(60, -35, 170)]) == [0]  # 95 to the right: .56 of 170, .95 of 100


def test_two_faces_of_one_frame_are_two_people():
    t = Tracker()
    assert t.follow(0, [_at(0)]) == [0]
    assert t.follow(0.25, [_at(-20), _at(10)]) == [1, 0]
