"""What page and report draw: a face's surroundings with and without its map, the photo with its faces numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deepdect import FaceAnalysis
from explain import overlay

WINDOW_CROPS = 1.5  # a face is shown with this many crop sides around it
WINDOW_PIXELS = (512, 800)  # longer side: smaller windows are enlarged for a smooth map, larger ones reduced
NUMBERED_PIXELS = 1280

# The overlay's blue and orange, and its grey for neither.
COLOURS = {"real": (45, 120, 215), "deepfake": (240, 120, 40), "inconclusive": (150, 155, 162)}


@dataclass(frozen=True)
class Window:
    """A part of a photo, scaled: photo pixel (x, y) lies at ((x + 0.5 - left) * scale - 0.5, ...) of `pixels`."""

    pixels: np.ndarray
    left: int
    top: int
    scale: float

    def place(self, placement: overlay.CropPlacement) -> overlay.CropPlacement:
        """A place on the photo as a place on the window."""
        x = (placement.x + 0.5 - self.left) * self.scale - 0.5
        y = (placement.y + 0.5 - self.top) * self.scale - 0.5
        return overlay.CropPlacement(x, y, placement.size * self.scale, placement.angle)


def window(photo: np.ndarray, placement: overlay.CropPlacement) -> Window:
    """The square around a crop, pushed inside the photo and no larger than it. photo: uint8 RGB [h, w, 3]."""
    side = placement.size * WINDOW_CROPS
    centre = placement.corners().mean(axis=0)
    start, stop = [], []
    for middle, length in zip(centre, photo.shape[1::-1], strict=True):
        extent = min(max(round(side), 1), length)
        first = int(np.clip(round(middle - extent / 2), 0, length - extent))
        start.append(first)
        stop.append(first + extent)
    part = Image.fromarray(photo[start[1] : stop[1], start[0] : stop[0]])
    scale = float(np.clip(1, WINDOW_PIXELS[0] / max(part.size), WINDOW_PIXELS[1] / max(part.size)))
    return Window(np.asarray(_resize(part, scale)), start[0], start[1], scale)


def before_after(photo: np.ndarray, face: FaceAnalysis) -> tuple[np.ndarray, np.ndarray]:
    """One face's window, uint8 RGB [h, w, 3], as it is and with the face's evidence over it."""
    shown = window(photo, face.placement)
    return shown.pixels, overlay.overlay_photo(
        shown.pixels, [(face.evidence, shown.place(face.placement))], outline=True
    )


def numbered(photo: np.ndarray, faces: Sequence[FaceAnalysis], chosen: int) -> np.ndarray:
    """The photo, uint8 RGB, at most NUMBERED_PIXELS long, its faces boxed and numbered from 1, the chosen one bold."""
    scale = min(1.0, NUMBERED_PIXELS / max(photo.shape[:2]))
    image = _resize(Image.fromarray(photo), scale)
    draw = ImageDraw.Draw(image)
    unit = max(image.size) / 400
    size = max(12.0, 17 * unit)
    font = ImageFont.load_default(size)
    for number in sorted(range(len(faces)), key=lambda index: index == chosen):  # the chosen one on top
        colour = COLOURS[faces[number].verdict]
        thick = max(2, round(unit * (2.6 if number == chosen else 1.3)))
        left, top, right, bottom = (value * scale for value in corners(faces[number]))
        left, top, right, bottom = left - thick, top - thick, right + thick, bottom + thick
        draw.rectangle(
            [left - 1, top - 1, right + 1, bottom + 1], outline=(20, 22, 26)
        )  # so that it shows on any photo
        draw.rectangle([left, top, right, bottom], outline=colour, width=thick)
        text = str(number + 1)
        height = size * 1.35
        width = max(height, draw.textlength(text, font) + size * 0.8)
        y = max(0.0, top - height)
        draw.rectangle([left, y, left + width, y + height], fill=colour)
        draw.text((left + width / 2, y + height / 2), text, fill=(16, 18, 22), font=font, anchor="mm")
    return np.asarray(image)


def face_at(faces: Sequence[FaceAnalysis], x: float, y: float) -> int | None:
    """The index of the face whose box is nearest to a photo pixel, None where that lies far from all."""
    best, found = np.inf, None
    for number, face in enumerate(faces):
        left, top, right, bottom = corners(face)
        outside = np.hypot(max(left - x, 0, x - right), max(top - y, 0, y - bottom))
        if outside <= 0.5 * max(right - left, bottom - top) and outside < best:
            best, found = outside, number
    return found


def corners(face: FaceAnalysis) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a face's box in photo pixels."""
    x, y, width, height = face.face.box
    return x, y, x + width, y + height


def _resize(image: Image.Image, scale: float) -> Image.Image:
    if scale == 1:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.LANCZOS)
