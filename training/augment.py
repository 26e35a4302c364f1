"""Random changes that photos go through on their way to us, the same for real and fake: geometry, light, the internet.

Every function takes and returns uint8 RGB and draws from the given generator, so a seed fixes the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from deepdect.faces import NATIVE_CAP


@dataclass(frozen=True)
class Augmentation:
    """Strengths. Probabilities are per image; `paper_only` keeps the geometry (flip, zoom, rotation and a small
    shift) and drops light, resolution, noise and compression."""

    move: float = 1.0  # probability of rotation, zoom and shift; each warp blurs, so some pictures should go without
    rotation: float = 12.0  # degrees either way
    zoom: float = 0.12  # share either way
    window: float = 1.0  # least share of the side that is shown; below 1, sizes under 256 see serving's scale too
    shift: float = 0.04  # share of the side either way
    resample: float = 0.5  # probability of a lower native resolution
    smallest: int = 64  # pixels a side
    colour: float = 0.6
    grey: float = 0.04
    blur: float = 0.2
    noise: float = 0.2
    compress: float = 0.6
    quality: tuple[int, int] = (30, 100)
    erase: float = 0.1
    hide: float = 0.0  # probability that a region is hidden as verification hides it (training/hiding.py)
    paper_only: bool = False


def augment(
    crop: np.ndarray, native: int, size: int, settings: Augmentation, random: np.random.Generator
) -> np.ndarray:
    """A crop [256, 256, 3] sampled at `native` pixels a side -> a varied one [size, size, 3]."""
    return scaled(vary(crop, native, settings, random)[0], size)


def vary(
    crop: np.ndarray,
    native: int,
    settings: Augmentation,
    random: np.random.Generator,
    planes: Sequence[np.ndarray] = (),
) -> tuple[np.ndarray, list[np.ndarray]]:
    """A crop [256, 256, 3] sampled at `native` pixels a side -> a varied square, and `planes` that moved along with it.

    The order is that of a real photo's life: geometry and light, then resolution, blur, sensor noise, compression,
    enlargement. A picture is taken to its native side and back only where something happens to it there: every
    resampling costs detail, and serving has none to spare for a network trained on blurred pictures.

    planes: [256, 256] each, labels (uint8, not interpolated) or masks (float32).
    """
    pictures = [crop, *planes]
    if random.random() < 0.5:
        pictures = [picture[:, ::-1] for picture in pictures]
    native = min(native, NATIVE_CAP)
    if settings.window < 1:
        pictures, native = _look_closer(pictures, native, settings.window, random)
    if random.random() < settings.move:
        pictures = _move(pictures, settings, random)
    crop, *moved = pictures
    if not settings.paper_only:
        if random.random() < settings.colour:
            crop = _relight(crop, random)
        if random.random() < settings.grey:
            crop = np.repeat(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
        crop = _degrade(crop, native, settings, random)
        if random.random() < settings.erase:
            crop = _erase(crop, random)
    return crop, moved


def scaled(crop: np.ndarray, size: int) -> np.ndarray:
    """The square at another size: [size, size, ...]."""
    reduce = crop.shape[0] > size
    return cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA if reduce else cv2.INTER_CUBIC)


def _degrade(crop: np.ndarray, native: int, settings: Augmentation, random: np.random.Generator) -> np.ndarray:
    """Fewer pixels, blur, noise and compression at the native side; the crop itself where none of them is drawn."""
    resampled, blurred, noisy, compressed = random.random(4) < [
        settings.resample if native > settings.smallest else 0.0,
        settings.blur,
        settings.noise,
        settings.compress,
    ]
    if not (resampled or blurred or noisy or compressed):
        return crop
    side = int(random.integers(settings.smallest, native + 1)) if resampled else native
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    if blurred:
        small = cv2.GaussianBlur(small, (0, 0), float(random.uniform(0.3, 1.4)) * side / NATIVE_CAP + 0.1)
    if noisy:
        grain = np.asarray(random.normal(0, random.uniform(1, 9), small.shape), np.float32)
        small = np.asarray(np.clip(small + grain, 0, 255), np.uint8)
    if compressed:
        quality = int(random.integers(settings.quality[0], settings.quality[1] + 1))
        small = recompress(small, quality, ".webp" if random.random() < 0.125 else ".jpg")
    # by way of serving's size, so that a smaller training size sees the same picture scaled down
    enlarge = (cv2.INTER_CUBIC, cv2.INTER_CUBIC, cv2.INTER_LINEAR)[int(random.integers(3))]
    return cv2.resize(small, crop.shape[1::-1], interpolation=enlarge)


def _look_closer(
    pictures: Sequence[np.ndarray], native: int, least: float, random: np.random.Generator
) -> tuple[list[np.ndarray], int]:
    """A random square window of the pictures and its native side.

    A network trained on such windows at a small size meets the scale it is served at (Touvron et al., "FixRes", 2019).
    """
    share = random.uniform(least, 1.0)
    whole = pictures[0].shape[0]
    side = int(whole * share)
    y, x = random.integers(0, whole - side + 1, 2)
    return [picture[y : y + side, x : x + side] for picture in pictures], max(16, int(native * share))


def _move(pictures: Sequence[np.ndarray], settings: Augmentation, random: np.random.Generator) -> list[np.ndarray]:
    """Rotate, zoom and shift; what comes in from outside repeats the edge, as around a real photo's border."""
    side = pictures[0].shape[0]
    middle = (side - 1) / 2
    zoom = 1 + random.uniform(-settings.zoom, settings.zoom)
    affine = cv2.getRotationMatrix2D((middle, middle), random.uniform(-settings.rotation, settings.rotation), zoom)
    affine[:, 2] += random.uniform(-settings.shift, settings.shift, 2) * side

    def moved(picture: np.ndarray) -> np.ndarray:
        if picture.ndim == 3:
            how = cv2.INTER_CUBIC
        else:
            how = cv2.INTER_NEAREST if picture.dtype == np.uint8 else cv2.INTER_LINEAR
        return cv2.warpAffine(picture, affine, (side, side), flags=how, borderMode=cv2.BORDER_REPLICATE)

    return [moved(picture) for picture in pictures]


