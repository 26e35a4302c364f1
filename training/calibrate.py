"""From raw logits on Validation to temperature, offset and the inconclusive band."""

from __future__ import annotations

import cv2
import numpy as np
from rich.progress import track

from deepdect.head import Head
from deepdect.runtime import Runtime
from deepdect.verdict import Calibration
from training.augment import recompress
from training.data import CropSet
from training.inputs import InputError
from training.metrics import sigmoid

# What a shared photo goes through: untouched; recompressed; reduced to half and recompressed hard.
TIERS: tuple[tuple[float, int | None], ...] = ((1.0, None), (1.0, 60), (0.5, 40))

RIGHT, FALSE_ALARMS = 0.95, 0.03  # what the band promises: `choose_band`
BATCH = 16
CLEARED_RIGHT = 0.9  # "real" says that nothing was found; it may be wrong more often than an accusation


def degraded(crops: CropSet, scale: float, quality: int | None) -> np.ndarray:
    """The crops uint8 [n, 256, 256, 3], reduced from their native side by `scale` and JPEG-compressed at `quality`."""
    if scale == 1 and quality is None:
        return np.asarray(crops.pixels)
    return np.stack(
        [_degrade(crop, int(side), scale, quality) for crop, side in zip(crops.pixels, crops.native, strict=True)]
    )


def resized(square: np.ndarray, scale: float) -> np.ndarray:
    """A square picture reduced by `scale`, to no less than 16 pixels a side."""
    side = max(16, round(square.shape[0] * scale))
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)


def _degrade(crop: np.ndarray, native: int, scale: float, quality: int | None) -> np.ndarray:
    small = resized(crop, native * scale / crop.shape[0])
    if quality is not None:
        small = recompress(small, quality)
    return cv2.resize(small, crop.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def raw_logits(backbone: Runtime, head: Head, pixels: np.ndarray, description: str) -> np.ndarray:
    """Raw logits [n] of crops uint8 [n, 256, 256, 3]. description: what the progress bar says."""
    starts = range(0, len(pixels), BATCH)
    parts = [head.logit(backbone.run(np.array(pixels[i : i + BATCH]))) for i in track(starts, description=description)]
    return np.concatenate(parts)


def fit_platt(raw: np.ndarray, labels: np.ndarray, steps: int = 50) -> tuple[float, float]:
    """(temperature, offset) that minimise the log loss of sigmoid(raw / temperature + offset) (Platt, 1999), by Newton.

    Raises InputError where higher logits do not mean fake more often: then there is nothing to calibrate.
    """
    design = np.stack([raw, np.ones_like(raw)], axis=1).astype(float)
    slope = np.zeros(2)
    for _ in range(steps):
        probability = 1 / (1 + np.exp(-np.clip(design @ slope, -60, 60)))
        gradient = design.T @ (probability - labels)
        hessian = (design * (probability * (1 - probability))[:, None]).T @ design + 1e-9 * np.eye(2)
        slope = slope - np.linalg.solve(hessian, gradient)
    if slope[0] <= 1e-6:
        raise InputError(
            f"the logits do not rise with the label (slope {slope[0]:.2g}): these weights cannot be calibrated"
        )
    return float(1 / slope[0]), float(slope[1])


def choose_band(
    probabilities: np.ndarray, labels: np.ndarray, sources: np.ndarray, right: float, false_alarms: float
) -> tuple[float, float]:
    """(low, high): the narrowest band outside which verdicts are right often enough.

    probabilities: [tiers, n]; labels and sources: [n]. high: the least threshold in .5 to .999 at which at least
    `right` of the accused are fake, and of the reals of no source in no tier more than `false_alarms` are accused.
    low: the greatest in .001 to .5 at which at least `right` of all decided are right, and CLEARED_RIGHT of the cleared
    are real.
    Raises InputError where no threshold keeps these promises.
    """
    fake = labels > 0.5

    def accusation_holds(threshold: float) -> bool:
        accused = probabilities >= threshold
        reals = [accused[:, (sources == s) & ~fake] for s in np.unique(sources[~fake])]
        if max(float(of_source.mean(axis=1).max()) for of_source in reals) > false_alarms:
            return False
        return not accused.any() or _share(accused, fake) >= right

    def clearance_holds(threshold: float) -> bool:
        accused, cleared = probabilities >= high, probabilities <= threshold
        if not cleared.any():
            return True
        decided_right = (accused & fake).sum() + (cleared & ~fake).sum()
        return _share(cleared, ~fake) >= CLEARED_RIGHT and decided_right >= right * (accused | cleared).sum()

    # in thousandths: between two hundredths lies one in a hundred of the generated portraits
    high = next((t for t in np.arange(500, 1000) / 1000 if accusation_holds(t)), None)
    if high is None:
        raise InputError(
            f"no threshold up to .999 accuses at most {false_alarms:.0%} of every source's reals and is right "
            f"{right:.0%} of the time: these weights are too sure of what they get wrong"
        )
    low = next((t for t in np.arange(500, 0, -1) / 1000 if clearance_holds(t)), None)
    if low is None:
        raise InputError(
            f"no threshold from .001 up clears faces of which {CLEARED_RIGHT:.0%} are real, with {right:.0%} of all "
            "verdicts right: these weights are too sure of what they get wrong"
        )
    return float(low), float(high)


def _share(chosen: np.ndarray, wanted: np.ndarray) -> float:
    """Share of the chosen [tiers, n] that are wanted [n]."""
    return float((chosen & wanted).sum() / chosen.sum())


def calibrate(
    raw: np.ndarray, labels: np.ndarray, sources: np.ndarray, version: str, right: float, false_alarms: float
) -> Calibration:
    """The calibration from raw logits [tiers, n], labels [n] and sources [n]."""
    temperature, offset = fit_platt(raw.ravel(), np.tile(labels, len(raw)))
    probabilities = sigmoid(raw / temperature + offset)
    low, high = choose_band(probabilities, labels, sources, right, false_alarms)
    fitted_on = f"Validation, {raw.shape[1]} crops, clean and compressed ({len(raw)} tiers)"
    return Calibration(round(temperature, 5), round(offset, 5), low, high, version, fitted_on)
