"""The command's measurements on a NumPy network that calls a face fake for every red cell."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from deepdect import faces
from deepdect.head import Head
from deepdect.verdict import Calibration
from explain import faithfulness
from explain.bench import SEAMS, SWAPS, Bench, Made, forge
from explain.faithfulness import (
    _above,
    confident_fakes,
    faces_as_they_are,
    known_places,
    swaps_named,
    table,
    written,
)
from explain.occlusion import NoiseFloor
from explain.regions import REGIONS, RegionEvidence, partition
from explain.trials import OURS, explainers
from training.data import CropSet
from training.items import Item
from training.pseudo_fakes import SWAPPED_REGIONS

HEAD = Head(np.array([[1.0], [-1.0], [0.0]]), np.zeros(1), np.array([80.0]), -2.0)  # red less green


def features(crops: np.ndarray) -> np.ndarray:
    return np.asarray(crops, np.float32).reshape(len(crops), 8, 32, 8, 32, 3).mean(axis=(2, 4)) / 255


def score(crops: np.ndarray) -> np.ndarray:
    return HEAD.logit(features(crops))


def gradients(crops: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.array([80, -80, 0], np.float32) / (255 * 256 * 256), crops.shape)


class Small(Bench):
    """Four grey faces; the two fakes have red mouths."""

    def __init__(self, astronaut: np.ndarray) -> None:
        found = faces.find(astronaut)[0]
        crop = faces.crop(astronaut, found)
        points = crop.to_crop(found.landmarks).astype(np.float32)
        plain = np.repeat(crop.pixels.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
        mouth = partition(points) == REGIONS.index("mouth")
        red = plain.copy()
        red[mouth] = (255, 0, 0)
        pixels = np.stack([plain, plain // 2 + 40, red, red])
        rows = zip((0, 0, 1, 1), ("a", "b", "a", "b"), strict=True)
        items = [Item(f"{i}.png", "Test", label, source, "portrait", str(i)) for i, (label, source) in enumerate(rows)]
        self.crops = CropSet(pixels, items, np.full(4, 176), [])
        self.landmarks = np.stack([points] * 4)
        self.groups = np.array([item.group for item in items])
        self.calibration = Calibration(1.0, 0.0, 0.3, 0.7, "test")
        self.detector = SimpleNamespace(score=score)  # type: ignore[assignment]
        self.head, self.features = HEAD, features
        self.floor, self.no_floor = NoiseFloor("0" * 64, "pyramid", 0.9, (0.1,), (0.1,)), ""
        self.maps = explainers(score, gradients)
        self.random = np.random.default_rng(0)


@pytest.fixture
def bench(astronaut) -> Small:
    return Small(astronaut)


def test_forgeries_of_each_kind_have_a_place_on_the_face(bench, capsys) -> None:
    made = forge(bench, 2)
    assert [one.region in SWAPPED_REGIONS for one in made[SWAPS]] == [True, True]
    assert len(made[SEAMS]) == 2 and {one.group for one in made[SEAMS]} == {"0", "1"}
    for one in made[SEAMS] + made[SWAPS]:
        assert one.case.sign == 1 and one.mask.shape == (256, 256) and 0 < one.mask.max() <= 1
        assert one.face.mean() > 0.4
    assert list(known_places(bench, made)) == [SEAMS, SWAPS]
    assert "Of 2 region swaps" in capsys.readouterr().out


def test_a_red_mouth_is_found_named_and_verified(bench, capsys) -> None:
    mouth = partition(bench.landmarks[2]) == REGIONS.index("mouth")
    face = partition(bench.landmarks[2]) != REGIONS.index("outside_face")
    [case] = bench.cases(bench.crops.pixels[2:3], [1])
    red = Made(case, mouth.astype(np.float32), face, bench.landmarks[2], "2", "mouth")
    [grey] = bench.cases(bench.crops.pixels[:1], [1])
    unseen = Made(grey, mouth.astype(np.float32), face, bench.landmarks[0], "0", "nose")
    values = swaps_named(bench, [red, unseen], 0.5)
    ours = ("pointed at", "first by evidence", "named first", "it verified")
    assert {column: values["all"][column] for column in ours} == dict.fromkeys(ours, [1.0])
    assert values["all"]["others verified"] == [0.0] and values["all"]["first by the blob"][0] in (0.0, 1.0)
    assert values["mouth"] == values["all"] and not any(values["nose"].values())
    assert "| mouth | 1 | 1.000" in capsys.readouterr().out


def test_confident_fakes_are_counted_by_source(bench, capsys) -> None:
    values = confident_fakes(bench, 5)
    assert values["a"]["first region"] == values["b"]["first region"] == [1.0]
    assert values["a"]["any other"][0] < 0.5
    assert "| a | 1 | 1.000" in capsys.readouterr().out
    bench.floor = NoiseFloor("0" * 64, "pyramid", 0.9, (0.1,), (100.0,))
    assert confident_fakes(bench, 5)["a"]["first region"] == [0.0]


def test_faces_as_they_are(bench, capsys) -> None:
    values = faces_as_they_are(bench, 2, steps=2)
    assert set(values) == set(bench.maps) and len(values[OURS]["stability"]) == 2
    assert OURS in capsys.readouterr().out


def test_tables_are_markdown() -> None:
    assert table(["map", "a"], {"x": ["1"], "y": ["2"]}) == "| map | a |\n|---|---|\n| x | 1 |\n| y | 2 |"
    assert written([0.5, 0.5], ["a", "b"]) == "0.500 (0.500–0.500)"
    assert written([], []) == "–"


def test_first_is_what_argues_for_fake_most(monkeypatch):
    regions = [
        RegionEvidence("jaw", -5.0, 0.6, 1.0, True),
        RegionEvidence("nose", 2.0, 0.3, -1.0, False),
        RegionEvidence("mouth", 1.0, 0.1, 1.0, True),
    ]
    bench = SimpleNamespace(
        crops=SimpleNamespace(sources=np.array(["a"]), labels=np.array([1])),
        random=np.random.default_rng(0),
        landmarks=[None],
        groups=np.array(["g"]),
        regions=lambda *a: regions,
    )
    monkeypatch.setattr(faithfulness, "_confident", lambda *a: [(0, None, 3.0)])
    assert faithfulness.confident_fakes(bench, 1)["a"] == {"first region": [0.0], "any other": [1.0]}


def test_only_forgeries_above_the_threshold_are_told_of():
    bench = SimpleNamespace(logits=lambda cases: np.array([0.5, 3.0]))
    made = [SimpleNamespace(case=None), SimpleNamespace(case=None)]
    assert _above(bench, made, 0.9) == made[1:]
