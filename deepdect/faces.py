"""RGB picture -> faces (box, landmarks, score), and the aligned crop of each that the network sees.

Detection is generous (three BlazeFace detectors; finer, tiled and turned passes where they may pay), acceptance is
strict: a candidate counts only where the face mesh, fitted twice, is sure of a face and stays where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from deepdect import mesh
from deepdect.blazeface import BACK, FRONT, FULL_RANGE, WIDE, detector, iou, suppress
from deepdect.shrink import resize

CROP = 256  # the network's input side
CROP_MARGIN = 1.08  # crop side over the longer side of the landmarks' box
# Training faces are at most about this wide in native pixels; a sharper user photo is reduced to it first, because
# resolution would otherwise tell the sources apart.
NATIVE_CAP = 176

MINIMUM_DETECTION, MINIMUM_TURNED = 0.5, 0.7  # the detectors' score; a turned copy shows heads at their best angle
MINIMUM_MESH = 0.7  # the mesh's score
LEAST_MESH = 0.25  # of its first fit, below which a second one never helps
SURE_MESH, SURE_DETECTION = 0.99, 0.6  # what both must reach where the fit is not settled
SMALLEST_FACE = 20  # pixels; nothing below can be judged

# A fit's doubt is how far the mesh moves between its two fits (mean landmark shift over its side) or turns away from
# what the detector saw (degrees), in these units, which 99 % of true faces stay below. False detections move and turn
# further, and so do meshes fitted to a head the wrong way round.
LOOSE_SHIFT, LOOSE_TURN = 0.045, 12.0
DOUBTFUL, UNSETTLED, HOPELESS = 0.8, 1.35, 2.5
OTHER_WAY, SAME_EXTENT = 15.0, 0.5  # degrees between two fits of one face, their overlap: where they begin to disagree

SMALLEST_SEEN = 18  # input pixels that a face needs to be seen by BACK or WIDE (92 % of faces at 20, 75 % at 15)
SCAN_SIDES = (WIDE.size, 1856)  # longer side of the coarse scan (one tile) and of the fine one (at most 4x4 tiles)
TILE_OVERLAP = 64  # input pixels: smaller faces lie whole within some tile, larger ones were seen by the coarser pass
PORTRAIT = 0.2  # a face of this share of the picture's longer side makes it a portrait
ROOM = 0.1  # of its box's sides, left on every side of a face: no tight crop, which would call for the padded passes
HINT = 0.2  # BACK's score for something outside the face from which a portrait may have bystanders too small for it
MOST_HINTS = 4  # that are looked into; beyond, a full search is as quick
PORTRAIT_SCAN = 800  # longer side in pixels above which even a portrait gets the coarse scan
BYSTANDER = 0.1  # faces below this share of the longer side promise more small ones
TURNS = (45.0, -45.0, 90.0, -90.0, 180.0)  # degrees


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
        return {
            "x": round(self.x, 2),
            "y": round(self.y, 2),
            "size": round(self.size, 2),
            "angle": round(self.angle, 2),
        }

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """Photo points [n, 2] -> crop pixels [n, 2] on the 256-pixel grid."""
        centre = np.array([self.x + self.size / 2, self.y + self.size / 2])
        affine = mesh.square_to_pixels(centre, self.size, np.deg2rad(self.angle), CROP)
        return (points - affine[:, 2]) @ np.linalg.inv(affine[:, :2]).T


def find(rgb: np.ndarray, *, small: bool = True) -> list[Face]:
    """All faces in RGB uint8 [h, w, 3], largest first.

    A portrait whose face BACK finds at once, with nothing else that looks like one, is done with that pass. small:
    whether to search enlarged tiles for faces too small for the whole picture's passes, which takes most of the time.
    """
    detections, scores = detector(BACK).detect(rgb, minimum=HINT)
    sure = scores >= MINIMUM_DETECTION
    fits = _fit_all(rgb, detections[sure], scores[sure], [])
    if not _plain_portrait(rgb, fits, detections[~sure], scores[~sure]):
        fits = _find_all(rgb, detections[sure], scores[sure], small)
    return sorted((fit.face for fit in fits), key=_area, reverse=True)


def _find_all(rgb: np.ndarray, detections: np.ndarray, scores: np.ndarray, small: bool) -> list[_Fit]:
    """Every pass that may pay, the candidates of BACK's on the whole picture given.

    BACK's are fitted anew, averaged with the other passes' (training's crops were cut so, and what it learned is finer
    than the difference: on Test, other crops cost .004 of calibration error).
    """
    fits = _fit_all(rgb, *_search(rgb, detections, scores), [])
    largest = max(fits, key=lambda fit: _area(fit.face), default=None)
    if largest is None or largest.doubt > DOUBTFUL:
        fits = _merge(fits, [fit for turn in TURNS for fit in _fit_all(rgb, *_search_turned(rgb, turn), [])])
    longest, searched = max(rgb.shape[:2]), BACK.size
    for side in SCAN_SIDES if small else ():
        if _scan_pays(longest, searched, fits):
            fits = _merge(fits, _fit_all(rgb, *_scan(rgb, side), fits))
            searched = side
    return fits


def _plain_portrait(rgb: np.ndarray, fits: list[_Fit], hints: np.ndarray, scores: np.ndarray) -> bool:
    """Whether the fits are one settled face, large and with room around it, and no weaker candidate may be another.

    A hint belongs to the face, or the mesh sees no face there: a badge on a suit scores as high as a bystander does.
    """
    if len(fits) != 1 or fits[0].doubt > DOUBTFUL:
        return False
    height, width = rgb.shape[:2]
    x, y, w, h = fits[0].face.box
    large = max(w, h) >= PORTRAIT * max(height, width)
    room = min(x, width - x - w) >= ROOM * w and min(y, height - y - h) >= ROOM * h
    if not (large and room):
        return False
    others = np.array([not _holds(fits[0].face, (hint[:2] + hint[2:4]) / 2) for hint in hints], bool)
    apart, _ = suppress(hints[others], scores[others])
    return len(apart) <= MOST_HINTS and not any(_may_be_a_face(rgb, hint) for hint in apart)


def _may_be_a_face(rgb: np.ndarray, detection: np.ndarray) -> bool:
    """Whether the mesh, fitted once, thinks it possible."""
    return _first_fit(rgb, detection)[1] >= LEAST_MESH


def crop(rgb: np.ndarray, face: Face) -> Crop:
    """The upright square around a face's landmarks that the network sees; the same bytes in training and in serving.

    The sampling never exceeds NATIVE_CAP pixels a side, borders repeat the photo's edge, the result is uint8
    [256, 256, 3].
    """
    angle = mesh.eye_angle(face.landmarks)
    centre, extent = mesh.upright_bounds(face.landmarks, angle)
    side = max(float(extent.max()) * CROP_MARGIN, 8.0)
    native = int(np.clip(round(side), 8, NATIVE_CAP))
    x, y = centre - side / 2
    return Crop(_cut(rgb, centre, side, angle, native), float(x), float(y), side, float(np.rad2deg(angle)), native)


def recut(rgb: np.ndarray, place: Crop) -> np.ndarray:
    """The pixels uint8 [256, 256, 3] of a crop's place on this picture, which may be another one of the same size."""
    centre = np.array([place.x, place.y]) + place.size / 2
    return _cut(rgb, centre, place.size, float(np.deg2rad(place.angle)), place.native)


