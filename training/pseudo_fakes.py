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
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from explain.regions import REGIONS, partition

Mask = NDArray[np.float32]
SWAPPED_REGIONS = ("left_eye", "right_eye", "nose", "mouth")
TRANSPLANTED = (*SWAPPED_REGIONS, "left_cheek", "right_cheek", "forehead", "jaw")
# Grey levels, smoothed: what two compressions of one frame differ by (half of it is none of a forgery's doing), and
# more than that around the face, where a swap leaves the frame as it was.
LEAST_DIFFERENCE, SAME_FRAME = 5.0, 12.0
LEAST_DIFFERING = 0.2  # of a transplant: what is all but its original is no example of a forgery
LEAST_CHANGE = 2  # grey levels; a forgery that nowhere changes more is no example of one
# Landmarks of the 468-point mesh whose hulls bound the face below the brows, all of it, and its inner part.
_CHEEKS_AND_CHIN = (356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132)
_BROWS_DOWN = (*_CHEEKS_AND_CHIN, 93, 234, 127, 70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
_OVAL = (*_CHEEKS_AND_CHIN, 93, 234, 127, 162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389)
_INNER = (70, 107, 336, 300, 345, 411, 287, 18, 57, 187, 116)  # brows, cheekbones, lips


@dataclass(frozen=True)
class Forgery:
    """pixels: uint8 [256, 256, 3]. mask: float32 [256, 256] in 0..1, the share of foreign content in each pixel; where
    it is 0, the pixels are the original's. own: the foreign content is the picture's own, a little changed, so that
    only the seam gives it away. differs: where the foreign content is not what it replaced, where that is known."""

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
            source = _change(crop, random)
        else:
            target = _change(crop, random)
        source = _displace(source, random)
        forged = _blend(source, target, mask)
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
    grown = cv2.dilate(inside.astype(np.float32), np.ones((7, 7), np.uint8))
    mask = _feather(grown, float(random.uniform(2.0, 5.0)))
    return _swap(crop, landmarks, donor, donor_landmarks, mask, random)


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
        inside = (labels == REGIONS.index(str(random.choice(seen)))).astype(np.float32)
        mask = _feather(cv2.dilate(inside, np.ones((7, 7), np.uint8)), float(random.uniform(2.0, 5.0)))
    else:
        mask = soften(hull(landmarks, random), random)
    if float((difference * mask).sum()) < LEAST_DIFFERING * float(mask.sum()):
        return None
    return Forgery(_blend(fake, original, mask), mask, differs=difference)


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
        rebuilt = _transposed_convolution(small, factor, random)
    mask = soften(hull(landmarks, random), random)
    return Forgery(_blend(rebuilt, crop, mask), mask)


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
    return _feather(deformed, float(random.uniform(1.5, 9.0)))


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


def _feather(mask: NDArray[Any], sigma: float) -> Mask:
    blurred = cv2.GaussianBlur(mask, (0, 0), sigma)
    blurred[blurred < 1 / 255] = 0  # below a grey level: nothing there, and so it is said
    return (blurred / max(float(blurred.max()), 1e-6)).astype(np.float32)


def _blend(source: np.ndarray, target: np.ndarray, mask: Mask) -> np.ndarray:
    weight = mask[..., None]
    return np.rint(source * weight + target * (1 - weight)).astype(np.uint8)


def _changes(forged: np.ndarray, original: np.ndarray) -> bool:
    return int(cv2.absdiff(forged, original).max()) > LEAST_CHANGE


def _change(crop: np.ndarray, random: np.random.Generator) -> np.ndarray:
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


def _displace(crop: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Shifted by at most 3 % and scaled by 0.95 to 1.05 about the middle."""
    affine = np.asarray(cv2.getRotationMatrix2D((127.5, 127.5), 0, float(random.uniform(0.95, 1.05))), float)
    affine[:, 2] += random.uniform(-0.03, 0.03, 2) * 256
    return cv2.warpAffine(crop, affine, (256, 256), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _swap(
    crop: np.ndarray,
    landmarks: np.ndarray,
    donor: np.ndarray,
    donor_landmarks: np.ndarray,
    mask: Mask,
    random: np.random.Generator,
) -> Forgery:
    """The donor, warped onto the crop's landmarks and colour-matched under the mask, blended in."""
    warped = _warp(donor, donor_landmarks, landmarks)
    inside = mask > 0.5
    if random.random() < 0.8:
        warped = _match_colours(warped, crop, inside)
    if random.random() < 0.3:
        warped = _poisson(warped, crop, mask)
    return Forgery(_blend(warped, crop, mask), mask)


def _warp(donor: np.ndarray, donor_landmarks: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
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


def _match_colours(source: np.ndarray, target: np.ndarray, inside: NDArray[Any]) -> np.ndarray:
    """Mean and spread of `source` under the mask set to the target's, in Lab (Reinhard et al., 2001)."""
    lab = cv2.cvtColor(source, cv2.COLOR_RGB2LAB).astype(np.float32)
    wanted = cv2.cvtColor(target, cv2.COLOR_RGB2LAB).astype(np.float32)
    mean, spread = lab[inside].mean(axis=0), lab[inside].std(axis=0)
    wanted_mean, wanted_spread = wanted[inside].mean(axis=0), wanted[inside].std(axis=0)
    scale = np.clip(wanted_spread / np.maximum(spread, 1e-3), 0.5, 2.0)
    matched = np.clip((lab - mean) * scale + wanted_mean, 0, 255).astype(np.uint8)
    return cv2.cvtColor(matched, cv2.COLOR_LAB2RGB)


def _poisson(source: np.ndarray, target: np.ndarray, mask: Mask) -> np.ndarray:
    """`source` with its gradients kept and its border drawn to the target's."""
    region = ((mask > 0.1) * np.uint8(255)).astype(np.uint8)
    region[[0, -1]] = 0  # OpenCV wants a margin
    region[:, [0, -1]] = 0
    x, y, width, height = cv2.boundingRect(region)
    if width < 3 or height < 3:
        return source
    centre = (x + width // 2, y + height // 2)
    return cv2.seamlessClone(source, np.ascontiguousarray(target), region, centre, cv2.NORMAL_CLONE)


def _transposed_convolution(small: np.ndarray, factor: int, random: np.random.Generator) -> np.ndarray:
    """Zero-insertion and a random kernel whose size its stride does not divide: the overlaps make a grid."""
    side = small.shape[0] * factor
    spread = np.zeros((side, side, 3), np.float32)
    spread[::factor, ::factor] = small
    size = 2 * factor + 1
    bell = cv2.getGaussianKernel(size, factor * float(random.uniform(0.45, 0.7)))
    kernel = (bell @ bell.T) * random.uniform(0.9, 1.1, (size, size))
    kernel *= factor**2 / kernel.sum()
    rebuilt = cv2.filter2D(spread, -1, kernel.astype(np.float32), borderType=cv2.BORDER_REFLECT_101)
    return np.clip(np.rint(rebuilt), 0, 255).astype(np.uint8)
