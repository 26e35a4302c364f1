"""The app's icon, `icon.png`: a face under the page's slider, plain on one side and under its map on the other.

`python -m deepdect.ui.icon` draws the file anew.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

FILE = Path(__file__).with_name("icon.png")
SIZE = 512
FINE = 4  # drawn so many times larger, for smooth edges

GROUND, PLAIN, MAP, INK = (15, 23, 42), (226, 232, 240), (240, 120, 40), (15, 23, 42)


def draw(size: int = SIZE) -> Image.Image:
    """The icon, RGB and square; it fills its square, because phones cut their own shape out of it."""
    unit = size * FINE / 100
    image = Image.new("RGB", (size * FINE, size * FINE), GROUND)
    pen = ImageDraw.Draw(image)

    def box(left: float, top: float, right: float, bottom: float) -> list[float]:
        return [left * unit, top * unit, right * unit, bottom * unit]

    face = Image.new("L", image.size, 0)
    ImageDraw.Draw(face).ellipse(box(26, 16, 74, 84), fill=255)
    halves = Image.new("RGB", image.size, PLAIN)
    ImageDraw.Draw(halves).rectangle(box(50, 0, 100, 100), fill=MAP)
    image.paste(halves, mask=face)
    for middle in (39, 61):
        pen.ellipse(box(middle - 3.6, 40, middle + 3.6, 47.2), fill=INK)
    pen.arc(box(38, 50, 62, 69), 25, 155, fill=INK, width=round(3 * unit))
    pen.rectangle(box(49, 9, 51, 91), fill="white")  # the slider
    return image.resize((size, size), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    draw().save(FILE, optimize=True)
