"""The committed icon is the drawn one."""

from __future__ import annotations

import numpy as np
from PIL import Image

from deepdect.ui import icon


def test_the_icon_is_up_to_date_and_small():
    committed = np.asarray(Image.open(icon.FILE)).astype(int)
    assert np.abs(committed - np.asarray(icon.draw()).astype(int)).mean() < 0.5
    assert icon.FILE.stat().st_size < 50_000
