"""Figures that say how far a map can be believed; each takes arrays, and is known by hand for some of them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from explain.baselines import blend
from explain.gradcam import upsample
from explain.occlusion import FEATHER, Score, UInt8Array

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]

STEPS = 8  # groups of cells that are deleted or inserted one after another


def ranked(cells: ArrayLike) -> NDArray[np.int64]:
    """Positions of the cells in the flat map, highest first, ties in reading order."""
    return np.argsort(-np.asarray(cells, float).ravel(), kind="stable")


def deletion_insertion(
    cells: ArrayLike,
    crop: UInt8Array,
    reference: Float32Array,
    sign: int,
    ends: tuple[float, float],
    score: Score,
    steps: int = STEPS,
    feather: float = FEATHER,
) -> tuple[float, float]:
    """Areas under the deletion and the insertion curve (Petsiuk et al. 2018, "RISE", arXiv 1806.07421).

    Deletion replaces the cells of the crop by the reference, highest first, insertion brings them into the reference;
    the curve is the probability of the class over the share of cells. A faithful map makes deletion fall and insertion
    rise early: the smaller the one and the larger the other, the better.

    Args:
        cells: [h, w], higher where more argues for the class.
        crop: uint8 RGB [s, s, 3].
        reference: [s, s, 3] in 0..255, the crop without its content (`explain.fills.blur`).
        sign: 1 for the class "deepfake", -1 for "real".
        ends: logits of the crop and of the reference; the same for every map of a face, so asked for once.
        score: crops uint8 [n, s, s, 3] -> logits [n]; called once, with 2 * (steps - 1) crops.
        steps: groups of cells of (nearly) one size.
        feather: soft edge between replaced and kept cells, as a share of the side.

    Returns:
        Deletion and insertion area, each in 0..1, by the trapezoidal rule.
    """
    shape, order = np.asarray(cells).shape, ranked(cells)
    counts = np.rint(np.linspace(0, len(order), steps + 1)).astype(int)
    batch = []
    for inserting in (False, True):
        for count in counts[1:-1]:
            replaced = np.full(len(order), float(inserting), np.float32)
            replaced[order[:count]] = 1.0 - inserting
            batch.append(blend(crop, reference, replaced.reshape(shape), feather))
    inner = np.asarray(score(np.stack(batch)), float).reshape(2, -1) if batch else np.empty((2, 0))
    curves = (np.array([ends[0], *inner[0], ends[1]]), np.array([ends[1], *inner[1], ends[0]]))
    share = counts / len(order)
    deletion, insertion = (float(np.trapezoid(_sigmoid(sign * curve), share)) for curve in curves)
    return deletion, insertion


def points_into(cells: ArrayLike, mask: ArrayLike, tolerance: int = 1) -> bool:
    """The pointing game (Zhang et al. 2018, arXiv 1608.00507): does the highest cell lie on the mask?

    mask: [s, s], counted where it reaches half of its own maximum. tolerance: cells by which the highest one may be off
    in either direction. Raises ValueError for a mask that is nowhere above 0.
    """
    values, target = np.asarray(cells, float), _present(mask)
    h, w = values.shape
    row, column = divmod(int(ranked(values)[0]), w)
    height, width = target.shape
    top, bottom = (round(height * min(max(edge, 0), h) / h) for edge in (row - tolerance, row + 1 + tolerance))
    left, right = (round(width * min(max(edge, 0), w) / w) for edge in (column - tolerance, column + 1 + tolerance))
    return bool(target[top:bottom, left:right].any())


def energy_in_mask(cells: ArrayLike, mask: ArrayLike, face: ArrayLike) -> float:
    """How much denser the positive evidence lies on the mask than on the face as a whole.

    The mask's share of the face's positive evidence, over its share of the face's pixels (after Wang et al. 2020,
    "Score-CAM", arXiv 1910.01279, sec. 4.3): 1 is a map that does not know where the mask is. NaN where the face holds
    no positive evidence.

    Args:
        cells: [h, w]. mask: [s, s] in 0..1. face: [s, s], true on the face.

    Raises:
        ValueError: a mask or a face without a pixel on the other.
    """
    inside = np.asarray(face, bool)
    weight = np.where(inside, np.asarray(mask, float), 0)
    if not weight.any():
        raise ValueError("expected a mask that covers some of the face, received one that covers nothing of it")
    positive = np.maximum(upsample(np.maximum(np.asarray(cells, np.float32), 0), inside.shape[0]), 0)
    energy = float(positive[inside].sum())
    if energy <= 0:
        return float("nan")
    return float((positive * weight).sum() / energy) / float(weight.sum() / inside.sum())


def rank_correlation(one: ArrayLike, other: ArrayLike) -> float:
    """Spearman's rho of two maps' cells, ties sharing their mean rank; NaN where a map is the same everywhere."""
    first, second = (_ranks(np.asarray(cells, float).ravel()) for cells in (one, other))
    first, second = first - first.mean(), second - second.mean()
    scale = np.sqrt((first**2).sum() * (second**2).sum())
    return float((first * second).sum() / scale) if scale else float("nan")


def interval(values: Sequence[float] | ArrayLike, groups: ArrayLike, rounds: int = 1000) -> tuple[float, float, float]:
    """Mean and 95 % bootstrap interval, resampling whole groups (Efron & Tibshirani 1993, ch. 13).

    NaN values are left out; all three are NaN where nothing else is there. groups: [n] names; the crops of one group,
    such as the frames of a video, are not independent.
    """
    numbers = np.asarray(values, float)
    known = np.isfinite(numbers)
    if not known.any():
        return (float("nan"),) * 3
    numbers = numbers[known]
    _, which = np.unique(np.asarray(groups)[known], return_inverse=True)
    sums, counts = np.bincount(which, numbers), np.bincount(which)
    random = np.random.default_rng(0)
    drawn = random.integers(0, len(sums), (rounds, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(numbers.mean()), float(low), float(high)


def jpeg(crop: UInt8Array, quality: int = 70) -> UInt8Array:
    """The crop after JPEG compression at that quality."""
    written, data = cv2.imencode(".jpg", crop[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not written:
        raise RuntimeError(f"OpenCV could not encode a crop of shape {crop.shape} as JPEG")
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.ascontiguousarray(np.asarray(decoded, np.uint8)[:, :, ::-1])


def _present(mask: ArrayLike) -> NDArray[np.bool_]:
    values = np.asarray(mask, float)
    if not values.max() > 0:
        raise ValueError(f"expected a mask above 0 somewhere, received at most {values.max()}")
    return values >= values.max() / 2


def _ranks(values: Float64Array) -> Float64Array:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def _sigmoid(logits: Float64Array) -> Float64Array:
    return 1 / (1 + np.exp(-np.clip(logits, -80, 80)))
