from __future__ import annotations

import numpy as np
import pytest

from training.robustness import CHANGES, changed


def crop() -> np.ndarray:
    """Stripes of two native pixels: at 128 native pixels, 4 of the crop's 256."""
    pixels = np.full((256, 256, 3), 60, np.uint8)
    pixels[(np.arange(256) // 4) % 2 == 0] = 180
    return pixels


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_gives_a_crop_again(name):
    made = changed(crop(), 128, CHANGES[name], np.random.default_rng(0))
    assert made.shape == (256, 256, 3) and made.dtype == np.uint8
    assert abs(made.mean() - 120) < 4  # none of them changes the light


def test_changes_do_what_they_say():
    random = np.random.default_rng(0)
    clean, half, quarter, blurred, noisy = (
        changed(crop(), 128, CHANGES[name], random).astype(float)
        for name in ("clean", "half size", "quarter size", "blur 3", "noise .05")
    )
    assert clean.std() > 50  # the stripes survive
    assert clean.std() > half.std() > quarter.std()
    assert quarter.std() < 5 and blurred.std() < 10  # and here they cannot
    assert np.abs(noisy - clean).mean() == pytest.approx(0.05 * 255 * np.sqrt(2 / np.pi) * 0.75, rel=0.3)
