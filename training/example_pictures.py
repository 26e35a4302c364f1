"""Makes the page's example pictures: `python -m training.example_pictures` (with scikit-image, for development).

The face is Eileen Collins's, in the public domain (NASA, from scikit-image). The altered picture is made of her own
face alone, it says so in the picture and in its metadata, and it imitates what face swaps leave behind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo
from skimage.data import astronaut

from deepdect import faces
from training.blending import transposed_convolution
from training.inputs import command

NOTICE = "altered by Deep Dect for demonstration"
EXAMPLES = Path(faces.__file__).parent / "ui" / "examples"
SOURCE = "Eileen Collins, NASA, public domain, from scikit-image"
GRID, SEED = 0.35, 1  # share of the enlarged copy; seed of its kernel
REGION = (112, 10, 352, 250)  # head and shoulders of the 512 x 512 photo: left, top, right, bottom


def portrait() -> np.ndarray:
    """Her head and shoulders, uint8 RGB [240, 240, 3]."""
    left, top, right, bottom = REGION
    return np.ascontiguousarray(astronaut()[top:bottom, left:right])


def alter(photo: np.ndarray) -> np.ndarray:
    """The photo, uint8 RGB [h, w, 3], with its first face replaced by a warped, recoloured copy of itself.

    As in self-blended images (Shiohara and Yamasaki, 2022), source and target are the same face, here with stronger
    changes: larger eyes, a wider mouth, another size, place and colour, and faintly the grid that generators leave when
    they enlarge; blended along the face's outline.
    """
    face = faces.find(photo)[0]
    points = face.landmarks
    height, width = photo.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    x, y = columns.astype(float), rows.astype(float)
    for centre, radius, strength in (
        (points[[33, 133]].mean(axis=0), 0.20 * face.box[2], 0.35),
        (points[[263, 362]].mean(axis=0), 0.20 * face.box[2], 0.35),
        (points[[61, 291]].mean(axis=0), 0.32 * face.box[2], 0.30),
    ):
        dx, dy = x - centre[0], y - centre[1]
        pull = strength * np.exp(-(dx**2 + dy**2) / (2 * (radius / 1.5) ** 2))
        x, y = x - dx * pull, y - dy * pull
    middle = points.mean(axis=0)
    x, y = middle[0] + (x - middle[0]) / 1.04 - 1.5, middle[1] + (y - middle[1]) / 1.04 + 1.0
    source = cv2.remap(photo, x.astype(np.float32), y.astype(np.float32), cv2.INTER_CUBIC)
    source = cv2.GaussianBlur(source * np.array([0.94, 1.0, 1.08]) + np.array([-4, 0, 6]), (0, 0), 0.7)
    source = np.clip(source, 0, 255).astype(np.uint8)
    small = cv2.resize(source, (-(-width // 2), -(-height // 2)), interpolation=cv2.INTER_AREA)
    enlarged = transposed_convolution(small, 2, np.random.default_rng(SEED))[:height, :width]
    source = cv2.addWeighted(source, 1 - GRID, enlarged, GRID, 0)

    outline = np.zeros((height, width))
    cv2.fillConvexPoly(outline, cv2.convexHull(points.astype(np.int32)), 1.0)
    mask = cv2.GaussianBlur(outline, (0, 0), 0.02 * face.box[2])[:, :, None]
    return np.rint(np.clip(photo * (1 - mask) + source * mask, 0, 255)).astype(np.uint8)


def label(photo: np.ndarray) -> Image.Image:
    """The photo with NOTICE in a strip across its lower edge."""
    image = Image.fromarray(photo)
    size = min(image.size) / 20
    font = ImageFont.load_default(size)
    strip = round(size * 1.7)
    draw = ImageDraw.Draw(image)
    draw.rectangle([0, image.height - strip, image.width, image.height], fill=(20, 22, 26))
    draw.text((image.width / 2, image.height - strip / 2), NOTICE, fill="white", font=font, anchor="mm")
    return image


def save(image: Image.Image, path: Path, description: str) -> None:
    metadata = PngInfo()
    metadata.add_text("Description", description)
    image.save(path, optimize=True, pnginfo=metadata)


def main(
    output: Annotated[Path, typer.Option(help="Folder to write to; by default where the page has them.")] = EXAMPLES,
) -> None:
    """Write both pictures, `real.png` and `altered.png`."""
    photo = portrait()
    save(Image.fromarray(photo), output / "real.png", SOURCE)
    save(label(alter(photo)), output / "altered.png", f"{NOTICE}; {SOURCE}")


if __name__ == "__main__":
    command(main)
