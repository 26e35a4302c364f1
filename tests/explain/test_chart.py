"""Charts: which side a bar is on, how long it is, and where things lie on the sheet."""

from __future__ import annotations

import numpy as np
import pytest

from explain import chart
from explain.chart import Bars, bars, sheet
from explain.overlay import ANCHORS
from explain.regions import REGIONS, RegionEvidence

REAL, FAKE = ANCHORS[1][1], ANCHORS[3][1]


def face(verified: bool | None = None, **evidence: float) -> Bars:
    regions = [
        RegionEvidence(name, evidence.get(name, 0.0), 0.1, None if verified is None else 0.1, verified)
        for name in REGIONS
    ]
    return Bars(regions, 0.0, sum(evidence.values()), "Face 1")


def painted(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Columns' counts of pixels of exactly this colour below the headings."""
    return (picture[62:] == colour).all(axis=2).sum(axis=0)


def test_sides_and_lengths() -> None:
    picture = bars(face(mouth=0.5, nose=-0.25))
    assert picture.shape == (chart.HEIGHT, chart.WIDTH, 3) and picture.dtype == np.uint8
    middle, half = chart.WIDTH * 0 + (128 + 366) / 2, (366 - 128) / 2
    fake, real = np.flatnonzero(painted(picture, FAKE)), np.flatnonzero(painted(picture, REAL))
    assert fake.min() >= middle and real.max() <= middle
    assert np.ptp(fake) == pytest.approx(0.5 * half, abs=2) and np.ptp(real) == pytest.approx(0.25 * half, abs=2)


def test_a_bar_ends_at_the_limit_and_is_cut_open() -> None:
    at_limit, beyond = (painted(bars(face(mouth=value)), FAKE) for value in (chart.LIMIT, 5 * chart.LIMIT))
    assert np.flatnonzero(beyond).max() == np.flatnonzero(at_limit).max()
    assert beyond.sum() < at_limit.sum()


def test_a_refuted_bar_is_an_empty_frame() -> None:
    confirmed, refuted, unchecked = (painted(bars(face(v, mouth=0.8)), FAKE).sum() for v in (True, False, None))
    assert confirmed == unchecked
    assert 0 < refuted < 0.4 * confirmed


def test_the_strongest_region_comes_first() -> None:
    rows = np.flatnonzero((bars(face(jaw=-0.9, mouth=0.2)) == REAL).all(axis=2)[62:].any(axis=1))
    assert rows.min() < 26


def test_a_sheet_keeps_the_picture_and_puts_charts_beside_it() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (700, 300, 3), np.uint8)
    made = sheet(photo, [face(mouth=0.5)])
    assert made.shape[0] == 700 and made.shape[1] > 300 + chart.WIDTH
    np.testing.assert_array_equal(made[:, :300], photo)
    assert painted(made[:, 300:], FAKE).any()
    small = sheet(photo[:100, :80], [face(mouth=0.5)])
    assert small.shape[0] >= chart.HEIGHT and small.shape[1] == 80 + chart.WIDTH
    assert sheet(photo, []) is photo


def test_many_faces_stay_on_the_sheet() -> None:
    photo = np.zeros((1000, 900, 3), np.uint8)
    made = sheet(photo, [face(mouth=0.5)] * (chart.MOST + 5))
    assert made.shape[0] == 1000
    assert made.shape[1] <= 900 + chart.MOST * 2 * chart.WIDTH
    assert set(REGIONS) <= set(chart.ENGLISH)


def test_titles_are_never_certain() -> None:
    assert chart.title(2, "deepfake", 1.0) == "Face 2: deepfake, >99 %"
    assert chart.title(1, "real", 0.0) == "Face 1: real, <1 %"


def _bars(**k):
    regions = [RegionEvidence(n, k.get(n, 0.0), 0.1, None, k.get("verified")) for n in REGIONS]
    return Bars(regions, k.get("bias", 0.0), k.get("logit", 0.0), "t")


def test_baseline_and_total_have_their_own_figures():
    written = []
    real = chart._Pen.text
    chart._Pen.text = lambda self, at, words, *rest: written.append(words)
    try:
        chart.bars(_bars(bias=-0.3, logit=1.25))
    finally:
        chart._Pen.text = real
    assert written[written.index("Model baseline") + 1] == "-0.30" and written[written.index("Total") + 1] == "+1.25"


def test_only_confirmed_regions_are_ticked():
    green = (32, 128, 72)

    def ticks(v):
        return int((chart.bars(_bars(verified=v, mouth=0.5))[62:376] == green).all(axis=2).sum())

    assert ticks(True) > 50 and ticks(False) == ticks(None) == 0


def test_the_sheet_tells_how_many_faces_it_leaves_out():
    notes = []
    real, chart._note = chart._note, lambda p, w, s, f: notes.append(w)
    try:
        chart.sheet(np.zeros((8, 8, 3), np.uint8), [_bars(mouth=0.5)] * (chart.MOST + 1))
        assert notes.pop() == "and 1 more face"
        made = chart.sheet(np.zeros((1000, 900, 3), np.uint8), [_bars(mouth=0.5)] * (chart.MOST + 5))
    finally:
        chart._note = real
    assert notes == ["and 5 more faces"]
    fake = (made == chart._FAKE).all(axis=2)
    lower = fake[chart.HEIGHT : 2 * chart.HEIGHT, 900:]
    assert lower.any()  # the second row of charts
