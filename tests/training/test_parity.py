from __future__ import annotations

import numpy as np
import pytest

from deepdect.verdict import Calibration
from training.parity import compare

CALIBRATION = Calibration(1.0, 0.0, 0.3, 0.7, "1")
MAPS = np.arange(8.0).reshape(2, 2, 2)
LABELS = np.array([0, 1])


def test_a_runtime_agrees_with_itself():
    logits = np.array([-2.0, 2.0])
    same = compare(logits, MAPS, logits, MAPS, LABELS, CALIBRATION)
    assert (same.auc, same.accuracy, same.mean_gap, same.max_gap, same.agreement) == (1, 1, 0, 0, 1)
    assert same.maps == pytest.approx(1)


def test_differences_by_hand():
    # probabilities .5 and .75 against .25 and .75: one verdict of two differs, gaps are .25 and 0
    logits, reference = np.log([1.0, 3.0]), np.log([1 / 3, 3.0])
    found = compare(logits, -MAPS, reference, MAPS, LABELS, CALIBRATION)
    assert found.mean_gap == pytest.approx(0.125) and found.max_gap == pytest.approx(0.25)
    assert found.agreement == 0.5
    assert found.maps == pytest.approx(-1)
    assert found.auc == 1 and found.accuracy == 0.5  # .5 itself counts as fake
