"""Look at the pseudo-fakes: `python -m training.contact_sheet DATA_FOLDER --output runs/sheet.png`.

One row a face: the original, then of each kind the forgery and its mask; where a deepfake of the very frame is known,
last a part of it in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from PIL import Image

from training import pseudo_fakes
from training.data import load_crops, load_twins
from training.forger import Forger
from training.inputs import InputError, command
from training.items import Split
from training.landmarks import load_landmarks

SIDE = 160  # pixels a picture
Make = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.random.Generator], pseudo_fakes.Forgery]
KINDS: dict[str, Make] = {
    "self-blended": lambda crop, points, _donor, _donor_points, random: pseudo_fakes.self_blended(crop, points, random),
    "face swap": pseudo_fakes.face_swap,
    "mouth swap": lambda crop, points, donor, donor_points, random: pseudo_fakes.region_swap(
        crop, points, donor, donor_points, "mouth", random
    ),
    "eye swap": lambda crop, points, donor, donor_points, random: pseudo_fakes.region_swap(
        crop, points, donor, donor_points, "left_eye", random
    ),
    "resynthesised": lambda crop, points, _donor, _donor_points, random: pseudo_fakes.resynthesised(
        crop, points, random
    ),
}


def row(forger: Forger, index: int, random: np.random.Generator) -> np.ndarray:
    """uint8 [SIDE, (3 + 2 * kinds) * SIDE, 3] of the `index`-th crop; last a part of its deepfake, or black."""
    crops, landmarks = forger.crops.pixels, forger.landmarks
    crop, points = np.asarray(crops[index]), landmarks[index]
    other = pseudo_fakes.similar(points, landmarks, random)
    made = [make(crop, points, np.asarray(crops[other]), landmarks[other], random) for make in KINDS.values()]
    nothing = pseudo_fakes.Forgery(np.zeros_like(crop), np.zeros(crop.shape[:2], np.float32))
    shown = [crop]
    for forgery in (*made, forger.transplant(index, random) or nothing):
        shown += [forgery.pixels, np.repeat((255 * forgery.mask).astype(np.uint8)[..., None], 3, axis=2)]
    return np.hstack([cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in shown])


def main(
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    output: Annotated[Path, typer.Option(help="PNG file to write.")] = Path("runs/sheet.png"),
    split: Annotated[Split, typer.Option(help="Whose faces.")] = "Validation",
    rows: Annotated[int, typer.Option(min=1, help="Faces.")] = 8,
    cache: Annotated[Path, typer.Option(help="Where the aligned crops are kept.")] = Path("runs/crops"),
    seed: Annotated[int, typer.Option(help="Which faces, and which forgeries.")] = 0,
) -> None:
    """Write a sheet of real faces and what is made of them."""
    crops = load_crops(data, split, cache)
    reals = np.flatnonzero(crops.labels < 0.5)
    if len(reals) < rows:
        raise InputError(f"--rows {rows}: {data}, {split}, has {len(reals)} real faces")
    forger = Forger(crops, load_landmarks(crops, cache, split), 1.0, load_twins(data, crops, cache, split))
    random = np.random.default_rng(seed)
    chosen = random.choice(reals, size=rows, replace=False)
    sheet = np.vstack([row(forger, int(index), random) for index in chosen])
    output.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(output)
    print(f"{output}: columns original, then forgery and mask of {', '.join(KINDS)}, transplant")


if __name__ == "__main__":
    command(main)
