from __future__ import annotations

import numpy as np
import pytest

from training.calibrate import calibrate, choose_band, degraded, fit_platt
from training.data import CropSet
from training.items import Item


def test_fit_platt_recovers_a_known_temperature_and_offset():
    random = np.random.default_rng(0)
    raw = random.normal(0, 4, 40_000)
    labels = (random.random(40_000) < 1 / (1 + np.exp(-(raw / 2.5 + 0.3)))).astype(float)
    temperature, offset = fit_platt(raw, labels)
    assert temperature == pytest.approx(2.5, rel=0.04)
    assert offset == pytest.approx(0.3, abs=0.04)


def test_fit_platt_refuses_logits_that_point_the_wrong_way():
    with pytest.raises(ValueError, match="cannot be calibrated"):
        fit_platt(np.linspace(-2, 2, 100), (np.linspace(-2, 2, 100) < 0.3).astype(float) * (np.arange(100) % 7 > 0))


def test_choose_band_by_hand():
    # .55 and .45 are wrong, everything beyond is right: both must fall inside the band
    probabilities = np.array([[0.1, 0.2, 0.45, 0.55, 0.8, 0.9]])
    labels = np.array([0, 0, 1, 0, 1, 1])
    low, high = choose_band(probabilities, labels, np.array(["a"] * 6), right=1.0, false_alarms=0.0)
    assert 0.2 <= low < 0.45
    assert 0.55 < high <= 0.8


def test_choose_band_caps_false_alarms_of_each_source_in_each_tier():
    # pooled 90 % right would do at .5, but source b's only real would be accused in one of the two tiers
    probabilities = np.array([[0.4] + [0.9] * 30, [0.6] + [0.9] * 30])
    labels = np.array([0] + [1] * 30)
    sources = np.array(["b"] + ["a"] * 30)
    assert choose_band(probabilities, labels, sources, 0.9, false_alarms=0.0)[1] > 0.6
    assert choose_band(probabilities, labels, sources, 0.9, false_alarms=1.0)[1] == 0.5


def test_clearing_may_be_wrong_more_often_than_all_verdicts_together():
    # accused: 40 of 40 right; at .3, 18 of 20 cleared are right: 90 % of the cleared, 58 of 60 = 96.7 % of all
    probabilities = np.array([[0.9] * 40 + [0.3] * 20])
    labels = np.array([1] * 40 + [0] * 18 + [1] * 2)
    sources = np.array(["a"] * 60)
    assert choose_band(probabilities, labels, sources, 0.95, false_alarms=0.1)[0] == 0.5
    assert choose_band(probabilities, labels, sources, 0.97, false_alarms=0.1)[0] < 0.3
    # 17 of 20 would be too few however right the accusations are
    labels[40] = 1
    assert choose_band(probabilities, labels, sources, 0.9, false_alarms=0.1)[0] < 0.3


def test_a_promise_that_no_threshold_keeps_is_refused():
    # one of twenty reals is as sure as can be: 5 % of them would be accused at any threshold
    probabilities = np.array([[0.1] * 19 + [0.9995] + [0.9] * 20])
    labels, sources = np.array([0] * 20 + [1] * 20), np.array(["a"] * 40)
    with pytest.raises(ValueError, match="at most 3% of every source"):
        choose_band(probabilities, labels, sources, 0.9, false_alarms=0.03)
    # a fake that is surely real: of all that could be cleared, nothing would be right
    probabilities, labels = np.array([[0.0001, 0.6, 0.9]]), np.array([1, 0, 1])
    with pytest.raises(ValueError, match="no threshold from .001 up"):
        choose_band(probabilities, labels, np.array(["a"] * 3), 0.9, false_alarms=0.0)


def test_degraded_loses_detail_and_keeps_the_shape():
    pixels = np.zeros((2, 256, 256, 3), np.uint8)
    pixels[:, ::4] = 255
    items = [Item("a", "Validation", 0, "s", "k", "g")] * 2
    crops = CropSet(pixels, items, np.array([176, 100]), [])
    assert degraded(crops, 1.0, None) is crops.pixels
    worse = degraded(crops, 0.5, 40)
    assert worse.shape == pixels.shape and worse.dtype == np.uint8
    assert worse.std() < 0.6 * pixels.std()


def test_each_tier_has_its_own_cap():
    # of 100 reals, 5 are accused in the second tier and none in the first: 5 %, though 2.5 % of both together
    low = np.full(100, 0.1)
    bad = low.copy()
    bad[:5] = 0.6
    fakes = np.full(200, 0.9)
    probabilities = np.stack([np.append(low, fakes), np.append(bad, fakes)])
    labels = np.repeat([0, 1], [100, 200])
    assert choose_band(probabilities, labels, np.array(["a"] * 300), 0.9, 0.03)[1] > 0.6


def test_each_source_has_its_own_cap():
    # 5 of b's 100 reals are accused and none of a's 100: 2.5 % of all, 5 % of b's
    p = np.full(200, 0.1)
    p[195:] = 0.6
    probabilities = np.append(p, np.full(200, 0.9))[None]
    labels = np.repeat([0, 1], 200)
    sources = np.array(["a"] * 100 + ["b"] * 100 + ["a"] * 200)
    assert choose_band(probabilities, labels, sources, 0.9, 0.03)[1] > 0.6


def test_labels_stay_with_their_crops_in_every_tier():
    random = np.random.default_rng(0)
    labels = np.tile([0, 1], 1000)
    raw = np.where(labels == 1, 3.0, -3.0) + random.normal(0, 3, (2, 2000))
    fitted = calibrate(raw, labels, np.array(["s"] * 2000), "2", right=0.9, false_alarms=0.1)
    assert fitted.temperature == pytest.approx(1.5, rel=0.1)


def test_reduced_from_the_native_side():
    stripes = np.zeros((2, 256, 256, 3), np.uint8)
    stripes[:, :, (np.arange(256) // 8) % 2 == 0] = 255
    crops = CropSet(stripes, [Item("a", "Validation", 0, "s", "k", "g")] * 2, np.array([256, 32]), [])
    sharp, coarse = degraded(crops, 0.5, None)  # 128 pixels hold stripes of 8 of 256, 16 pixels do not
    assert sharp.std() > 100 > 20 > coarse.std()
