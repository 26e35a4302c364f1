from __future__ import annotations

import numpy as np
import pytest

from deepdect.verdict import Calibration
from training import breakdown, plots
from training.items import Item

CALIBRATION = Calibration(1.0, 0.0, 0.25, 0.75, "1")


def person(label: int, **labels: str) -> Item:
    return Item("a.jpg", "Test", label, "utk", "portrait", "g", **labels)


def test_wilsons_interval_by_hand():
    low, high = breakdown.Share("s", 1, 10).interval  # (.1 + .192) / 1.384 and so on, Wilson's own example
    assert (round(low, 4), round(high, 4)) == (0.0179, 0.4042)
    assert breakdown.Share("s", 0, 10).interval[0] == 0 and breakdown.Share("s", 10, 10).interval[1] == 1


@pytest.mark.parametrize(("age", "band"), [("0", "0-9"), ("9", "0-9"), ("39", "20-39"), ("96", "60-120"), ("", "")])
def test_ages_fall_into_bands(age, band):
    assert breakdown.age_band(age) == band


def test_only_reals_with_labels_are_counted_as_accused():
    items = [person(0, sex="female", age="30"), person(0, sex="female"), person(0), person(1, sex="female")]
    shares = breakdown.accused_by_label(items, np.array([0.9, 0.5, 0.9, 0.9]), CALIBRATION)
    assert [(s.name, s.count, s.total) for s in shares] == [("utk, 20-39", 1, 1), ("utk, female", 1, 2)]


def test_sizes_with_too_few_crops_have_no_line():
    native = np.array([100] * 40 + [70] * 40)
    labels = np.array([0, 1] * 20 + [0] * 40)
    [(side, crops, area, low, high)] = breakdown.auc_by_size(native, labels * 2.0, labels, np.arange(80).astype(str))
    assert (side, crops, area, low, high) == ("96-127", 40, 1.0, 1.0, 1.0)


def test_reliability_by_hand():
    rows = breakdown.reliability(np.array([0.05, 0.05, 0.62, 0.68, 1.0]), np.array([0, 1, 1, 1, 1]))
    assert [(round(p, 3), f, n) for p, f, n in rows] == [(0.05, 0.5, 2), (0.65, 1.0, 2), (1.0, 1.0, 1)]


def test_the_surest_are_judged_first():
    probabilities, labels = np.array([0.99, 0.01, 0.6, 0.55]), np.array([1, 0, 0, 0])
    assert breakdown.risk_coverage(probabilities, labels) == [(0.5, 1.0), (0.75, 2 / 3), (0.9, 0.5), (1.0, 0.5)]


def test_many_faces_are_suspicious_by_chance():
    probabilities, labels = np.array([0.9, 0.1, 0.1, 0.1, 0.9]), np.array([0, 0, 0, 0, 1])
    chances = dict(breakdown.false_alarms_of_many(probabilities, labels, np.array(list("aabbb")), CALIBRATION))
    assert chances[1] == 0.25  # half of a's, none of b's
    assert chances[2] == (0.75 + 0) / 2


def test_markdown_and_the_diagram(tmp_path):
    assert breakdown.markdown(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    file = tmp_path / "reliability.png"
    plots.reliability([(0.1, 0.2, 5), (0.9, 0.8, 5)], CALIBRATION, file)
    assert file.read_bytes().startswith(b"\x89PNG")
