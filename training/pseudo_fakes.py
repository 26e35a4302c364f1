"""Forgeries made on the fly from real crops, each with its mask: what face swaps and retouching leave behind.

- `self_blended`: a face blended into itself (Shiohara & Yamasaki, "Detecting Deepfakes with Self-Blended Images",
  2022, arXiv 2204.08376). Teaches blending boundaries and mismatched statistics.
- `face_swap`, `region_swap`: the face, or its eyes, nose or mouth, of another person with a similar mesh, warped
  landmark to landmark and colour-matched, alpha- or Poisson-blended (Perez et al., "Poisson Image Editing", 2003).
- `transplant`: a part of a deepfake in the very frame that it was made from, where a data set has both.
- `resynthesised`: the face reduced and rebuilt by a nearest or transposed-convolution-like kernel, whose grid is
  what generators' up-sampling leaves (Odena et al., "Deconvolution and Checkerboard Artifacts", 2016).

Crops and results are uint8 RGB [256, 256, 3], landmarks float [468, 2] in crop pixels; a seed fixes the result.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from explain.regions import REGIONS, partition
from training.blending import (
    Mask,
    blend,
    displaced,
    grown,
    hull,
    match_colours,
    poisson,
    slightly_changed,
    soften,
    transposed_convolution,
    warp,
)

SWAPPED_REGIONS = ("left_eye", "right_eye", "nose", "mouth")
TRANSPLANTED = (*SWAPPED_REGIONS, "left_cheek", "right_cheek", "forehead", "jaw")
# Grey levels, smoothed: what two compressions of one frame differ by (half of it is none of a forgery's doing), and
# more than that around the face, where a swap leaves the frame as it was.
LEAST_DIFFERENCE, SAME_FRAME = 5.0, 12.0
LEAST_DIFFERING = 0.2  # of a transplant: what is all but its original is no example of a forgery
LEAST_CHANGE = 2  # grey levels; a forgery that nowhere changes more is no example of one


@dataclass(frozen=True)
class Forgery:
    """pixels: uint8 [256, 256, 3]. mask: float32 [256, 256] in 0..1, the share of foreign content in each pixel; where
    it is 0, the pixels are the original's. own: the foreign content is the picture's own, one of the two a little
    changed (where it is the picture, outside the mask, too), so that only the seam gives it away. differs: where the
    foreign content is not what it replaced, where that is known."""

    pixels: np.ndarray
    mask: Mask
    own: bool = False
    differs: Mask | None = None

    @property
    def evident(self) -> Mask:
        """Where there is something to be seen, 0..1: the foreign content, or the seam where the content is its own."""
        if self.own:
            return self.boundary
        return self.mask if self.differs is None else self.mask * self.differs

    @property
    def boundary(self) -> Mask:
        """4 m (1 - m): 1 where both contents weigh the same (Li et al., "Face X-ray", 2020, eq. 2)."""
        return (4 * self.mask * (1 - self.mask)).astype(np.float32)


def self_blended(crop: np.ndarray, landmarks: np.ndarray, random: np.random.Generator) -> Forgery:
    """The face blended into its own photo after a small change of one of the two (arXiv 2204.08376, section 3)."""
    mask = soften(hull(landmarks, random), random)
    mask = mask * np.float32(random.choice([0.25, 0.5, 0.75, 1.0, 1.0, 1.0]))
    for _ in range(4):  # now and then the drawn change is one that rounds to nothing
        source, target = crop, crop
        if random.random() < 0.5:
            source = slightly_changed(crop, random)
        else:
            target = slightly_changed(crop, random)
        source = displaced(source, random)
        forged = blend(source, target, mask)
        if _changes(forged, target):
            break
    return Forgery(forged, mask, own=True)


def region_swap(
    crop: np.ndarray,
    landmarks: np.ndarray,
    donor: np.ndarray,
    donor_landmarks: np.ndarray,
    region: str,
    random: np.random.Generator,
) -> Forgery:
    """One region of `explain.regions` replaced by the donor's. Raises ValueError for an unknown or invisible region."""
    if region not in REGIONS:
        raise ValueError(f"expected one of {', '.join(REGIONS)}, received {region!r}")
    inside = partition(landmarks) == REGIONS.index(region)
    if not inside.any():
        raise ValueError(f"{region} is not visible on this face")
    return _swap(crop, landmarks, donor, donor_landmarks, grown(inside, random), random)


def face_swap(
    crop: np.ndarray,
    landmarks: np.ndarray,
    donor: np.ndarray,
    donor_landmarks: np.ndarray,
    random: np.random.Generator,
) -> Forgery:
    """The inner face replaced by the donor's."""
    mask = soften(hull(landmarks, random), random)
    return _swap(crop, landmarks, donor, donor_landmarks, mask, random)


