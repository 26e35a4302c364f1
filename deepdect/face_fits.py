"""Candidates -> faces: the mesh fitted twice to each, what it doubts left out, each face kept once.

A fit's doubt is how far the mesh moves between its two fits (mean landmark shift over its side) or turns away from what
the detector saw, in units that 99 % of true faces stay below. False detections move and turn further, and so do meshes
fitted to a head the wrong way round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepdect import mesh
from deepdect.blazeface import iou, suppress

MINIMUM_MESH = 0.7  # the mesh's score
LEAST_MESH = 0.25  # of its first fit, below which a second one never helps
SURE_MESH, SURE_DETECTION = 0.99, 0.6  # what both must reach where the fit is not settled
SMALLEST_FACE = 20  # pixels; nothing below can be judged
LOOSE_SHIFT, LOOSE_TURN = 0.045, 12.0  # of the landmarks' side, degrees: a doubt of 1
DOUBTFUL, UNSETTLED, HOPELESS = 0.8, 1.35, 2.5
OTHER_WAY, SAME_EXTENT = 15.0, 0.5  # degrees between two fits of one face, their overlap: where they begin to disagree


@dataclass(frozen=True)
class Face:
    """One face. `box` is (x, y, width, height) and `landmarks` float64 [468, 2], both in photo pixels.

    score: the detector's confidence, 0..1. mesh_score: the mesh's own confidence that its square holds a face, 0..1.
    """

    box: tuple[float, float, float, float]
    landmarks: np.ndarray
    score: float
    mesh_score: float


@dataclass(frozen=True, eq=False)
class Fit:
    """A face and how far the mesh was from settling there at once; 99 % of true faces stay below 1."""

    face: Face
    doubt: float


def area(face: Face) -> float:
    """Of its box, in photo pixels."""
    return face.box[2] * face.box[3]


def fit_all(rgb: np.ndarray, detections: np.ndarray, scores: np.ndarray, known: list[Fit]) -> list[Fit]:
    """Merge one pass's candidates and fit the mesh to each: its real faces, less those surely known already."""
    sure = [fit for fit in known if fit.doubt <= DOUBTFUL]
    fits: list[Fit] = []
    for detection, score in zip(*suppress(detections, scores), strict=True):
        if any(holds(fit.face, (detection[:2] + detection[2:4]) / 2) for fit in sure + fits):
            continue
        fit = _fit(rgb, detection, float(score))
        if fit and not any(_same_face(fit.face, other.face) for other in sure + fits):
            fits.append(fit)
    return fits


def merge(known: list[Fit], new: list[Fit]) -> list[Fit]:
    """Both, each face once: the most settled of the new fits, and the known one unless it gives way to that."""
    kept, best = list(known), list[Fit]()
    for fit in sorted(new, key=lambda fit: fit.doubt):
        if any(_same_face(fit.face, other.face) for other in best):
            continue
        best.append(fit)
        same = [other for other in kept if _same_face(fit.face, other.face)]
        if all(_gives_way(other, fit) for other in same):
            kept = [other for other in kept if other not in same] + [fit]
    return kept


def _gives_way(known: Fit, new: Fit) -> bool:
    """Only a doubtful fit gives way, to one at most half as doubtful, where it is unsettled or the two disagree about
    the face's angle or extent. Otherwise it stays to the last bit: crops must not depend on later passes without need.
    """
    if known.doubt <= max(DOUBTFUL, 2 * new.doubt):
        return False
    turn = _degrees(mesh.eye_angle(known.face.landmarks) - mesh.eye_angle(new.face.landmarks))
    corners = [np.array([x, y, x + w, y + h]) for x, y, w, h in (known.face.box, new.face.box)]
    return known.doubt > UNSETTLED or turn > OTHER_WAY or float(iou(corners[0], corners[1][None])[0]) < SAME_EXTENT


def _fit(rgb: np.ndarray, detection: np.ndarray, score: float) -> Fit | None:
    """The face at a candidate, or None. The mesh is fitted from the box, then again from its own landmarks."""
    if max(detection[2:4] - detection[:2]) < SMALLEST_FACE * 0.7:
        return None
    first, mesh_score, seen_angle = first_fit(rgb, detection)
    if mesh_score < LEAST_MESH:
        return None
    angle = mesh.eye_angle(first)
    centre, extent = mesh.upright_bounds(first, angle)
    landmarks, mesh_score = mesh.face_mesh().fit(rgb, centre, float(extent.max()) * mesh.ROI_SCALE, angle)
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    inside = high.min() > 0 and low[0] < rgb.shape[1] and low[1] < rgb.shape[0]
    if not inside or (high - low).max() < SMALLEST_FACE:
        return None
    shift = float(np.linalg.norm(landmarks - first, axis=1).mean() / extent.max())
    doubt = max(shift / LOOSE_SHIFT, _degrees(mesh.eye_angle(landmarks) - seen_angle) / LOOSE_TURN)
    sure = mesh_score >= SURE_MESH and score >= SURE_DETECTION
    if mesh_score < MINIMUM_MESH or doubt > HOPELESS or (doubt > UNSETTLED and not sure):
        return None
    box = (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
    return Fit(Face(box, landmarks, score, mesh_score), doubt)


def first_fit(rgb: np.ndarray, detection: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Landmarks and score of the mesh fitted to a candidate's box, and the box's own angle in radians."""
    right_eye, left_eye = detection[4:6], detection[6:8]
    angle = float(np.arctan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0]))
    centre, side = (detection[:2] + detection[2:4]) / 2, float(max(detection[2:4] - detection[:2])) * mesh.ROI_SCALE
    return *mesh.face_mesh().fit(rgb, centre, side, angle), angle


def _degrees(angle: float) -> float:
    """Size of an angle in radians as degrees in 0..180."""
    return abs(float(np.angle(np.exp(1j * angle), deg=True)))


def holds(face: Face, point: np.ndarray) -> bool:
    """Whether the point (x, y) lies within the face's box."""
    x, y, width, height = face.box
    return x < point[0] < x + width and y < point[1] < y + height


def _same_face(one: Face, other: Face) -> bool:
    """Whether one face's centre lies within the other's box: two meshes drawn to one face end up over each other."""
    centres = [np.array(f.box[:2]) + np.array(f.box[2:]) / 2 for f in (one, other)]
    return holds(one, centres[1]) or holds(other, centres[0])
