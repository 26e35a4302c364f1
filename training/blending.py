"""What forgeries are put together with: soft masks, warps, colour transfer, blending (`training.pseudo_fakes`).

Pictures are uint8 RGB [256, 256, 3], landmarks float [468, 2] in their pixels, masks float32 [256, 256] in 0..1.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.float32]
# Landmarks of the 468-point mesh whose hulls bound the face below the brows, all of it, and its inner part.
_CHEEKS_AND_CHIN = (356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132)
_BROWS_DOWN = (*_CHEEKS_AND_CHIN, 93, 234, 127, 70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
_OVAL = (*_CHEEKS_AND_CHIN, 93, 234, 127, 162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389)
_INNER = (70, 107, 336, 300, 345, 411, 287, 18, 57, 187, 116)  # brows, cheekbones, lips


def hull(landmarks: np.ndarray, random: np.random.Generator) -> Mask:
    """The convex hull of the oval, of the face below the brows, of its inner part or of random landmarks, 0 or 1."""
    kind = int(random.integers(4))
    if kind == 3:
        points = landmarks[random.choice(len(landmarks), size=int(random.integers(30, 120)), replace=False)]
    else:
        points = landmarks[list((_OVAL, _BROWS_DOWN, _INNER)[kind])]
    mask = np.zeros((256, 256), np.float32)
    corners = np.asarray(cv2.convexHull(np.rint(points).astype(np.int32)), np.int32)
    cv2.fillConvexPoly(mask, corners, 1.0)
    return mask


def soften(mask: Mask, random: np.random.Generator) -> Mask:
    """An elastically deformed, blurred mask: exactly 0 outside its reach, 1 at its highest."""
    noise = random.normal(0, 1, (2, 256, 256)).astype(np.float32)
    shift = np.stack([cv2.GaussianBlur(n, (0, 0), 12) for n in noise])
    shift *= np.float32(random.uniform(2, 10)) / max(float(np.abs(shift).max()), 1e-6)
    y, x = np.mgrid[:256, :256].astype(np.float32)
    deformed = cv2.remap(mask, x + shift[0], y + shift[1], cv2.INTER_LINEAR)
    return feather(deformed, float(random.uniform(1.5, 9.0)))


def grown(inside: NDArray[Any], random: np.random.Generator) -> Mask:
    """A region [256, 256], 0 or 1, a little widened, with a soft edge."""
    wider = cv2.dilate(inside.astype(np.float32), np.ones((7, 7), np.uint8))
    return feather(wider, float(random.uniform(2.0, 5.0)))


def feather(mask: NDArray[Any], sigma: float) -> Mask:
    """Blurred by a Gaussian of `sigma` pixels; 1 at its highest, exactly 0 where less than a grey level is left."""
    blurred = cv2.GaussianBlur(mask, (0, 0), sigma)
    blurred[blurred < 1 / 255] = 0  # below a grey level: nothing there, and so it is said
    return (blurred / max(float(blurred.max()), 1e-6)).astype(np.float32)


def blend(source: np.ndarray, target: np.ndarray, mask: Mask) -> np.ndarray:
    """`source` where the mask is 1, `target` where it is 0, their mean by it between."""
    weight = mask[..., None]
    return np.rint(source * weight + target * (1 - weight)).astype(np.uint8)


def slightly_changed(crop: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A small shift of colour, light or sharpness (arXiv 2204.08376, table 8)."""
    shift = random.integers([-9, -50, -50], [10, 51, 51]) // int(random.integers(1, 4))
    hsv = np.add(cv2.cvtColor(crop, cv2.COLOR_RGB2HSV), shift, dtype=np.int16)
    hsv[..., 0] %= 180
    shifted = cv2.cvtColor(np.clip(hsv, 0, 255).astype(np.uint8), cv2.COLOR_HSV2RGB)
    gain, offsets = random.uniform(0.9, 1.1), random.integers(-20, 21, 3)
    shifted = np.clip(shifted * gain + offsets, 0, 255).astype(np.uint8)
    choice = random.random()
    if choice < 0.35:
        side = 256 // int(random.choice([2, 3, 4]))
        small = cv2.resize(shifted, (side, side), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC)
    if choice < 0.7:
        smooth = cv2.GaussianBlur(shifted, (0, 0), float(random.uniform(1, 3)))
        return cv2.addWeighted(shifted, 1.5, smooth, -0.5, 0)
    return shifted