def _cut(rgb: np.ndarray, centre: np.ndarray, side: float, angle: float, native: int) -> np.ndarray:
    pixels = mesh.extract_square(rgb, centre, side, angle, native, cv2.BORDER_REPLICATE)
    return cv2.resize(pixels, (CROP, CROP), interpolation=cv2.INTER_CUBIC)


@dataclass(frozen=True, eq=False)
class _Fit:
    """A face and how far the mesh was from settling there at once; 99 % of true faces stay below 1."""

    face: Face
    doubt: float


def _area(face: Face) -> float:
    return face.box[2] * face.box[3]


def _search(rgb: np.ndarray, detections: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole-picture candidates: portraits (BACK's, given), the tight crop (front, padded), the scene (full-range,
    padded)."""
    passes = [
        (detections, scores),
        detector(FRONT).detect(rgb, pad=0.3, minimum=MINIMUM_DETECTION),
        detector(FULL_RANGE).detect(rgb, pad=0.15, minimum=MINIMUM_DETECTION),
    ]
    return np.concatenate([p[0] for p in passes]), np.concatenate([p[1] for p in passes])


def _scan_pays(longest: int, searched: int, fits: list[_Fit]) -> bool:
    """Whether to look for smaller faces than a pass with `searched` input pixels along the picture's longer side sees.

    Not where those would be too small to judge. Otherwise always, except in a portrait (a face of PORTRAIT of the
    longer side): that gets the coarse scan from PORTRAIT_SCAN pixels on, and the fine one where there are bystanders.
    """
    if SMALLEST_SEEN * longest / searched <= SMALLEST_FACE:
        return False
    sides = [max(fit.face.box[2:]) / longest for fit in fits]
    if max(sides, default=0) < PORTRAIT or min(sides) < BYSTANDER:
        return True
    return searched == BACK.size and longest >= PORTRAIT_SCAN


def _scan(rgb: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Candidates from overlapping tiles of the picture reduced to at most `side` pixels along its longer side."""
    height, width = rgb.shape[:2]
    scale = min(1.0, side / max(height, width))
    small = resize(rgb, max(1, round(width * scale)), max(1, round(height * scale)))
    found = []
    for y in _starts(small.shape[0]):
        for x in _starts(small.shape[1]):
            tile = small[y : y + WIDE.size, x : x + WIDE.size]
            boxes, scores = detector(WIDE).detect(tile, minimum=MINIMUM_DETECTION)
            points = (boxes.reshape(-1, 8, 2) + [x, y]) * [width / small.shape[1], height / small.shape[0]]
            found.append((points.reshape(-1, 16), scores))
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])


