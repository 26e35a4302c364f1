"""RGB picture -> faces (box, landmarks, score), and the aligned crop of each that the network sees.

Detection is generous (three BlazeFace detectors, padded and tiled copies), acceptance is strict: a candidate counts only
where the face mesh, fitted twice, agrees that a face is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from deepdect import mesh
from deepdect.blazeface import BACK, FRONT, FULL_RANGE, detector, suppress

CROP = 256  # the network's input side
CROP_MARGIN = 1.08  # crop side over the longer side of the landmarks' box
# Training faces are at most about this wide in native pixels; a sharper user photo is reduced to it first, because
# resolution would otherwise tell the sources apart.
NATIVE_CAP = 176

MINIMUM_DETECTION = 0.5
MINIMUM_MESH = 0.5
SMALLEST_FACE = 20  # pixels; nothing below can be judged
TILE_BELOW = 0.14  # tiles are searched where no face is longer than this share of the picture
TILE_OVERLAP = 0.25


@dataclass(frozen=True)
class Face:
    """One face. `box` is (x, y, width, height) and `landmarks` float64 [468, 2], both in photo pixels.

    score: the detector's confidence, 0..1. mesh_score: the mesh's own confidence that its square holds a face, 0..1.
    """

    box: tuple[float, float, float, float]
    landmarks: np.ndarray
    score: float
    mesh_score: float


@dataclass(frozen=True)
class Crop:
    """A crop's place on the photo: a square with its unrotated corner (x, y) and `size` in photo pixels, turned by
    `angle` degrees (clockwise as seen) about its centre. native: the side in pixels it was sampled at before 256."""

    pixels: np.ndarray
    x: float
    y: float
    size: float
    angle: float
    native: int

    def to_json(self) -> dict[str, Any]:
        """The transform as DESIGN.md's `crop` field."""
        return {"x": round(self.x, 2), "y": round(self.y, 2), "size": round(self.size, 2), "angle": round(self.angle, 2)}

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """Photo points [n, 2] -> crop pixels [n, 2] on the 256-pixel grid."""
        centre = np.array([self.x + self.size / 2, self.y + self.size / 2])
        affine = mesh.square_to_pixels(centre, self.size, np.deg2rad(self.angle), CROP)
        return (points - affine[:, 2]) @ np.linalg.inv(affine[:, :2]).T


def find(rgb: np.ndarray) -> list[Face]:
    """All faces in RGB uint8 [h, w, 3], largest first."""
    detections, scores = _search(rgb)
    faces = _accept(rgb, detections, scores)
    if _need_tiles(rgb, faces):
        more, more_scores = _search_tiles(rgb)
        if len(more_scores):
            faces = _accept(rgb, np.concatenate([detections, more]), np.concatenate([scores, more_scores]))
    if not faces:
        faces = _accept(rgb, *_search_tilted(rgb))
    return sorted(faces, key=lambda face: -face.box[2] * face.box[3])


def crop(rgb: np.ndarray, face: Face) -> Crop:
    """The upright square around a face's landmarks that the network sees; the same bytes in training and in serving.

    The sampling never exceeds NATIVE_CAP pixels a side, borders repeat the photo's edge, the result is uint8 [256, 256, 3].
    """
    angle = mesh.eye_angle(face.landmarks)
    centre, extent = mesh.upright_bounds(face.landmarks, angle)
    side = max(float(extent.max()) * CROP_MARGIN, 8.0)
    native = int(np.clip(round(side), 8, NATIVE_CAP))
    pixels = mesh.extract_square(rgb, centre, side, angle, native, cv2.BORDER_REPLICATE)
    pixels = cv2.resize(pixels, (CROP, CROP), interpolation=cv2.INTER_CUBIC)
    x, y = centre - side / 2
    return Crop(pixels, float(x), float(y), side, float(np.rad2deg(angle)), native)


