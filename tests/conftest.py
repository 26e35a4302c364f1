"""Shared pieces: the one face that tests may use, and the real detector, built once."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """NASA's portrait of Eileen Collins (public domain), uint8 RGB [512, 512, 3], shipped with scikit-image."""
    data = pytest.importorskip("skimage.data", reason="scikit-image is not installed")
    return data.astronaut()


@pytest.fixture(scope="session")
def portrait(astronaut, tmp_path_factory):
    """Her portrait as a PNG file."""
    path = tmp_path_factory.mktemp("pictures") / "portrait.png"
    Image.fromarray(astronaut).save(path)
    return path


@pytest.fixture(scope="session")
def detector():
    """The real Detector with the shipped weights."""
    from deepdect import Detector

    return Detector()
