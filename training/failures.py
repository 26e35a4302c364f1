"""What the model makes of hard pictures of our own making: `python -m training.failures` draws models/failures.png.

One public-domain portrait (Eileen Collins, NASA, from scikit-image), unedited, edited, and spoilt in ways that pictures
on the internet are. A sheet to look at, not a measurement: it has one face. Prints the same as a table.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont

from deepdect import Detector, faces, weights
from training import covered, pseudo_fakes
from training.breakdown import markdown
from training.example_pictures import alter, portrait
from training.inputs import check_output, chosen_runtime, command
from training.robustness import blur, jpeg, noise, reduced

SIDE, CAPTION, COLUMNS = 200, 44, 4  # pixels, pixels, pictures a row
Picture = np.ndarray  # uint8 RGB [h, w, 3]
Judged = dict[str, tuple[Picture, bool, str, float | None]]


def mouth_swapped(photo: Picture) -> Picture:
    """Her mouth replaced by its own mirror image, seam and all."""
    return _on_crop(photo, lambda crop, points, random: pseudo_fakes.region_swap(
        crop, points, crop[:, ::-1], points * [-1, 1] + [255, 0], "mouth", random
    ))  # fmt: skip


def resynthesised(photo: Picture) -> Picture:
    """Her face rebuilt from a smaller one, with the grid that generators' up-sampling leaves."""
    return _on_crop(photo, pseudo_fakes.resynthesised)


def upside_down(photo: Picture) -> Picture:
    """Turned by 180 degrees."""
    return np.ascontiguousarray(photo[::-1, ::-1])


def _spoilt(change: Callable[[Picture, np.random.Generator], Picture]) -> Callable[[Picture], Picture]:
    return lambda photo: change(photo, np.random.default_rng(0))


def _with_landmarks(change: Callable[[Picture, np.ndarray], Picture]) -> Callable[[Picture], Picture]:
    return lambda photo: change(photo, faces.find(photo)[0].landmarks)


# Name -> (whether it shows a forgery, how it is made of the portrait).
PICTURES: dict[str, tuple[bool, Callable[[Picture], Picture]]] = {
    "unedited": (False, lambda photo: photo),
    "JPEG at quality 10": (False, _spoilt(jpeg(10))),
    "blurred": (False, _spoilt(blur(3))),
    "a quarter of its size": (False, _spoilt(reduced(0.25))),
    "noisy": (False, _spoilt(noise(0.1))),
    "upside down": (False, upside_down),
    "behind a mask": (False, _with_landmarks(covered.masked)),
    "sunglasses": (False, _with_landmarks(covered.sunglasses)),
    "painted by a filter": (False, _with_landmarks(covered.painted)),
    "face altered": (True, alter),
    "mouth replaced": (True, mouth_swapped),
    "face resynthesised": (True, resynthesised),
}


def judged(detector: Detector) -> Judged:
    """Name -> picture, whether it is a forgery, verdict ("no face" where there is none) and fake probability."""
    photo, found = portrait(), Judged()
    for name, (forged, make) in PICTURES.items():
        picture = make(photo)
        analysis = detector.analyze(picture)
        found[name] = (picture, forged, analysis.verdict or "no face", analysis.fake_probability)
    return found


def sheet(found: Judged) -> Image.Image:
    """The pictures side by side, each over its name, what it is, and what the model said."""
    rows = -(-len(found) // COLUMNS)
    image = Image.new("RGB", (COLUMNS * SIDE, rows * (SIDE + CAPTION)), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    for place, (name, (picture, forged, verdict, probability)) in enumerate(found.items()):
        x, y = place % COLUMNS * SIDE, place // COLUMNS * (SIDE + CAPTION)
        scaled = cv2.resize(picture, (SIDE - 4, SIDE - 4), interpolation=cv2.INTER_AREA)
        image.paste(Image.fromarray(scaled), (x + 2, y + 2))
        said = verdict if probability is None else f"{verdict}, {probability:.2f}"
        draw.text((x + 6, y + SIDE + 2), f"{name} ({'forged' if forged else 'real'})", fill="black", font=font)
        draw.text((x + 6, y + SIDE + 21), said, fill=(90, 60, 0) if verdict == "inconclusive" else "black", font=font)
    return image


def _on_crop(photo: Picture, forge: Callable[..., pseudo_fakes.Forgery]) -> Picture:
    """The photo's aligned crop, forged; the same seed every time."""
    face = faces.find(photo)[0]
    crop = faces.crop(photo, face)
    return forge(crop.pixels, crop.to_crop(face.landmarks), np.random.default_rng(0)).pixels


def main(
    output: Annotated[Path, typer.Option(help="PNG file to write.")] = weights.FOLDER / "failures.png",
) -> None:
    """Judge the pictures, print the table and draw the sheet."""
    check_output("--output", output)
    found = judged(Detector(chosen_runtime(None)))
    rows = [
        [name, "forged" if forged else "real", verdict, "–" if probability is None else f"{probability:.2f}"]
        for name, (_, forged, verdict, probability) in found.items()
    ]
    print(markdown(["picture", "is", "verdict", "fake probability"], rows))
    sheet(found).quantize(128).save(output, optimize=True)


if __name__ == "__main__":
    command(main)