def _search(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole-picture candidates: portraits (back), the tight crop (front, padded), the scene (full-range, padded)."""
    passes = [
        detector(BACK).detect(rgb, minimum=MINIMUM_DETECTION),
        detector(FRONT).detect(rgb, pad=0.3, minimum=MINIMUM_DETECTION),
        detector(FULL_RANGE).detect(rgb, pad=0.15, minimum=MINIMUM_DETECTION),
    ]
    return np.concatenate([p[0] for p in passes]), np.concatenate([p[1] for p in passes])


def _need_tiles(rgb: np.ndarray, faces: list[Face]) -> bool:
    """A picture whose faces are all small may hide smaller ones; a portrait is not worth the extra passes."""
    longest = max(rgb.shape[:2])
    if longest < 2 * SMALLEST_FACE / TILE_BELOW:
        return False
    return all(max(face.box[2:]) < TILE_BELOW * longest for face in faces)


def _search_tiles(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Candidates from overlapping square tiles, halved in side until the smallest face would fill a tenth of one."""
    height, width = rgb.shape[:2]
    found: list[tuple[np.ndarray, np.ndarray]] = []
    side = max(height, width) / 2
    while side > SMALLEST_FACE * 5:
        for y in _starts(height, side):
            for x in _starts(width, side):
                part = rgb[y : y + int(side), x : x + int(side)]
                boxes, scores = detector(FULL_RANGE).detect(part, minimum=MINIMUM_DETECTION)
                found.append((boxes + np.tile([x, y], boxes.shape[1] // 2), scores))
        side /= 2
    if not found:
        return np.empty((0, 16)), np.empty(0)
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])


def _starts(length: int, side: float) -> list[int]:
    """First pixels of overlapping tiles of `side` that cover `length`."""
    if length <= side:
        return [0]
    count = int(np.ceil((length - side) / (side * (1 - TILE_OVERLAP)))) + 1
    return [int(v) for v in np.linspace(0, length - side, count)]


def _search_tilted(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Candidates from the picture turned by 45 degrees either way, for heads that lean beyond the detectors' reach."""
    height, width = rgb.shape[:2]
    found = []
    for degrees in (-45.0, 45.0):
        side = (height + width) / np.sqrt(2) * 1.2
        size = min(256, int(np.ceil(side)))
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        turned = mesh.extract_square(rgb, centre, side, np.deg2rad(degrees), size, cv2.BORDER_CONSTANT)
        boxes, scores = detector(BACK).detect(turned, minimum=MINIMUM_DETECTION)
        affine = mesh.square_to_pixels(centre, side, np.deg2rad(degrees), size)
        points = boxes.reshape(-1, 2)
        points = (points @ affine[:, :2].T + affine[:, 2]).reshape(-1, 8, 2)
        # turned corners no longer bound an upright box: rebuild it around the same centre with the same sides
        middle = points[:, :2].mean(axis=1)
        half = (boxes[:, 2:4] - boxes[:, :2]) * side / size / 2
        points[:, 0], points[:, 1] = middle - half, middle + half
        found.append((points.reshape(-1, 16), scores))
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])


def _accept(rgb: np.ndarray, detections: np.ndarray, scores: np.ndarray) -> list[Face]:
    """Merge candidates, fit the mesh to each, keep the real ones, and drop those that landed on the same face."""
    faces: list[Face] = []
    for detection, score in zip(*suppress(detections, scores), strict=True):
        face = _fit(rgb, detection, float(score))
        if face and not any(_same_face(face, other) for other in faces):
            faces.append(face)
    return faces


def _fit(rgb: np.ndarray, detection: np.ndarray, score: float) -> Face | None:
    """The face at a candidate, or None. The mesh is fitted from the box, then again from its own landmarks."""
    extent = detection[2:4] - detection[:2]
    if max(extent) < SMALLEST_FACE * 0.7:
        return None
    right_eye, left_eye = detection[4:6], detection[6:8]
    angle = float(np.arctan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0]))
    centre = (detection[:2] + detection[2:4]) / 2
    landmarks, mesh_score = mesh.face_mesh().fit(rgb, centre, float(max(extent)) * mesh.ROI_SCALE, angle)
    if mesh_score < MINIMUM_MESH / 2:
        return None
    angle = mesh.eye_angle(landmarks)
    centre, extent = mesh.upright_bounds(landmarks, angle)
    landmarks, mesh_score = mesh.face_mesh().fit(rgb, centre, float(extent.max()) * mesh.ROI_SCALE, angle)
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    inside = high.min() > 0 and low[0] < rgb.shape[1] and low[1] < rgb.shape[0]
    if mesh_score < MINIMUM_MESH or not inside or (high - low).max() < SMALLEST_FACE:
        return None
    return Face((float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])), landmarks, score, mesh_score)


def _same_face(one: Face, other: Face) -> bool:
    """Whether one face's centre lies within the other's box (two meshes drawn to one face end up on top of each other)."""
    for a, b in ((one, other), (other, one)):
        x, y = a.box[0] + a.box[2] / 2, a.box[1] + a.box[3] / 2
        if b.box[0] < x < b.box[0] + b.box[2] and b.box[1] < y < b.box[1] + b.box[3]:
            return True
    return False
