"""Pictures with a part of the face hidden, as `explain.occlusion` hides it when it checks a region's evidence.

A network that never saw such pictures answers them at random: noise drowns the experiment. Hidden parts are shown in
both classes, and a forgery of which only a share is left to be seen is a forgery to that share: what the network says
of a picture then follows from what the picture shows.
"""

from __future__ import annotations

import numpy as np

from explain.noise_floor import random_patch
from explain.occlusion import occlude

PATCH = 0.3  # share of the pictures in which a random patch is hidden and not a region
AREAS = (0.01, 0.25)  # of such patches, shares of the crop
LARGEST = 0.5  # share of the crop beyond which a region stays: too little would be left to fill it from


def hide(
    crop: np.ndarray, labels: np.ndarray, mask: np.ndarray | None, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One region or patch of a crop hidden.

    Args:
        crop: uint8 RGB [s, s, 3].
        labels: uint8 [s, s] from `explain.regions.partition`.
        mask: where the picture is forged, float32 [s, s] in 0..1, which half of the time decides the region; or None.
        random: fixes the choice.

    Returns:
        The crop and where it is hidden, bool [s, s].
    """
    areas = np.bincount(labels.ravel(), minlength=10) / labels.size
    regions = np.flatnonzero((areas > 0) & (areas < LARGEST))
    kind, area, drawn = random.random(), random.uniform(*AREAS), random.random()
    if kind < PATCH or not len(regions):
        where = random_patch(len(crop), area, random)
    else:
        region = regions[int(drawn * len(regions))]
        if mask is not None and kind < (1 + PATCH) / 2:
            forged = np.bincount(labels.ravel(), weights=mask.ravel(), minlength=10)[regions]
            region = regions[int(np.argmax(forged))]
        where = labels == region
    return occlude(np.ascontiguousarray(crop), where), where


def kept(mask: np.ndarray, hidden: np.ndarray) -> float:
    """The share of a mask's weight that is not hidden, 0..1 (1 for an empty mask)."""
    total = float(mask.sum())
    return 1.0 if total <= 0 else float((mask * ~hidden).sum()) / total
