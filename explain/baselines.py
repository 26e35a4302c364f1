"""Other ways to draw a map, to hold ours against. Each gives float32 [h, w], one value a cell of the feature map,
higher where more argues for the class in question; only the order and the proportions of the cells mean anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from explain import gradcam
from explain.fills import blur
from explain.occlusion import Score, UInt8Array, soften

Float32Array = NDArray[np.float32]
# crops float32 [n, s, s, 3] in 0..255 -> d logit / d crops, float32 [n, s, s, 3]
Gradients = Callable[[Float32Array], Float32Array]

CHANNELS = 16  # of the 2048 that Score-CAM would try
STEPS = 8  # of the path that Integrated Gradients follows
WINDOW = 2  # side in cells of the window that the occlusion map slides
BATCH = 16


@dataclass(frozen=True, eq=False)
class Case:
    """One face to explain.

    crop: uint8 RGB [s, s, 3]. features: [h, w, c]. gradient: [c], d logit / d pooled features. sign: 1 to explain
    "deepfake", -1 to explain "real".
    """

    crop: UInt8Array
    features: Float32Array
    gradient: Float32Array
    sign: int


Explainer = Callable[[Case], Float32Array]


def ours(case: Case) -> Float32Array:
    """The additive map that Deep Dect shows."""
    return case.sign * gradcam.evidence(case.features[None], case.gradient[None])[0]


def grad_cam_plus_plus(case: Case) -> Float32Array:
    """Grad-CAM++ (Chattopadhay et al. 2018, arXiv 1710.11063, eq. 10, 19 and the ReLU of eq. 11).

    Under global average pooling a channel's gradient is the same at every place, g / hw, and with it the weight of a
    place: alpha = g^2 / (2 g^2 + sum(A) g^3) = 1 / (2 + sum(A) g). Channels that argue against the class have none.
    """
    h, w, _ = case.features.shape
    gradient = np.maximum(case.sign * case.gradient / (h * w), 0)
    alpha = 1 / (2 + case.features.sum(axis=(0, 1)) * gradient)
    return np.maximum(case.features @ (h * w * alpha * gradient), 0).astype(np.float32)


def score_cam(case: Case, score: Score, channels: int = CHANNELS) -> Float32Array:
    """Score-CAM (Wang et al. 2020, arXiv 1910.01279) over the `channels` that move the logit most by gradient x mean.

    Each channel's map, scaled to 0..1, is laid over the crop as a mask; the softmax over channels of the scores that
    are left is their weight. All 2048 channels would take 2048 passes a face.
    """
    size = case.crop.shape[0]
    weight = np.abs(case.gradient * case.features.mean(axis=(0, 1)))
    chosen = np.argsort(-weight, kind="stable")[:channels]
    maps = case.features[:, :, chosen].transpose(2, 0, 1)
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    scaled = (maps - low) / np.maximum(high - low, 1e-12)
    masks = [cv2.resize(one, (size, size), interpolation=cv2.INTER_LINEAR) for one in scaled]
    masked = [np.rint(case.crop * mask[:, :, None]) for mask in masks]
    logits = case.sign * _scored(np.stack(masked).astype(np.uint8), score)
    weights = np.exp(logits - logits.max())
    return np.maximum(np.tensordot(weights / weights.sum(), maps, axes=1), 0).astype(np.float32)


def sliding_occlusion(case: Case, score: Score, window: int = WINDOW) -> Float32Array:
    """Occlusion sensitivity (Zeiler & Fergus 2014, arXiv 1311.2901): a cell has the mean drop of the windows over it.

    A window of `window` x `window` cells is blurred at every place in turn.
    """
    h, w, _ = case.features.shape
    places = [(i, j) for i in range(h - window + 1) for j in range(w - window + 1)]
    filled = blur(case.crop)
    covers = np.zeros((len(places), h, w), np.float32)
    for number, (i, j) in enumerate(places):
        covers[number, i : i + window, j : j + window] = 1
    hidden = np.stack([blend(case.crop, filled, cover) for cover in covers])
    logits = case.sign * _scored(np.concatenate([case.crop[None], hidden]), score)
    drops = (logits[0] - logits[1:]).astype(np.float32)
    return np.tensordot(drops, covers, axes=1) / covers.sum(axis=0)


def integrated_gradients(case: Case, gradients: Gradients, steps: int = STEPS) -> Float32Array:
    """Integrated Gradients (Sundararajan et al. 2017, arXiv 1703.01365) from the blurred crop, summed over each cell.

    The path's integral is a Riemann sum at the middles of `steps` pieces. Where it is exact, the map's sum is the logit
    of the crop minus that of the blurred one, times the sign.
    """
    h, w, _ = case.features.shape
    start = blur(case.crop)
    difference = case.crop.astype(np.float32) - start
    at = (np.arange(steps, dtype=np.float32) + 0.5) / steps
    total = np.zeros_like(difference)
    for first in range(0, steps, BATCH):
        path = start + at[first : first + BATCH, None, None, None] * difference
        total += np.asarray(gradients(path)).sum(axis=0)
    pixels = (case.sign * difference * total / steps).sum(axis=2)
    size = pixels.shape[0]
    return np.asarray(cv2.resize(pixels, (w, h), interpolation=cv2.INTER_AREA), np.float32) * (size * size / (h * w))


def random_map(case: Case, random: np.random.Generator) -> Float32Array:
    """Noise: what a figure is worth that a map reaches without looking."""
    return random.standard_normal(case.features.shape[:2]).astype(np.float32)


def centred_gaussian(case: Case) -> Float32Array:
    """A blob in the middle, a quarter of the side wide: what looking at the middle of every face is worth."""
    h, w, _ = case.features.shape
    y, x = ((np.arange(n) + 0.5) / n - 0.5 for n in (h, w))
    return np.exp(-(y[:, None] ** 2 + x**2) / (2 * 0.25**2)).astype(np.float32)


def blend(crop: UInt8Array, filled: Float32Array, cells: Float32Array, feather: float | None = None) -> UInt8Array:
    """The crop with `filled` in its place where `cells` [h, w] is 1; by default with the soft edges of occlusion."""
    size = crop.shape[0]
    mask = cv2.resize(cells.astype(np.float32), (size, size), interpolation=cv2.INTER_NEAREST)
    soft = (soften(mask) if feather is None else soften(mask, feather))[:, :, None]
    return np.rint(np.clip(crop * (1 - soft) + filled * soft, 0, 255)).astype(np.uint8)


def _scored(crops: UInt8Array, score: Score) -> NDArray[np.float64]:
    starts = range(0, len(crops), BATCH)
    return np.concatenate([np.asarray(score(crops[i : i + BATCH]), np.float64) for i in starts])
