"""Look at the pseudo-fakes: `python -m training.contact_sheet DATA_FOLDER --output runs/sheet.png`.

One row a face: the original, then of each kind the forgery and its mask.
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
from training.data import load_crops
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


def row(crops: np.ndarray, landmarks: np.ndarray, index: int, random: np.random.Generator) -> np.ndarray:
    """uint8 [SIDE, (1 + 2 * kinds) * SIDE, 3] of the `index`-th of crops [n, 256, 256, 3]."""
    crop, points = np.asarray(crops[index]), landmarks[index]
    other = pseudo_fakes.similar(points, landmarks, random)
    shown = [crop]
    for make in KINDS.values():
        forgery = make(crop, points, np.asarray(crops[other]), landmarks[other], random)
        shown += [forgery.pixels, np.repeat((255 * forgery.mask).astype(np.uint8)[..., None], 3, axis=2)]
    return np.hstack([cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in shown])


def main(
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    output: Annotated[Path, typer.Option(help="PNG file to write.")] = Path("runs/sheet.png"),
    split: Annotated[str, typer.Option(help="Train, Validation or Test.")] = "Validation",
    rows: Annotated[int, typer.Option(min=1, help="Faces.")] = 8,
    cache: Annotated[Path, typer.Option(help="Where the aligned crops are kept.")] = Path("runs/crops"),
    seed: Annotated[int, typer.Option(help="Which faces, and which forgeries.")] = 0,
) -> None:
    """Write a sheet of real faces and what is made of them."""
    crops = load_crops(data, split, cache)
    landmarks = load_landmarks(crops, cache, split)
    random = np.random.default_rng(seed)
    chosen = random.choice(np.flatnonzero(crops.labels < 0.5), size=rows, replace=False)
    sheet = np.vstack([row(crops.pixels, landmarks, int(index), random) for index in chosen])
    Image.fromarray(sheet).save(output)
    print(f"{output}: columns original, then forgery and mask of {', '.join(KINDS)}")


if __name__ == "__main__":
    typer.run(main)
