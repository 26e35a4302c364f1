"""Faces as the training pictures do not show them: behind a mask, behind dark glasses, painted.

Every function takes uint8 RGB [h, w, 3] and landmarks [468, 2] in its pixels, and returns a new picture.
"""

from __future__ import annotations

import cv2
import numpy as np

from deepdect import mesh

# From ear to ear along the jaw, and the middle of the nose's bridge.
_BELOW = (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 197)


def masked(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Nose, mouth and chin behind a plain pale blue mask."""
    covered = picture.copy()
    hull = cv2.convexHull(np.rint(landmarks[list(_BELOW)]).astype(np.int32))
    cv2.fillConvexPoly(covered, np.asarray(hull, np.int32), (190, 205, 215), cv2.LINE_AA)
    return covered


def sunglasses(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Both eyes behind dark glasses."""
    covered = picture.copy()
    for corners in (mesh.RIGHT_EYE_CORNERS, mesh.LEFT_EYE_CORNERS):
        centre, reach = landmarks[list(corners)].mean(axis=0), np.ptp(landmarks[list(corners), 0])
        cv2.circle(covered, (int(centre[0]), int(centre[1])), max(1, int(0.8 * reach)), (15, 15, 18), -1)
    return covered


def painted(picture: np.ndarray, _landmarks: np.ndarray) -> np.ndarray:
    """Turned into brush strokes by OpenCV's stylization filter."""
    return cv2.stylization(picture, sigma_s=20, sigma_r=0.5)
