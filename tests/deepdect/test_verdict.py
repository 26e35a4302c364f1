from __future__ import annotations

import math

import numpy as np
import pytest

from deepdect.verdict import Calibration, sigmoid

CALIBRATION = Calibration(temperature=2.0, offset=0.5, low=0.3, high=0.8, version="1")


def test_logit_and_bias_share_their_units():
    assert CALIBRATION.logit(3.0) == 2.0
    # raw logit 3 = evidence 2 + bias 1; in calibrated units 1 + bias must still add up
    assert 2.0 / CALIBRATION.temperature + CALIBRATION.bias(1.0) == CALIBRATION.logit(3.0)


@pytest.mark.parametrize(
    ("probability", "expected"),
    [
        (0.0, "real"),
        (0.3, "real"),
        (0.31, "inconclusive"),
        (0.79, "inconclusive"),
        (0.8, "deepfake"),
        (1.0, "deepfake"),
    ],
)
def test_verdict_at_the_edges(probability, expected):
    assert CALIBRATION.verdict(probability) == expected


def test_sigmoid_by_hand_and_at_extremes():
    assert sigmoid(0.0) == 0.5
    assert sigmoid(math.log(3)) == pytest.approx(0.75)
    assert sigmoid(-1000.0) == 0.0
    assert sigmoid(1000.0) == 1.0


def test_file_round_trip(tmp_path):
    CALIBRATION.write(tmp_path / "calibration.json")
    assert Calibration.read(tmp_path / "calibration.json") == CALIBRATION


@pytest.mark.parametrize("change", [{"temperature": 0.0}, {"low": 0.6}, {"high": 0.4}, {"high": 1.0}])
def test_senseless_values_are_refused(change):
    values = {"temperature": 1.0, "offset": 0.0, "low": 0.3, "high": 0.7, "version": "1"} | change
    with pytest.raises(ValueError, match="received"):
        Calibration(**values)


def test_negative_logits_have_small_probabilities():
    assert sigmoid(-np.log(3)) == pytest.approx(0.25)
    assert sigmoid(-1.0) + sigmoid(1.0) == pytest.approx(1)


@pytest.mark.parametrize("change", [{"low": 0.0}, {"low": -0.1}])
def test_a_band_that_begins_at_nothing_is_refused(change):
    with pytest.raises(ValueError):
        Calibration(**({"temperature": 1.0, "offset": 0.0, "low": 0.3, "high": 0.7, "version": "1"} | change))


def test_a_band_may_be_empty():
    assert Calibration(1.0, 0.0, 0.5, 0.5, "1").verdict(0.5) == "deepfake"