def displaced(crop: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Shifted by at most 3 % and scaled by 0.95 to 1.05 about the middle."""
    affine = np.asarray(cv2.getRotationMatrix2D((127.5, 127.5), 0, float(random.uniform(0.95, 1.05))), float)
    affine[:, 2] += random.uniform(-0.03, 0.03, 2) * 256
    return cv2.warpAffine(crop, affine, (256, 256), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def warp(donor: np.ndarray, donor_landmarks: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Piecewise affine over the Delaunay mesh of `landmarks`; beyond it the frame of the crop moves along unchanged."""
    from matplotlib.tri import LinearTriInterpolator, Triangulation  # a figure library, wanted here alone

    frame = np.array([(x, y) for x in (-64, 128, 320) for y in (-64, 128, 320) if (x, y) != (128, 128)], float)
    at, source = np.vstack([landmarks, frame]), np.vstack([donor_landmarks, frame])
    mesh = Triangulation(at[:, 0], at[:, 1])
    grid = np.arange(0, 257, 4.0)
    x, y = np.meshgrid(grid, grid)
    maps = [np.asarray(LinearTriInterpolator(mesh, source[:, axis])(x, y).filled(0)) for axis in (0, 1)]
    # a knot every 4 pixels, linear between them
    fine = np.arange(256, dtype=np.float32) / 4
    knots = np.meshgrid(fine, fine)
    map_x, map_y = (cv2.remap(m.astype(np.float32), knots[0], knots[1], cv2.INTER_LINEAR) for m in maps)
    return cv2.remap(donor, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def match_colours(source: np.ndarray, target: np.ndarray, inside: NDArray[Any]) -> np.ndarray:
    """Mean and spread of `source` under the mask set to the target's, in Lab (Reinhard et al., 2001)."""
    lab = cv2.cvtColor(source, cv2.COLOR_RGB2LAB).astype(np.float32)
    wanted = cv2.cvtColor(target, cv2.COLOR_RGB2LAB).astype(np.float32)
    mean, spread = lab[inside].mean(axis=0), lab[inside].std(axis=0)
    wanted_mean, wanted_spread = wanted[inside].mean(axis=0), wanted[inside].std(axis=0)
    scale = np.clip(wanted_spread / np.maximum(spread, 1e-3), 0.5, 2.0)
    matched = np.clip((lab - mean) * scale + wanted_mean, 0, 255).astype(np.uint8)
    return cv2.cvtColor(matched, cv2.COLOR_LAB2RGB)


def poisson(source: np.ndarray, target: np.ndarray, mask: Mask) -> np.ndarray:
    """`source` with its gradients kept and its border drawn to the target's."""
    region = ((mask > 0.1) * np.uint8(255)).astype(np.uint8)
    region[[0, -1]] = 0  # OpenCV wants a margin
    region[:, [0, -1]] = 0
    x, y, width, height = cv2.boundingRect(region)
    if width < 3 or height < 3:
        return source
    centre = (x + width // 2, y + height // 2)
    return cv2.seamlessClone(source, np.ascontiguousarray(target), region, centre, cv2.NORMAL_CLONE)


def transposed_convolution(small: np.ndarray, factor: int, random: np.random.Generator) -> np.ndarray:
    """Zero-insertion and a random kernel whose size its stride does not divide: the overlaps make a grid.

    small: uint8 RGB [h, w, 3] of any size; the result has `factor` times its sides.
    """
    spread = np.zeros((small.shape[0] * factor, small.shape[1] * factor, 3), np.float32)
    spread[::factor, ::factor] = small
    size = 2 * factor + 1
    bell = cv2.getGaussianKernel(size, factor * float(random.uniform(0.45, 0.7)))
    kernel = (bell @ bell.T) * random.uniform(0.9, 1.1, (size, size))
    kernel *= factor**2 / kernel.sum()
    rebuilt = cv2.filter2D(spread, -1, kernel.astype(np.float32), borderType=cv2.BORDER_REFLECT_101)
    return np.clip(np.rint(rebuilt), 0, 255).astype(np.uint8)
