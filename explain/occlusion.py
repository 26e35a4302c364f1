"""Checking what a region is said to argue for: hide it, score again, and see whether the logit moves as claimed.

A region's evidence is a claim about the network, and hiding the region is the experiment that can refute it (occlusion:
Zeiler & Fergus 2014, arXiv 1311.2901). Any change of the pixels moves the logit a little, so a claim counts as verified
only where the logit moves in the claimed direction and further than hiding as large a random patch would move it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from explain.fills import FILLS
from explain.regions import REGIONS, RegionEvidence

UInt8Array = NDArray[np.uint8]
Float32Array = NDArray[np.float32]
# crops uint8 RGB [n, s, s, 3] -> calibrated logits [n]
Score = Callable[[UInt8Array], ArrayLike]

# What stands in for a hidden region: the three fills move logit and features of real faces alike, and this one leaves
# least of what it hides (`python -m explain.compare_fills`).
FILL = "pyramid"
# Standard deviation of a hidden region's soft edge, as a share of the crop's side: 3 of 256 pixels.
FEATHER = 0.012


@dataclass(frozen=True)
class NoiseFloor:
    """How far hiding a random patch moves the logit, by the patch's area; `python -m explain.noise_floor` measures it.

    areas: rising shares of the crop, 0..1. drops: the `quantile` of |drop| at each, in calibrated logits. fill: how
    the patches were hidden. sha256: of the weights that were measured. measured_on: in words.

    Raises:
        ValueError: a table that is empty, not rising, negative or not finite, or an unknown fill.
    """

    sha256: str
    fill: str
    quantile: float
    areas: tuple[float, ...]
    drops: tuple[float, ...]
    measured_on: str = ""

    def __post_init__(self) -> None:
        areas, drops = np.array(self.areas, float), np.array(self.drops, float)
        if areas.ndim != 1 or not len(areas) or areas.shape != drops.shape:
            raise ValueError(f"expected as many drops as areas, received {len(drops)} and {len(areas)}")
        rising = bool((np.diff(areas) > 0).all()) and areas[0] > 0 and areas[-1] <= 1
        if not (rising and np.isfinite(drops).all() and (drops >= 0).all() and 0 < self.quantile < 1):
            raise ValueError(f"expected rising areas in 0..1, drops of at least 0 and a quantile in 0..1: {self}")
        if self.fill not in FILLS:
            raise ValueError(f"expected a fill of {', '.join(FILLS)}, received {self.fill!r}")

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> NoiseFloor:
        """The table of a JSON object. Raises TypeError or ValueError for fields missing, unknown or out of range."""
        given = dict(fields)
        for name in ("areas", "drops"):
            given[name] = tuple(float(value) for value in given.get(name, ()))
        return NoiseFloor(**given)

    def to_json(self) -> dict[str, Any]:
        """The table as plain Python values, to five digits."""
        fields = asdict(self)
        return fields | {name: [round(value, 5) for value in fields[name]] for name in ("areas", "drops")}

    def at(self, area: float) -> float:
        """The floor for a share of the crop: linear in the logarithm of the area, constant beyond the table's ends."""
        return float(np.interp(np.log(max(area, 1e-9)), np.log(self.areas), self.drops))


def soften(mask: ArrayLike, feather: float = FEATHER) -> Float32Array:
    """A hard mask [s, s] with a soft edge: float32 in 0..1, half way at the old edge. feather: share of the side."""
    hard = np.asarray(mask, dtype=np.float32)
    if feather <= 0:
        return hard
    soft = cv2.GaussianBlur(hard, (0, 0), feather * hard.shape[0], borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft, np.float32)