def transplant(
    original: np.ndarray, fake: np.ndarray, landmarks: np.ndarray, random: np.random.Generator
) -> Forgery | None:
    """A part of a deepfake in the frame it was made from: a region, or a random hull of landmarks.

    original, fake: uint8 [256, 256, 3], aligned pixel for pixel; landmarks: the fake's. None where the two hardly
    differ in that part, or differ outside the face: then they are not one frame.
    """
    difference = differing(fake, original)
    labels = partition(landmarks)
    seen = [name for name in TRANSPLANTED if (labels == REGIONS.index(name)).any()]
    if seen and random.random() < 0.6:
        mask = grown(labels == REGIONS.index(str(random.choice(seen))), random)
    else:
        mask = soften(hull(landmarks, random), random)
    if float((difference * mask).sum()) < LEAST_DIFFERING * float(mask.sum()):
        return None
    return Forgery(blend(fake, original, mask), mask, differs=difference)


def differing(fake: np.ndarray, original: np.ndarray) -> Mask:
    """Where a deepfake differs from its original, float32 [256, 256] in 0..1, smoothed over a few pixels.

    All 0 where they differ by less than compression does, and where they differ all around the face, too: then they
    are not the same frame, and a difference says nothing.
    """
    levels = cv2.absdiff(fake, original).max(axis=2).astype(np.float32)
    smooth = cv2.GaussianBlur(levels, (0, 0), 5)
    rim = np.concatenate([smooth[:8].ravel(), smooth[-8:].ravel(), smooth[:, :8].ravel(), smooth[:, -8:].ravel()])
    around = float(np.median(rim))
    if around > SAME_FRAME:
        return np.zeros(levels.shape, np.float32)
    return np.clip((smooth - around - LEAST_DIFFERENCE) / LEAST_DIFFERENCE, 0, 1).astype(np.float32)


def resynthesised(crop: np.ndarray, landmarks: np.ndarray, random: np.random.Generator) -> Forgery:
    """The face reduced by 2 or 4 and enlarged again with a kernel that leaves a grid, as generators do."""
    factor = int(random.choice([2, 4]))
    side = crop.shape[0]
    small = cv2.resize(crop, (side // factor, side // factor), interpolation=cv2.INTER_AREA)
    if random.random() < 0.3:
        rebuilt = cv2.resize(small, (side, side), interpolation=cv2.INTER_NEAREST)
    else:
        rebuilt = transposed_convolution(small, factor, random)
    mask = soften(hull(landmarks, random), random)
    return Forgery(blend(rebuilt, crop, mask), mask)


def similar(landmarks: np.ndarray, pool: np.ndarray, random: np.random.Generator, among: int = 40) -> int:
    """Index of a face in `pool` [n, 468, 2] like `landmarks`: the nearest of `among` drawn ones other than itself."""
    drawn = random.choice(len(pool), size=min(among, len(pool)), replace=False)
    distances = np.linalg.norm(pool[drawn] - landmarks, axis=2).mean(axis=1)
    distances[distances < 1e-6] = np.inf
    return int(drawn[int(np.argmin(distances))])


def forge(
    crop: np.ndarray,
    landmarks: np.ndarray,
    donor: np.ndarray,
    donor_landmarks: np.ndarray,
    random: np.random.Generator,
) -> Forgery:
    """One forgery of a random kind; nearly half of them are self-blended."""
    kind = random.random()
    if kind < 0.45:
        return self_blended(crop, landmarks, random)
    if kind < 0.77:
        labels = partition(landmarks)
        seen = [name for name in SWAPPED_REGIONS if (labels == REGIONS.index(name)).any()]
        if seen:
            return region_swap(crop, landmarks, donor, donor_landmarks, str(random.choice(seen)), random)
    if kind < 0.92:
        return face_swap(crop, landmarks, donor, donor_landmarks, random)
    return resynthesised(crop, landmarks, random)


def _changes(forged: np.ndarray, original: np.ndarray) -> bool:
    return int(cv2.absdiff(forged, original).max()) > LEAST_CHANGE


def _swap(
    crop: np.ndarray,
    landmarks: np.ndarray,
    donor: np.ndarray,
    donor_landmarks: np.ndarray,
    mask: Mask,
    random: np.random.Generator,
) -> Forgery:
    """The donor, warped onto the crop's landmarks and colour-matched under the mask, blended in."""
    warped = warp(donor, donor_landmarks, landmarks)
    inside = mask > 0.5
    if random.random() < 0.8:
        warped = match_colours(warped, crop, inside)
    if random.random() < 0.3:
        warped = poisson(warped, crop, mask)
    return Forgery(blend(warped, crop, mask), mask)