def _relight(crop: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Gamma, exposure, contrast, saturation and a colour cast."""
    ramp = np.linspace(0, 1, 256) ** random.uniform(0.6, 1.6)
    ramp = (ramp - 0.5) * random.uniform(0.75, 1.25) + 0.5 + random.uniform(-0.1, 0.1)
    casts = random.uniform(0.92, 1.08, 3)
    table = np.clip(ramp[:, None] * casts * 255, 0, 255).astype(np.uint8)
    lit = np.stack([table[crop[..., channel], channel] for channel in range(3)], axis=-1)
    grey = cv2.cvtColor(lit, cv2.COLOR_RGB2GRAY)[..., None]
    keep = float(random.uniform(0.5, 1.3))
    return cv2.addWeighted(lit, keep, np.repeat(grey, 3, axis=2), 1 - keep, 0)


def recompress(rgb: np.ndarray, quality: int, kind: str = ".jpg") -> np.ndarray:
    """uint8 RGB through JPEG (`.jpg`) or WebP (`.webp`) at quality 1..100 and back."""
    flag = cv2.IMWRITE_WEBP_QUALITY if kind == ".webp" else cv2.IMWRITE_JPEG_QUALITY
    _, encoded = cv2.imencode(kind, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [flag, quality])
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None  # it was encoded a line above
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


def _erase(crop: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Hide a rectangle of 5 to 20 % of the crop behind its mean colour (Zhong et al., "Random Erasing", 2017)."""
    side = crop.shape[0]
    area, aspect = random.uniform(0.05, 0.2), random.uniform(0.5, 2.0)
    height, width = int(side * np.sqrt(area * aspect)), int(side * np.sqrt(area / aspect))
    y, x = random.integers(0, side - height + 1), random.integers(0, side - width + 1)
    crop = crop.copy()
    crop[y : y + height, x : x + width] = crop.mean(axis=(0, 1))
    return crop
