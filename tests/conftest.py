"""Shared pieces: the one face that tests may use, and the real detector, built once."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import sys
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.clips import write

# OpenVINO imports absl where it is installed (with TensorFlow). When uvicorn sets up logging, absl's handler closes the
# stderr that it first saw, unless that is Python's own; under pytest it would be the stream that pytest captures with.
with suppress(ImportError):
    from absl import logging as absl_logging

    absl_logging.get_absl_handler().python_handler.setStream(sys.__stderr__)


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


@pytest.fixture(scope="session")
def clip(tmp_path_factory, astronaut) -> Path:
    """The portrait moving to the right and, from the second second on, once more on the left."""
    pictures = []
    for n in range(24):
        canvas = np.full((480, 800, 3), 120, np.uint8)
        head = cv2.resize(astronaut[0:256, 96:352], (220, 220), interpolation=cv2.INTER_AREA)
        canvas[100:320, 400 + 5 * n : 620 + 5 * n] = head
        if n >= 12:
            canvas[150:370, 60:280] = head[:, ::-1]
        pictures.append(canvas)
    return write(tmp_path_factory.mktemp("clip") / "clip.mp4", pictures, fps=8)
