"""Reduced copies of large pictures for the networks that find faces, many times quicker than OpenCV's area average.

The classifier's crops are not made so: their finest detail is what it judges. Nor are detectors shown so what is less
than twice as large as it has to be: the faces that the model learned from were found in such pictures.
"""

from __future__ import annotations

import cv2
import numpy as np


def halve(rgb: np.ndarray, factor: float) -> tuple[np.ndarray, int]:
    """The picture halved as often as `factor`, by how much it is too large, holds 2; and the power of two that is.

    uint8 [h, w, 3], averaged over two by two pixels, for which OpenCV has vector code; an odd last row or column is
    lost. A side of one pixel is never halved.
    """
    scale = 1
    while factor >= 2 * scale and min(rgb.shape[:2]) >= 2:
        height, width = rgb.shape[0] // 2, rgb.shape[1] // 2
        rgb = cv2.resize(rgb[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
        scale *= 2
    return rgb, scale


def resize(rgb: np.ndarray, width: int, height: int, *, exact: bool = False) -> np.ndarray:
    """uint8 [h, w, 3] at (width, height): reduced without aliasing, by halves where by two or more, or enlarged.

    exact: reduce by the average over areas however large the picture is.
    """
    reduced, scale = (rgb, 1) if exact else halve(rgb, min(rgb.shape[1] / width, rgb.shape[0] / height))
    averaged = scale == 1 and (width < rgb.shape[1] or height < rgb.shape[0])
    return cv2.resize(reduced, (width, height), interpolation=cv2.INTER_AREA if averaged else cv2.INTER_LINEAR)
