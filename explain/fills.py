"""What to show in place of a hidden part of a crop: three fills, all made from what surrounds it.

A fill should leave nothing of what it hides, and no trace of itself: a network takes a grey box for a finding of its
own. `python -m explain.compare_fills` measures how near to photos each one stays.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

UInt8Array = NDArray[np.uint8]
Float32Array = NDArray[np.float32]
# (crop uint8 RGB [s, s, 3], mask float32 [s, s] in 0..1) -> float32 [s, s, 3] in 0..255, to show where the mask is 1
Fill = Callable[[UInt8Array, Float32Array], Float32Array]

# Standard deviation of the blur as a share of the crop's side: of an eye, nothing but its mean colour is left.
BLUR = 0.08
_REDUCED = 8  # the blur is worked out on a crop reduced by this, which changes it by less than a grey level
_INPAINT_RADIUS = 3.0  # pixels around each point that cv2.inpaint looks at
# Below this much of known weight a pyramid's pixel says nothing of its own.
_NOTHING = 1e-4


def blur(crop: UInt8Array, mask: Float32Array | None = None) -> Float32Array:
    """The crop out of focus. It keeps the colours of what it hides; the mask plays no part."""
    size = crop.shape[0]
    side = max(1, size // _REDUCED)
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    soft = cv2.GaussianBlur(small, (0, 0), BLUR * side, borderType=cv2.BORDER_REPLICATE)
    wide = cv2.resize(soft, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.clip(wide, 0, 255).astype(np.float32, copy=False)


def inpaint(crop: UInt8Array, mask: Float32Array) -> Float32Array:
    """Edges carried on into the mask from its rim inwards (Telea 2004, "An image inpainting technique")."""
    return cv2.inpaint(crop, (mask > _NOTHING).astype(np.uint8), _INPAINT_RADIUS, cv2.INPAINT_TELEA).astype(np.float32)


def pyramid(crop: UInt8Array, mask: Float32Array) -> Float32Array:
    """A smooth picture that agrees with what lies around the mask: pull-push (Gortler et al. 1996, "The Lumigraph").

    Weighted means are pulled up a pyramid until every hole is closed, then pushed down again where nothing better is
    known.
    """
    weight = (1 - mask)[:, :, None].astype(np.float32)
    levels = [np.dstack([crop * weight, weight])]
    while max(levels[-1].shape[:2]) > 1:
        level = np.asarray(cv2.pyrDown(levels[-1]), np.float32)
        # What a coarse pixel knows counts in full; otherwise holes would bleed into their surroundings.
        known = level[:, :, 3:]
        counted = np.minimum(1, 4 * known) / np.maximum(known, _NOTHING)
        levels.append(level * counted.astype(np.float32))
    top = levels[-1]
    if top[0, 0, 3] < _NOTHING:
        raise ValueError("the mask covers the whole crop: nothing is left to fill it from")
    filled = top[:, :, :3] / top[:, :, 3:]
    for level in reversed(levels[:-1]):
        height, width = level.shape[:2]
        coarse = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, 3)
        filled = level[:, :, :3] + (1 - level[:, :, 3:]) * coarse
    return np.clip(filled, 0, 255).astype(np.float32, copy=False)


FILLS: dict[str, Fill] = {"blur": blur, "inpaint": inpaint, "pyramid": pyramid}
