"""Who is drawn, and the band."""

from __future__ import annotations

import pytest

from deepdect import video
from deepdect.verdict import Calibration
from explain import timeline

CAL = Calibration(1.0, 0.0, 0.25, 0.75, "1")


def test_the_most_suspicious_are_drawn_over_the_band():
    def moments(v):
        return tuple(video.Moment(n / 4, v, (1, 2, 3, 4)) for n in range(3))

    people = [video.Person(n, moments(float(n)), CAL) for n in range(1, 9)]
    axes = timeline.figure(people, 0.2, 0.9).axes[0]
    assert [line.get_label().split(" (")[0] for line in axes.lines] == [f"person {n}" for n in range(3, 9)]
    band = axes.patches[0]
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((0.2, 0.9))
