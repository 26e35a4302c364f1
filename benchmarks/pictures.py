"""What is measured on: the astronaut's portrait (public domain, shipped with scikit-image) at several sizes."""

from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np
from PIL import Image


def portrait(megapixels: float) -> np.ndarray:
    """Her portrait, uint8 RGB, square, with about that many million pixels."""
    from skimage import data

    side = round((megapixels * 1e6) ** 0.5)
    picture = data.astronaut()
    enlarged = side > picture.shape[0]
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC if enlarged else cv2.INTER_AREA)


def group(faces: int, side: int = 1600) -> np.ndarray:
    """A square scene of `side` pixels with her face `faces` times, evenly spread, every other one mirrored."""
    cells = int(np.ceil(faces**0.5))
    cell = side // cells
    head = cv2.resize(portrait(0.25)[:250, 100:350], (cell, cell), interpolation=cv2.INTER_AREA)
    scene = np.full((side, side, 3), 127, np.uint8)
    for number in range(faces):
        y, x = (number // cells) * cell, (number % cells) * cell
        scene[y : y + cell, x : x + cell] = head if number % 2 == 0 else head[:, ::-1]
    return scene


def jpeg(picture: np.ndarray, quality: int = 90) -> bytes:
    """The picture as a JPEG file's bytes."""
    stream = BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    return stream.getvalue()
