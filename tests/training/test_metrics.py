from __future__ import annotations

import numpy as np
import pytest

from training.metrics import (
    accuracy,
    auc,
    average_precision,
    bootstrap,
    brier,
    calibration_error,
    decided_rightly,
    equal_error_rate,
    per_source_auc,
)


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


def test_what_is_decided_and_how_much_of_it_rightly_by_hand():
    probabilities, labels = np.array([0.9, 0.8, 0.5, 0.2, 0.1]), np.array([1, 0, 1, 0, 1])
    # the thresholds themselves are decided: .9 right, .8 wrong, .2 right, .1 wrong
    assert decided_rightly(probabilities, labels, 0.2, 0.8) == (0.8, 0.5)
    share, right = decided_rightly(probabilities, labels, 0.0, 1.0)
    assert share == 0 and np.isnan(right)
    assert np.isnan(decided_rightly(np.empty(0), np.empty(0), 0.2, 0.8)).all()


def test_average_precision_by_hand():
    # ranks: fake, real, fake -> precision 1 and 2/3
    assert average_precision(np.array([0.9, 0.5, 0.3]), np.array([1, 0, 1])) == pytest.approx((1 + 2 / 3) / 2)
    # all tied: precision is the share of fakes
    assert average_precision(np.zeros(4), np.array([1, 0, 0, 0])) == pytest.approx(0.25)


def test_equal_error_rate_by_hand():
    scores = np.array([0.1, 0.2, 0.6, 0.4, 0.8, 0.9])
    # at .5, one of three reals is above and one of three fakes below
    assert equal_error_rate(scores, np.array([0, 0, 0, 1, 1, 1])) == pytest.approx(1 / 3)
    assert equal_error_rate(scores, np.array([0, 0, 1, 0, 1, 1])) == pytest.approx(0.0)
    assert equal_error_rate(scores, np.array([1, 1, 0, 1, 0, 0])) == pytest.approx(1.0)  # every real above every fake


def test_brier_by_hand():
    assert brier(np.array([1.0, 0.5]), np.array([1, 0])) == pytest.approx(0.125)


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


def test_the_bootstrap_holds_95_per_cent_of_resamples():
    values = np.array([0.0, 1.0] * 50)
    low, high = bootstrap(lambda scores, _: float(scores.mean()), values, values, np.arange(100), rounds=4000)
    assert (low, high) == (pytest.approx(0.40, abs=0.006), pytest.approx(0.60, abs=0.006))


def test_an_equal_error_rate_where_all_are_tied():
    # nine reals and the fake are tied: only a threshold above all accuses nobody
    assert equal_error_rate(np.array([1.0, 1.0]), np.array([0, 1])) == pytest.approx(0.5)
