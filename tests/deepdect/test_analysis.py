"""What an analysis makes of its parts: the JSON, the map on the picture, the charts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deepdect.analysis import Analysis, FaceAnalysis
from deepdect.faces import Crop, Face
from explain import annotate, chart
from explain.regions import REGIONS, RegionEvidence, partition
from tests.explain.test_regions import drawn_face


def _analysis(angle=0.0, n=1):
    ev = np.zeros((8, 8), np.float32)
    ev[0, 0] = 5
    f = FaceAnalysis(
        Face((10.2, 20.4, 30.6, 40.4), np.tile([120.0, 90.0], (468, 1)), 0.9, 0.9),
        Crop(np.zeros((256, 256, 3), np.uint8), 40, 10, 160, angle, 160),
        "deepfake",
        0.9,
        2.2,
        -0.3,
        ev,
        [RegionEvidence(x, 0.1, 0.1, 0.0, False) for x in REGIONS],
        [],
    )
    return Analysis(
        "a", "ok", "", 240, 180, "deepfake", 0.9, [f] * n, {}, "r", 1.0, np.full((180, 240, 3), 128, np.uint8)
    )


def test_the_map_is_turned_with_the_crop():
    drawn = _analysis(30.0).overlay()[..., 2].astype(int)  # orange takes blue away
    weight = np.clip(128 - drawn, 0, None)
    y, x = np.indices(weight.shape)
    # cell (0, 0) lies 70 left of and above the middle (120, 90), turned by 30 degrees clockwise: (-25.6, -95.6)
    assert (weight * x).sum() / weight.sum() < 120
    assert (weight * x).sum() / weight.sum() > 70


def test_the_json_names_boxes_and_drops():
    [face] = _analysis().to_json()["faces"]
    assert face["box"] == {"x": 10, "y": 20, "width": 31, "height": 40}
    assert (face["logit"], face["bias"]) == (2.2, -0.3)
    assert face["regions"][0]["drop"] == 0.0


def test_the_sheet_has_bias_logit_and_number_of_each_face(monkeypatch):
    charts, numbers = [], []
    monkeypatch.setattr(chart, "sheet", lambda picture, bars: charts.extend(bars) or picture)
    monkeypatch.setattr(annotate, "draw_number", lambda picture, number, placement: numbers.append(number))
    _analysis(n=2).evidence_sheet()
    assert [(c.bias, c.logit, c.title[:6]) for c in charts] == [
        (-0.3, 2.2, "Face 1"),
        (-0.3, 2.2, "Face 2"),
    ] and numbers == [1, 2]


def test_a_face_has_its_region_labels_at_any_size():
    one = _analysis().faces[0]
    crop = Crop(one.crop.pixels, -0.5, -0.5, 256, 0.0, 256)
    face = replace(one, crop=crop, face=replace(one.face, landmarks=drawn_face()))
    np.testing.assert_array_equal(face.labels(512), partition((drawn_face() + 0.5) * 2 - 0.5, 512))
    np.testing.assert_array_equal(face.labels(), partition(drawn_face()))


def test_every_face_has_its_outlines(monkeypatch):
    drawn = []
    monkeypatch.setattr(annotate, "draw_regions", lambda *a: drawn.append(a))
    _analysis(n=3).overlay(outlines=True)
    assert len(drawn) == 3