def _starts(length: int) -> list[int]:
    """First pixels of evenly spread tiles, at least TILE_OVERLAP over each other, that cover `length`."""
    count = max(1, int(np.ceil((length - TILE_OVERLAP) / (WIDE.size - TILE_OVERLAP))))
    return [int(v) for v in np.linspace(0, max(0, length - WIDE.size), count)]


def _search_turned(rgb: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Candidates from the picture turned by `degrees` about its centre."""
    height, width = rgb.shape[:2]
    side = (height + width) / np.sqrt(2) * 1.2
    size = BACK.size
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    turned = mesh.extract_square(rgb, centre, side, np.deg2rad(degrees), size, cv2.BORDER_CONSTANT)
    boxes, scores = detector(BACK).detect(turned, minimum=MINIMUM_TURNED)
    affine = mesh.square_to_pixels(centre, side, np.deg2rad(degrees), size)
    points = boxes.reshape(-1, 2)
    points = (points @ affine[:, :2].T + affine[:, 2]).reshape(-1, 8, 2)
    # turned corners no longer bound an upright box: rebuild it around the same centre with the same sides
    middle = points[:, :2].mean(axis=1)
    half = (boxes[:, 2:4] - boxes[:, :2]) * side / size / 2
    points[:, 0], points[:, 1] = middle - half, middle + half
    return points.reshape(-1, 16), scores


def _fit_all(rgb: np.ndarray, detections: np.ndarray, scores: np.ndarray, known: list[_Fit]) -> list[_Fit]:
    """Merge one pass's candidates and fit the mesh to each: its real faces, less those surely known already."""
    sure = [fit for fit in known if fit.doubt <= DOUBTFUL]
    fits: list[_Fit] = []
    for detection, score in zip(*suppress(detections, scores), strict=True):
        if any(_holds(fit.face, (detection[:2] + detection[2:4]) / 2) for fit in sure + fits):
            continue
        fit = _fit(rgb, detection, float(score))
        if fit and not any(_same_face(fit.face, other.face) for other in sure + fits):
            fits.append(fit)
    return fits


def _merge(known: list[_Fit], new: list[_Fit]) -> list[_Fit]:
    """Both, each face once: the most settled of the new fits, and the known one unless it gives way to that."""
    kept, best = list(known), list[_Fit]()
    for fit in sorted(new, key=lambda fit: fit.doubt):
        if any(_same_face(fit.face, other.face) for other in best):
            continue
        best.append(fit)
        same = [other for other in kept if _same_face(fit.face, other.face)]
        if all(_gives_way(other, fit) for other in same):
            kept = [other for other in kept if other not in same] + [fit]
    return kept


def _gives_way(known: _Fit, new: _Fit) -> bool:
    """Only a doubtful fit gives way, to one at most half as doubtful, where it is unsettled or the two disagree about
    the face's angle or extent. Otherwise it stays to the last bit: crops must not depend on later passes without need.
    """
    if known.doubt <= max(DOUBTFUL, 2 * new.doubt):
        return False
    turn = _degrees(mesh.eye_angle(known.face.landmarks) - mesh.eye_angle(new.face.landmarks))
    corners = [np.array([x, y, x + w, y + h]) for x, y, w, h in (known.face.box, new.face.box)]
    return known.doubt > UNSETTLED or turn > OTHER_WAY or float(iou(corners[0], corners[1][None])[0]) < SAME_EXTENT


def _fit(rgb: np.ndarray, detection: np.ndarray, score: float) -> _Fit | None:
    """The face at a candidate, or None. The mesh is fitted from the box, then again from its own landmarks."""
    if max(detection[2:4] - detection[:2]) < SMALLEST_FACE * 0.7:
        return None
    first, mesh_score, seen_angle = _first_fit(rgb, detection)
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
    return _Fit(Face(box, landmarks, score, mesh_score), doubt)


def _first_fit(rgb: np.ndarray, detection: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Landmarks and score of the mesh fitted to a candidate's box, and the box's own angle in radians."""
    right_eye, left_eye = detection[4:6], detection[6:8]
    angle = float(np.arctan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0]))
    centre, side = (detection[:2] + detection[2:4]) / 2, float(max(detection[2:4] - detection[:2])) * mesh.ROI_SCALE
    return *mesh.face_mesh().fit(rgb, centre, side, angle), angle


def _degrees(angle: float) -> float:
    """Size of an angle in radians as degrees in 0..180."""
    return abs(float(np.angle(np.exp(1j * angle), deg=True)))


def _holds(face: Face, point: np.ndarray) -> bool:
    """Whether the point (x, y) lies within the face's box."""
    x, y, width, height = face.box
    return x < point[0] < x + width and y < point[1] < y + height


def _same_face(one: Face, other: Face) -> bool:
    """Whether one face's centre lies within the other's box: two meshes drawn to one face end up over each other."""
    centres = [np.array(f.box[:2]) + np.array(f.box[2:]) / 2 for f in (one, other)]
    return _holds(one, centres[1]) or _holds(other, centres[0])
