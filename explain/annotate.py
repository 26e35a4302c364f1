"""What is written over a photo beside the evidence map: the borders of the regions, and the faces' numbers."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

from explain.overlay import CropPlacement, Float32Array, UInt8Array, blend_placed, checked_rgb


def draw_regions(photo: UInt8Array, labels: ArrayLike, placement: CropPlacement) -> None:
    """Draw the borders between a face's regions, in place: light lines with a dark rim, seen on any ground.

    Args:
        photo: uint8 RGB [H, W, 3].
        labels: uint8 [s, s] from `explain.regions.partition`; about as many pixels as the crop has in the photo make
            the cleanest lines.
        placement: where the crop lies.

    Raises:
        ValueError: not a uint8 RGB picture, or labels that are not a square.
    """
    checked_rgb(photo, "photo")
    parts = np.asarray(labels)
    if parts.ndim != 2 or parts.shape[0] != parts.shape[1] or parts.size == 0:
        raise ValueError(f"expected labels [s, s], received shape {parts.shape}")
    border = np.zeros(parts.shape, np.float32)
    border[:, 1:] = parts[:, 1:] != parts[:, :-1]
    border[1:] = np.maximum(border[1:], parts[1:] != parts[:-1])
    per_pixel = parts.shape[0] / placement.size  # labels' pixels in one of the photo's
    width = max(1.0, placement.size / 400)  # of a line, in the photo's pixels
    line, rim = (_widened(border, times * width * per_pixel) for times in (1, 3))
    light, dark = 0.75 * line, 0.4 * rim
    alpha = light + dark * (1 - light)
    layer = np.dstack([255 * light] * 3 + [alpha]).astype(np.float32)
    blend_placed(photo, layer, placement)


def draw_number(photo: UInt8Array, number: int, placement: CropPlacement) -> None:
    """Write a face's number at the top left corner of its square, in place, as far inside the photo as it must be."""
    checked_rgb(photo, "photo")
    size = max(12.0, placement.size / 12)
    font, text = ImageFont.load_default(size), str(number)
    width, height = round(font.getlength(text) + size), round(1.5 * size)
    corner = placement.corners()[0]
    limit = np.array([photo.shape[1] - width, photo.shape[0] - height])
    x, y = np.clip(np.rint(corner).astype(int), 0, np.maximum(limit, 0)).tolist()
    part = photo[y : y + height, x : x + width]
    tag = Image.new("RGB", (width, height), (28, 30, 34))
    ImageDraw.Draw(tag).text((width / 2, height / 2), text, font=font, fill=(255, 255, 255), anchor="mm")
    part[:] = np.asarray(tag)[: part.shape[0], : part.shape[1]]


def _widened(line: Float32Array, pixels: float) -> Float32Array:
    """A one-pixel line made that wide, with a soft edge."""
    side = max(1, round(pixels))
    wide = cv2.dilate(line, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return np.asarray(cv2.GaussianBlur(wide, (3, 3), 0.6), np.float32)
