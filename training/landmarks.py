"""Face-mesh landmarks of cached crops, fitted once and kept beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.progress import track

from deepdect import mesh
from deepdect.faces import CROP, CROP_MARGIN
from training.data import CropSet
from training.inputs import InputError

# Less than serving's square: a crop has no surroundings, and a wide black frame would draw the mesh inwards.
SQUARE = 1.25


def fit_landmarks(crop: np.ndarray) -> np.ndarray:
    """Landmarks float32 [468, 2] in the pixels of an aligned crop uint8 [256, 256, 3]."""
    middle = np.full(2, (CROP - 1) / 2)
    points, _ = mesh.face_mesh().fit(crop, middle, CROP / CROP_MARGIN * SQUARE, 0.0)
    return points.astype(np.float32)


def load_landmarks(crops: CropSet, cache: Path, split: str) -> np.ndarray:
    """Landmarks float32 [n, 468, 2] of a split's crops, from the cache or else fitted now.

    Raises InputError where the cached ones belong to another number of crops.
    """
    file = cache / f"{split}-landmarks.npy"
    if not file.is_file():
        fitted = [fit_landmarks(np.asarray(crop)) for crop in track(crops.pixels, description=f"landmarks of {split}")]
        np.save(file, np.stack(fitted))
    landmarks: np.ndarray = np.load(file)
    if len(landmarks) != len(crops.items):
        raise InputError(
            f"{file} holds {len(landmarks)} faces, {split} has {len(crops.items)}: delete it and run again"
        )
    return landmarks
