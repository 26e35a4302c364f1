from __future__ import annotations

import numpy as np
import pytest

from training.metrics import accuracy, auc, bootstrap, calibration_error, per_source_auc


def test_auc_by_hand():
    # pairs (fake, real): .9>.1, .9>.4, .3>.1, .3<.4 -> 3 of 4
    assert auc(np.array([0.9, 0.3, 0.1, 0.4]), np.array([1, 1, 0, 0])) == 0.75
    assert auc(np.array([0.5, 0.5]), np.array([1, 0])) == 0.5
    assert np.isnan(auc(np.array([0.5, 0.6]), np.array([1, 1])))


def test_per_source_auc_leaves_out_single_label_sources():
    scores, labels = np.array([1.0, 0.0, 0.3]), np.array([1, 0, 1])
    assert per_source_auc(scores, labels, np.array(["a", "a", "b"])) == {"a": 1.0}


def test_accuracy_and_calibration_error_by_hand():
    probabilities, labels = np.array([0.9, 0.9, 0.1, 0.6]), np.array([1, 0, 0, 0])
    assert accuracy(probabilities, labels) == 0.5
    # bins of width .5: {.1}: |.1 - 0|; {.9 .9 .6}: |2.4 - 1|
    assert calibration_error(probabilities, labels, bins=2) == pytest.approx((0.1 + 1.4) / 4)


def test_bootstrap_draws_whole_groups():
    """Two groups of constant value: a resample's mean can only be 0, .5 or 1."""
    values = np.array([0.0] * 5 + [1.0] * 5)
    seen = []

    def mean(scores: np.ndarray, labels: np.ndarray) -> float:
        seen.append(round(float(scores.mean()), 6))
        return seen[-1]

    low, high = bootstrap(mean, values, values, np.array(["a"] * 5 + ["b"] * 5), rounds=50)
    assert set(seen) == {0.0, 0.5, 1.0}
    assert (low, high) == (0.0, 1.0)
