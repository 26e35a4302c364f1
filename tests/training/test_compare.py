from __future__ import annotations

import numpy as np
import pytest

from deepdect import weights
from training.compare import judged, tier_logits
from training.data import CropSet
from training.items import Item


def crops(labels: list[int], sources: list[str]) -> CropSet:
    items = [
        Item(f"{n}.jpg", "Validation", label, source, "kind", str(n))
        for n, (label, source) in enumerate(zip(labels, sources, strict=True))
    ]
    return CropSet(np.zeros((len(items), 1, 1, 3), np.uint8), items, np.full(len(items), 176), [])


def test_a_row_by_hand():
    # 200 swaps, told apart in the clean tier by all but two reals; 100 portraits, half of which pass as real
    labels, sources = [0, 1] * 100 + [1] * 100, ["swaps"] * 200 + ["portraits"] * 100
    clean = np.where(np.arange(300) % 2, 4.0, -4.0)
    clean[[0, 2]] = 5.0
    worst = np.where(np.arange(300) % 2, 3.0, -3.0)
    worst[:20] *= -1
    found = judged(np.stack([clean, worst]), crops(labels, sources))
    assert found["swaps"] == pytest.approx(0.98)  # each of the 2 reals is above all 100 fakes
    assert found["pooled"] == pytest.approx((98 * 150 + 98 * 50 / 2) / (100 * 200))
    # of 100 reals 10 at 3, of 200 fakes 140
    assert found["pooled, worst tier"] == pytest.approx((140 * 90 + 140 * 10 / 2 + 60 * 90 / 2) / (100 * 200))
    # no band may accuse a tenth of the reals, as every threshold up to the worst tier's 3 would
    assert found["threshold"] > 0.5 and found["generated portraits caught"] == pytest.approx(0.5)


def test_logits_by_tier_are_those_of_the_served_network(detector, astronaut):
    import cv2

    tiers = [np.stack([cv2.resize(turned, (256, 256))]) for turned in (astronaut, astronaut[:, ::-1])]
    raw = tier_logits(weights.FOLDER / weights.WEIGHTS_FILE, tiers, "f32")
    assert raw.shape == (2, 1)
    served = detector.score(np.concatenate(tiers))
    calibrated = [detector.calibration.logit(float(value)) for value in raw.ravel()]
    np.testing.assert_allclose(calibrated, served, atol=0.5)  # served in 8-bit integers, perhaps


def test_weights_that_cannot_be_calibrated_have_no_verdicts_and_cost_no_other_row(monkeypatch):
    def refuse(*_):
        raise ValueError("too sure of what they get wrong")

    monkeypatch.setattr("training.compare.calibrate", refuse)
    raw = np.array([[-4.0, 4.0, -4.0, 4.0]] * 2)
    found = judged(raw, crops([0, 1, 0, 1], ["swaps"] * 4))
    assert found["pooled"] == 1 and np.isnan(found["threshold"]) and np.isnan(found["decided"])
