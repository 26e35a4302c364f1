"""The ten facial regions as a partition of the crop, and each one's share of the evidence.

Landmark numbers are those of MediaPipe's face mesh (468 points; Kartynnik et al. 2019, arXiv 1907.06724); its topology
is the canonical face model published with MediaPipe (mediapipe/modules/face_geometry/data). Left and right are the
subject's own: in a photo that is not mirrored, the left eye is on the viewer's right.

Every part of the face is the convex hull of a loop of landmarks, painted over the ones before it:

    outside_face    everything, at first
    face_boundary   the hull of the face oval, so that no pixel of the face is left without a region
    cheeks          from temple to jaw angle, on either side of the line from the nose's root to the lower lip
    forehead        the oval above the temples, down to the nose's root (the brows belong to the eyes)
    jaw             the oval below the jaw angles: chin and lower jaw
    face_boundary   again: a band along the hull's edge, BAND of the face's size to either side
    eyes            from the top of the brow to the fold under the lower lid, and inwards to the nose
    mouth           the ring of landmarks around the lips, up to the nose
    nose            from its root to its wings and base

A turned head makes loops cross themselves and fold over one another; hulls stay plain shapes. An eye or a cheek that
the head hides (its loop is turned inside out) is not painted: a profile may leave a region empty. Eyes, mouth and nose
are never cut by the band, which in a profile runs right past them; the nose may hide parts of the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from explain.gradcam import upsample

UInt8Array = NDArray[np.uint8]
Int32Array = NDArray[np.int32]
Loop = tuple[int, ...]

REGIONS: tuple[str, ...] = (
    "forehead",
    "left_eye",
    "right_eye",
    "nose",
    "mouth",
    "left_cheek",
    "right_cheek",
    "jaw",
    "face_boundary",
    "outside_face",
)
LANDMARKS = 468
# The band reaches this far to either side of the oval, as a share of the square root of the area that the oval
# encloses: about 8 of 256 pixels in a frontal crop, so that both sides together are half a cell of the 8x8 map.
BAND = 0.04
# Landmarks further out than this are no crop's pixels; OpenCV's integers would overflow long after it.
FARTHEST = 1e5

# From temple to temple over the top of the head, then along the subject's left, the chin, and the subject's right.
_TOP: Loop = (162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389)
_LEFT_SIDE: Loop = (389, 356, 454, 323, 361, 288)
_BOTTOM: Loop = (288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58)
_RIGHT_SIDE: Loop = (162, 127, 234, 93, 132, 58)
_OVAL: Loop = (*_TOP, *_LEFT_SIDE, *_BOTTOM, *_RIGHT_SIDE)

_NOSE_ROOT, _LOWER_LIP = 168, 17
_FOREHEAD: Loop = (*_TOP, _NOSE_ROOT)
_JAW: Loop = (*_BOTTOM, _LOWER_LIP)
# The loops of a pair mirror each other point by point, so that the signs of their areas can be compared.
_RIGHT_CHEEK: Loop = (*_RIGHT_SIDE, _LOWER_LIP, _NOSE_ROOT)
_LEFT_CHEEK: Loop = (*_LEFT_SIDE, _LOWER_LIP, _NOSE_ROOT)
# Along the brow's upper edge to its tail, down the temple, along the fold under the lower lid, up the side of the nose.
_RIGHT_EYE: Loop = (107, 66, 105, 63, 70, 124, 35, 31, 228, 229, 230, 231, 232, 233, 245, 193)
_LEFT_EYE: Loop = (336, 296, 334, 293, 300, 353, 265, 261, 448, 449, 450, 451, 452, 453, 465, 417)
# One ring outside the lips (0, 17, 61, 291, ...), which opens and closes with them, and the nose's base.
_MOUTH: Loop = (2, 326, 391, 322, 410, 287, 273, 335, 406, 313, 18, 83, 182, 106, 43, 57, 186, 92, 165, 97)
# The bridge down to the tip (in profile the outline), then the sides, the wings and the base.
_NOSE: Loop = (168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 193, 245, 49, 129, 64, 98, 97, 417, 465, 279, 358, 294, 327, 326)

_SHIFT = 4  # fractional bits of the coordinates that OpenCV draws with


@dataclass(frozen=True)
class RegionEvidence:
    """What one region contributed to the verdict.

    name: one of REGIONS. evidence: logits, positive for deepfake. share: |evidence| over the sum of |evidence| of all
    regions, 0..1 (0 where there is no evidence at all). drop: logit before minus logit after occluding the region;
    verified: whether that experiment confirmed the evidence. Both are None where it was not made.
    """

    name: str
    evidence: float
    share: float
    drop: float | None = None
    verified: bool | None = None


def partition(landmarks: ArrayLike, size: int = 256) -> UInt8Array:
    """The region of every pixel.

    Args:
        landmarks: [468, 2], (x, y) of the face mesh in the crop's pixels, pixel centres at integers
            (`deepdect.faces.Crop.to_crop`). They may lie outside the crop.
        size: side of the crop in pixels.

    Returns:
        uint8 [size, size] of indices into REGIONS.

    Raises:
        ValueError: landmarks of another shape, not finite, or beyond +-FARTHEST; a size below 1.
    """
    points = _fixed_points(landmarks)
    if size < 1:
        raise ValueError(f"expected a size of at least 1 pixel, received {size}")
    labels = np.full((size, size), REGIONS.index("outside_face"), np.uint8)
    oval = _paint(labels, points[list(_OVAL)], "face_boundary")
    for name, loop in _visible(points, ("right_cheek", _RIGHT_CHEEK), ("left_cheek", _LEFT_CHEEK)):
        _paint(labels, loop, name)
    _paint(labels, points[list(_FOREHEAD)], "forehead")
    _paint(labels, points[list(_JAW)], "jaw")
    face_size = np.sqrt(cv2.contourArea(oval)) / (1 << _SHIFT)
    thickness = max(1, 2 * round(BAND * face_size))  # even: of these OpenCV draws exactly half to either side
    cv2.polylines(labels, [oval], True, REGIONS.index("face_boundary"), thickness, cv2.LINE_8, _SHIFT)
    for name, loop in _visible(points, ("right_eye", _RIGHT_EYE), ("left_eye", _LEFT_EYE)):
        _paint(labels, loop, name)
    _paint(labels, points[list(_MOUTH)], "mouth")
    _paint(labels, points[list(_NOSE)], "nose")
    return labels


def attribute(evidence: ArrayLike, labels: UInt8Array) -> list[RegionEvidence]:
    """The evidence of each region: the sum of the upsampled map over its pixels. Together they are sum(evidence).

    Args:
        evidence: [8, 8] logits per cell, from `explain.gradcam.evidence` (any [h, w] no larger than the labels).
        labels: uint8 [size, size] from `partition`.

    Returns:
        One RegionEvidence per region, in the order of REGIONS; `drop` and `verified` are None.

    Raises:
        ValueError: evidence that is not a finite 2-D map, or labels that are not a square of indices into REGIONS.
    """
    labels = _checked_labels(labels)
    density = upsample(evidence, labels.shape[0])
    sums = np.bincount(labels.ravel(), weights=density.ravel(), minlength=len(REGIONS))  # adds up in float64
    total = float(np.abs(sums).sum())
    shares = np.abs(sums) / total if total else np.zeros_like(sums)
    return [RegionEvidence(*item) for item in zip(REGIONS, sums.tolist(), shares.tolist(), strict=True)]


def _fixed_points(landmarks: ArrayLike) -> Int32Array:
    """Landmarks as OpenCV's fixed-point integers [468, 2]."""
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (LANDMARKS, 2):
        raise ValueError(f"expected landmarks [{LANDMARKS}, 2], received shape {points.shape}")
    bad = np.flatnonzero(~(np.abs(points) <= FARTHEST).all(axis=1))  # so written, NaN is bad too
    if len(bad):
        raise ValueError(
            f"expected finite landmarks within {FARTHEST:g} pixels of the crop, received {points[bad[0]].tolist()} "
            f"as number {bad[0]} ({len(bad)} of {LANDMARKS} are so)"
        )
    return np.rint(points * (1 << _SHIFT)).astype(np.int32)


