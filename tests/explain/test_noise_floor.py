"""Random patches and their drops, on scores that are known."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

import deepdect
from explain import noise_floor
from explain.compare_fills import detail_kept, feature_traces
from explain.noise_floor import BATCH, random_drops, random_patch
from explain.sampling import spread
from training.data import CropSet
from training.items import Item


def test_a_patch_has_the_wanted_area_in_one_piece() -> None:
    import cv2

    random = np.random.default_rng(0)
    places = set()
    for area in (0.01, 0.06, 0.35) * 5:
        mask = random_patch(64, area, random)
        assert mask.sum() == round(area * 64 * 64)
        assert cv2.connectedComponents(mask.astype(np.uint8))[0] == 2  # the patch and the rest
        places.add(mask.tobytes())
    assert len(places) == 15


def test_drops_are_before_minus_after() -> None:
    """Crops of a bright and a dark half, scored by their brightest pixel or by their mean."""
    random = np.random.default_rng(0)
    crops = [np.full((32, 32, 3), value, np.uint8) for value in (10, 120, 250)]
    np.testing.assert_allclose(random_drops(crops, (0.05, 0.3), lambda c: c.mean(axis=(1, 2, 3)), random), 0, atol=0.01)
    dotted = np.zeros((32, 32, 3), np.uint8)
    dotted[::4, ::4] = 255
    drops = random_drops([dotted] * 4, (0.1, 0.9), lambda c: (c > 200).sum(axis=(1, 2, 3)) / 192, random, "blur")
    assert drops.shape == (4, 2)
    assert (drops > 0).all() and (drops[:, 1] > drops[:, 0]).all()
    assert drops[:, 1].mean() == pytest.approx(0.9, abs=0.1)  # of 64 dots, those within the patch


def test_batches_are_full_and_none_is_lost() -> None:
    batches = []

    def score(crops: np.ndarray) -> np.ndarray:
        batches.append(len(crops))
        return np.zeros(len(crops))

    crops = [np.zeros((16, 16, 3), np.uint8)] * 5
    assert random_drops(iter(crops), (0.1, 0.2, 0.3), score, np.random.default_rng(0)).shape == (5, 3)
    assert batches == [BATCH, 4]
    assert random_drops([], (0.1,), score, np.random.default_rng(0)).shape == (0, 1)


def test_every_source_has_its_share() -> None:
    sources = np.array(["a"] * 50 + ["b"] * 3 + ["c"] * 20)
    chosen = spread(sources, 12, np.random.default_rng(0))
    assert len(set(chosen.tolist())) == 12 and (np.diff(chosen) > 0).all()
    names, counts = np.unique(sources[chosen], return_counts=True)
    assert names.tolist() == ["a", "b", "c"] and counts[1] == 3 and abs(int(counts[0]) - int(counts[2])) <= 1
    only = spread(sources, 100, np.random.default_rng(0), among=sources == "b")
    assert only.tolist() == [50, 51, 52]
    with pytest.raises(ValueError, match="no item"):
        spread(sources, 2, np.random.default_rng(0), among=sources == "d")


def test_detail_kept_is_a_share() -> None:
    random = np.random.default_rng(0)
    picture = random.integers(60, 190, (32, 32, 3)).astype(np.uint8)
    faded = np.rint((picture - 125.0) * 0.25 + 125).astype(np.uint8)
    mask = np.zeros((32, 32), bool)
    mask[4:28, 4:28] = True
    assert detail_kept(picture, picture, mask) == pytest.approx(1)
    assert detail_kept(picture, faded, mask) == pytest.approx(0.25, abs=0.01)
    assert detail_kept(picture, np.full_like(picture, 125), mask) == 0
    assert detail_kept(np.full_like(picture, 9), picture, mask) == 0


def test_feature_traces_by_hand() -> None:
    """Three photos at the corners of a right triangle; hiding moves each by 1 away from the two others."""
    photos = np.array([[0.0, 0], [4, 0], [0, 3]])  # apart: 4, 3, 5
    moved, off = feature_traces(photos, photos)
    assert (moved, off) == (pytest.approx(0), pytest.approx(1))
    hidden = photos + [[-1, 0], [1, 0], [0, 1]]
    moved, off = feature_traces(photos, hidden)
    assert moved == pytest.approx(1 / 4)  # mean distance between photos is 4
    assert off == pytest.approx((np.sqrt(10) + 5 + 4) / 3 / ((3 + 4 + 3) / 3))


def test_the_floor_is_of_the_size_of_drops_on_real_faces(tmp_path, monkeypatch):
    pixels = np.zeros((40, 256, 256, 3), np.uint8)
    pixels[20:] = 255  # reals are black, fakes white
    items = [Item(f"{n}", "Validation", int(n >= 20), "s", "k", str(n)) for n in range(40)]
    monkeypatch.setattr("training.data.load_crops", lambda *_: CropSet(pixels, items, np.full(40, 176), []))
    calls = []

    def score(crops):
        calls.append(crops.max())
        out = np.zeros(len(crops))
        out[np.arange(len(crops)) % 7 != 0] = 2.0  # the logit rises by 2 when hidden: drop -2
        return out

    monkeypatch.setattr(
        deepdect,
        "Detector",
        lambda runtime: SimpleNamespace(score=score, model={"sha256": "ab"}, runtime=SimpleNamespace(name="r")),
    )
    noise_floor.main(tmp_path, faces=10, output=tmp_path / "floor.json")
    assert json.loads((tmp_path / "floor.json").read_text())["drops"] == [2.0] * 6 and max(calls) == 0