def occlude(crop: UInt8Array, mask: ArrayLike, fill: str = FILL, feather: float = FEATHER) -> UInt8Array:
    """The crop with a part of it hidden.

    Args:
        crop: uint8 RGB [s, s, 3].
        mask: [s, s], true or 1 where the crop is to be hidden.
        fill: one of `explain.fills.FILLS`.
        feather: standard deviation of the soft edge, as a share of the side; 0 for a hard one.

    Returns:
        uint8 RGB [s, s, 3], a new array.

    Raises:
        ValueError: shapes that do not fit one another, an unknown fill, or a mask that leaves nothing to fill from.
    """
    picture = _checked_crop(crop)
    soft = soften(mask, feather)
    if soft.shape != picture.shape[:2]:
        raise ValueError(f"expected a mask {picture.shape[:2]} to fit the crop, received {soft.shape}")
    if fill not in FILLS:
        raise ValueError(f"expected a fill of {', '.join(FILLS)}, received {fill!r}")
    covered = _reached(mask, feather)
    if covered.min() > 0:
        raise ValueError("the mask covers the whole crop: nothing is left to fill it from")
    weight = soft[:, :, None]
    mixed = picture * (1 - weight) + FILLS[fill](picture, covered) * weight
    return np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)


def _reached(mask: ArrayLike, feather: float) -> Float32Array:
    """The mask grown by its soft edge: filled from there, the rim of what is hidden would colour what stands for it."""
    plane = np.asarray(mask, np.float32)
    reach = 2 * int(np.ceil(2 * feather * len(plane))) + 1
    return np.asarray(cv2.dilate(plane, np.ones((reach, reach), np.uint8)), np.float32)


def verify(
    regions: Sequence[RegionEvidence],
    crop: UInt8Array,
    labels: UInt8Array,
    logit: float,
    score: Score,
    floor: NoiseFloor | None,
) -> list[RegionEvidence]:
    """The regions with `drop` and `verified`: each hidden in turn, all scored as one batch of at most ten crops.

    Args:
        regions: from `explain.regions.attribute`, of this crop.
        crop: uint8 RGB [s, s, 3].
        labels: uint8 [s, s] from `explain.regions.partition`.
        logit: of the crop as it is, in the units of `score`.
        score: crops uint8 [n, s, s, 3] -> logits [n].
        floor: measured with these weights; its fill is the one that is used. None leaves `verified` None.

    Returns:
        The same regions in the same order. `drop` is logit before minus logit after; `verified` says whether it has
        the evidence's sign and exceeds the floor. Both are None for a region that has no pixels, or leaves
        none to fill it from.

    Raises:
        ValueError: shapes that do not fit one another, or scores that are not finite.
    """
    picture, partition = _checked_crop(crop), np.asarray(labels)
    if partition.shape != picture.shape[:2]:
        raise ValueError(f"expected labels {picture.shape[:2]} to fit the crop, received {partition.shape}")
    areas = np.bincount(partition.ravel(), minlength=len(REGIONS)) / partition.size
    index = {region.name: REGIONS.index(region.name) for region in regions}
    hidden = [
        region
        for region in regions
        if (area := areas[index[region.name]])
        and (area < 0.5 or _reached(partition == index[region.name], FEATHER).min() == 0)
    ]
    if not hidden:
        return list(regions)
    fill = floor.fill if floor else FILL
    batch = np.stack([occlude(picture, partition == index[region.name], fill) for region in hidden])
    after = np.asarray(score(batch), dtype=np.float64)
    if after.shape != (len(batch),) or not np.isfinite(after).all():
        raise ValueError(f"expected {len(batch)} finite logits of the hidden regions, received {after}")
    checked = {}
    for region, value in zip(hidden, after, strict=True):
        drop = float(logit - value)
        verified = None if floor is None else _confirms(drop, region.evidence, floor.at(areas[index[region.name]]))
        checked[region.name] = replace(region, drop=drop, verified=verified)
    return [checked.get(region.name, region) for region in regions]


def _confirms(drop: float, evidence: float, floor: float) -> bool:
    return drop * evidence > 0 and abs(drop) > floor


def _checked_crop(crop: ArrayLike) -> UInt8Array:
    picture = np.asarray(crop)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[0] != picture.shape[1] or picture.shape[2] != 3:
        raise ValueError(f"expected a crop as uint8 RGB [s, s, 3], received {picture.dtype} {list(picture.shape)}")
    return picture