def _paint(labels: UInt8Array, loop: Int32Array, name: str) -> Int32Array:
    """Label the convex hull of a loop, in place; returns the hull."""
    hull = np.asarray(cv2.convexHull(loop), np.int32)
    cv2.fillConvexPoly(labels, hull, REGIONS.index(name), cv2.LINE_8, _SHIFT)
    return hull


def _visible(points: Int32Array, *pair: tuple[str, Loop]) -> list[tuple[str, Int32Array]]:
    """Those of a (right, left) pair of loops that are not turned inside out."""
    (right, right_loop), (left, left_loop) = ((name, points[list(loop)]) for name, loop in pair)
    # Seen from the front, the right loop runs counter-clockwise on screen, which OpenCV counts as negative.
    right_area, left_area = -cv2.contourArea(right_loop, oriented=True), cv2.contourArea(left_loop, oriented=True)
    if max(right_area, left_area) < 0:  # a mirrored mesh
        right_area, left_area = -right_area, -left_area
    sides = ((right_area, right, right_loop), (left_area, left, left_loop))
    return [(name, loop) for area, name, loop in sides if area > 0]


def _checked_labels(labels: UInt8Array) -> UInt8Array:
    labels = np.asarray(labels)
    if labels.dtype != np.uint8 or labels.ndim != 2 or labels.shape[0] != labels.shape[1] or labels.size == 0:
        raise ValueError(f"expected labels as uint8 [size, size], received {labels.dtype} {labels.shape}")
    if labels.max() >= len(REGIONS):
        raise ValueError(f"expected labels below {len(REGIONS)}, received {labels.max()}")
    return labels
