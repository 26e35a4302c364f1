from __future__ import annotations

import numpy as np
import pytest

from deepdect import faces
from deepdect.verdict import Calibration
from training import covered
from training.familiarity import BEYOND, fit, judged


def test_the_limit_leaves_the_wanted_share_of_validation_beyond():
    random = np.random.default_rng(0)
    train, validation = (random.normal(5, 1, (count, 1, 1, 100)) for count in (3000, 1000))
    table = fit(train, {"int8": validation, "float": validation + random.normal(0, 1, 100)}, "a")
    assert table.limits["float"] > table.limits["int8"]  # its faces lie off the training faces' mean
    assert table.unfamiliar(validation, "openvino-int8").mean() == pytest.approx(BEYOND, abs=1e-3)
    silent = validation * (np.arange(100) % 2)  # half of the channels
    assert table.unfamiliar(silent, "openvino-int8").all()


def test_what_is_said_of_a_group_by_hand():
    calibration = Calibration(1.0, 0.0, 0.2, 0.8, "1")
    logits, labels = np.array([3.0, 1.0, -1.0, -3.0, -3.0]), np.array([1, 0, 1, 0, 1])
    # 3 of 5 are decided (at 3 and -3), two of those rightly, and a threshold of .5 would be right twice
    assert judged(logits, labels, calibration) == ["5", "0.583", "40.0%", "60.0%", "66.7%"]
    assert judged(logits[:1], labels[:1], calibration)[1] == "–"
    assert judged(logits[:0], labels[:0], calibration) == ["0", "–", "–", "–", "–"]


@pytest.mark.parametrize("name", ["masked", "sunglasses", "painted"])
def test_a_covered_face_is_changed_where_it_says(astronaut, name):
    points = faces.find(astronaut)[0].landmarks
    made = getattr(covered, name)(astronaut, points)
    changed = (made != astronaut).any(axis=2)
    eyes, mouth = points[[33, 133, 362, 263]].mean(axis=0).astype(int), points[[13, 14]].mean(axis=0).astype(int)
    assert made.dtype == np.uint8 and changed.any()
    assert name == "painted" or changed.mean() < 0.2
    assert changed[mouth[1], mouth[0]] == (name != "sunglasses")
    if name == "masked":
        assert not changed[: eyes[1] - 5].any()
