"""The committed example pictures are what they claim to be."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from deepdect import images
from deepdect.ui.photo import EXAMPLES
from training import example_pictures as make


@pytest.mark.parametrize("name", ["real.png", "altered.png"])
def test_examples_are_small_and_name_their_source(name):
    path = EXAMPLES / name
    assert path.stat().st_size < 200_000
    assert make.SOURCE in Image.open(path).text["Description"]


def test_the_altered_example_says_so_and_the_real_one_is_untouched(astronaut):
    left, top, right, bottom = make.REGION
    real, altered = (images.load(EXAMPLES / name) for name in ("real.png", "altered.png"))
    assert (real == astronaut[top:bottom, left:right]).all()
    assert make.NOTICE in Image.open(EXAMPLES / "altered.png").text["Description"]
    strip = altered[-18:]  # the notice: white on nearly black
    assert strip.max() > 240 and np.median(strip) < 40
    assert (altered[:40] == real[:40]).all()  # hair and background are hers
    assert np.abs(altered[60:140, 80:160].astype(int) - real[60:140, 80:160]).mean() > 5  # the face is not


def test_the_altered_example_is_reproducible(astronaut):
    left, top, right, bottom = make.REGION
    again = np.asarray(make.label(make.alter(np.ascontiguousarray(astronaut[top:bottom, left:right]))))
    committed = images.load(EXAMPLES / "altered.png")
    assert np.abs(again.astype(int) - committed).mean() < 0.5  # another CPU may place a landmark a hair differently
