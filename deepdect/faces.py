"""RGB picture -> faces (box, landmarks, score), and the aligned crop of each that the network sees.

Detection is generous (three BlazeFace detectors; finer, tiled and turned passes where they may pay), acceptance is
strict: a candidate counts only where the face mesh is sure of a face (`deepdect.face_fits`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from deepdect import mesh
from deepdect.blazeface import BACK, FRONT, FULL_RANGE, WIDE, detector, suppress
from deepdect.face_fits import DOUBTFUL, LEAST_MESH, SMALLEST_FACE, Face, Fit, area, first_fit, fit_all, holds, merge
from deepdect.shrink import resize

CROP = 256  # the network's input side
CROP_MARGIN = 1.08  # crop side over the longer side of the landmarks' box
# Training faces are at most about this wide in native pixels; a sharper user photo is reduced to it first, because
# resolution would otherwise tell the sources apart.
NATIVE_CAP = 176

MINIMUM_DETECTION, MINIMUM_TURNED = 0.5, 0.7  # the detectors' score; a turned copy shows heads at their best angle
SMALLEST_SEEN = 18  # input pixels that a face needs to be seen by BACK or WIDE (92 % of faces at 20, 75 % at 15)
LEAST_SEEN = 17  # that the tiles of the fine scan are laid out for: a pixel less often saves a row of them
SCAN_SIDES = (WIDE.size, 1856)  # longer side at most, of the coarse scan (one tile) and of the fine one (4x4 tiles)
PORTRAIT = 0.2  # a face of this share of the picture's longer side makes it a portrait
ROOM = 0.1  # of its box's sides, left on every side of a face: no tight crop, which would call for the padded passes
HINT = 0.2  # BACK's score for something outside the face from which a portrait may have bystanders too small for it
MOST_HINTS = 4  # that are looked into; beyond, a full search is as quick
CROWD = 5  # candidates that BACK is sure of from which no picture is tried as a portrait
PORTRAIT_SCAN = 800  # longer side in pixels above which even a portrait gets the coarse scan
BYSTANDER = 0.1  # faces below this share of the longer side promise more small ones
TURNS = (45.0, -45.0, 90.0, -90.0, 180.0)  # degrees


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
        """The transform as in a result's `crop` field."""
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

    A portrait whose face BACK finds at once, with nothing else that looks like one, is done with that pass; a crowd is
    searched by every pass without trying. small: whether to search enlarged tiles for faces too small for the whole
    picture's passes, which takes most of the time.
    """
    detections, scores = detector(BACK).detect(rgb, minimum=HINT)
    sure = scores >= MINIMUM_DETECTION
    crowd = len(suppress(detections[sure], scores[sure])[0]) >= CROWD
    fits = [] if crowd else fit_all(rgb, detections[sure], scores[sure], [])
    if not _plain_portrait(rgb, fits, detections[~sure], scores[~sure]):
        fits = _find_all(rgb, detections[sure], scores[sure], small)
    return sorted((fit.face for fit in fits), key=area, reverse=True)


def _find_all(rgb: np.ndarray, detections: np.ndarray, scores: np.ndarray, small: bool) -> list[Fit]:
    """Every pass that may pay, the candidates of BACK's on the whole picture given.

    BACK's are fitted anew, averaged with the other passes' (training's crops were cut so, and what it learned is finer
    than the difference: on Test, other crops cost .004 of calibration error).
    """
    fits = fit_all(rgb, *_search(rgb, detections, scores), [])
    largest = max(fits, key=lambda fit: area(fit.face), default=None)
    if largest is None or largest.doubt > DOUBTFUL:
        fits = merge(fits, [fit for turn in TURNS for fit in fit_all(rgb, *_search_turned(rgb, turn), [])])
    longest, searched = max(rgb.shape[:2]), BACK.size
    for side in SCAN_SIDES if small else ():
        if _scan_pays(longest, searched, fits):
            fits = merge(fits, fit_all(rgb, *_scan(rgb, side), fits))
            searched = side
    return fits


def _plain_portrait(rgb: np.ndarray, fits: list[Fit], hints: np.ndarray, scores: np.ndarray) -> bool:
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
    others = np.array([not holds(fits[0].face, (hint[:2] + hint[2:4]) / 2) for hint in hints], bool)
    apart, _ = suppress(hints[others], scores[others])
    return len(apart) <= MOST_HINTS and not any(_may_be_a_face(rgb, hint) for hint in apart)


def _may_be_a_face(rgb: np.ndarray, detection: np.ndarray) -> bool:
    """Whether the mesh, fitted once, thinks it possible."""
    return first_fit(rgb, detection)[1] >= LEAST_MESH


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


def _search(rgb: np.ndarray, detections: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole-picture candidates: portraits (BACK's, given), the tight crop (front, padded), the scene (full-range,
    padded)."""
    passes = [
        (detections, scores),
        detector(FRONT).detect(rgb, pad=0.3, minimum=MINIMUM_DETECTION),
        detector(FULL_RANGE).detect(rgb, pad=0.15, minimum=MINIMUM_DETECTION),
    ]
    return np.concatenate([p[0] for p in passes]), np.concatenate([p[1] for p in passes])


def _scan_pays(longest: int, searched: int, fits: list[Fit]) -> bool:
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


def _scan(rgb: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Candidates from overlapping tiles of the picture reduced to at most `most` pixels along its longer side."""
    height, width = rgb.shape[:2]
    reduced_height, reduced_width = _scan_size(height, width, most)
    small = resize(rgb, reduced_width, reduced_height)
    rows, columns = _tile_counts(*small.shape[:2])
    found = []
    for y in _starts(small.shape[0], rows):
        for x in _starts(small.shape[1], columns):
            tile = small[y : y + WIDE.size, x : x + WIDE.size]
            boxes, scores = detector(WIDE).detect(tile, minimum=MINIMUM_DETECTION)
            points = (boxes.reshape(-1, 8, 2) + [x, y]) * [width / small.shape[1], height / small.shape[0]]
            found.append((points.reshape(-1, 16), scores))
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])


def _scan_size(height: int, width: int, most: int) -> tuple[int, int]:
    """(height, width) of the reduced picture, its longer side at most `most`.

    Of the sizes that show every face large enough to judge (of the largest one, where that is too small for it), the
    one that needs the fewest tiles; of several such, the largest.
    """
    longest = max(height, width)
    largest = min(most, longest)
    enough = min(largest, math.ceil(longest * LEAST_SEEN / SMALLEST_FACE))
    sizes = [
        (max(1, round(height * side / longest)), max(1, round(width * side / longest)))
        for side in range(largest, enough - 1, -1)
    ]
    return min(sizes, key=lambda size: math.prod(_tile_counts(*size)))


def _tile_counts(height: int, width: int) -> tuple[int, int]:
    """How many rows and columns of tiles cover a reduced picture.

    Tiles overlap by the largest face that is too small for the coarse scan, so that it lies whole within one of them.
    """
    overlap = math.ceil(max(height, width) * LEAST_SEEN / WIDE.size)
    step = WIDE.size - overlap
    return max(1, math.ceil((height - overlap) / step)), max(1, math.ceil((width - overlap) / step))


def _starts(length: int, count: int) -> list[int]:
    """First pixels of `count` evenly spread tiles that cover `length`."""
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
