"""Pictures of an evidence map: over the crop, placed back into the photo, and the legend that reads them.

The colours mean logits, on one scale that is the same for every face and every photo: orange-red argues for deepfake,
blue for real, no colour for neither. A map is never stretched to its own range, or an undecided face would glow like a
certain one. Blue against orange-red stays apart under the common colour-vision deficiencies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

from explain.gradcam import upsample

UInt8Array = NDArray[np.uint8]
Float32Array = NDArray[np.float32]

# Logits per cell of the 8x8 map at which the colour is full: a dozen such cells make a logit of about 3 (95 %).
SCALE_LOGITS = 0.25
# Opacity at full colour: below 1, so that the face stays recognisable under the strongest evidence.
MAX_ALPHA = 0.55
# From full "real" over no evidence to full "deepfake"; sRGB, interpolated in CIE Lab.
ANCHORS: tuple[tuple[float, tuple[int, int, int]], ...] = (
    (-1.0, (0, 60, 170)),
    (-0.5, (45, 120, 215)),
    (0.0, (190, 190, 190)),
    (0.5, (240, 120, 40)),
    (1.0, (215, 40, 0)),
)
# Steps of the colour table on either side of zero; zero itself has an entry of its own.
_STEPS = 512
# The map is sampled on this grid before it is warped into a photo; it has 8x8 cells, so more would add nothing.
_GRID = 256
# Width of the soft edge, as a fraction of the crop's side.
_FEATHER = 0.06
# Rows of the photo blended at a time, to keep the memory for a close-up in a large photo small.
_STRIP = 64


def _colour_table() -> UInt8Array:
    """[2 * _STEPS + 1, 3] sRGB, from -SCALE_LOGITS to +SCALE_LOGITS."""
    positions = [position for position, _ in ANCHORS]
    anchors = np.array([[rgb for _, rgb in ANCHORS]], dtype=np.float32) / 255
    lab = cv2.cvtColor(anchors, cv2.COLOR_RGB2Lab)[0]
    at = np.linspace(-1, 1, 2 * _STEPS + 1)
    table = np.stack([np.interp(at, positions, lab[:, channel]) for channel in range(3)], axis=1)
    rgb = cv2.cvtColor(table[None].astype(np.float32), cv2.COLOR_Lab2RGB)[0]
    return np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)


_COLOURS = _colour_table()


@dataclass(frozen=True)
class CropPlacement:
    """Where a crop was taken in its photo: a result's `crop`.

    A square of `size` photo pixels whose corner before turning is (x, y), turned by `angle` degrees about its centre,
    clockwise as seen on screen. With y pointing down, the point (u, v) of the crop, measured from its centre in photo
    pixels, lies at centre + [[cos, -sin], [sin, cos]] (u, v). Pixel centres have integer coordinates, as in
    `deepdect.faces`: the square of a whole n x n photo has x = y = -0.5. It may lie partly outside the photo.

    Raises:
        ValueError: a value that is not finite, or a size that is not above 0.
    """

    x: float
    y: float
    size: float
    angle: float

    def __post_init__(self) -> None:
        if not np.isfinite([self.x, self.y, self.size, self.angle]).all() or self.size <= 0:
            raise ValueError(f"expected a finite placement with a size above 0, received {self}")

    def to_photo(self) -> NDArray[np.float64]:
        """Affine [2, 3] from the unit square (crop's left to right, top to bottom: 0 to 1) to photo coordinates."""
        angle = np.deg2rad(self.angle)
        axes = self.size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        centre = np.array([self.x, self.y]) + self.size / 2
        return np.column_stack([axes, centre - axes @ [0.5, 0.5]])

    def corners(self) -> NDArray[np.float64]:
        """[4, 2] photo coordinates (x, y) of the crop's top-left, top-right, bottom-right and bottom-left corner."""
        unit = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]])
        return unit @ self.to_photo().T


def colorize(evidence_map: ArrayLike) -> tuple[UInt8Array, Float32Array]:
    """Colours of a map on the fixed scale.

    Args:
        evidence_map: [h, w] in logits per cell of the 8x8 map; beyond +-SCALE_LOGITS the colour no longer changes.

    Returns:
        rgb uint8 [h, w, 3], and alpha float32 [h, w] in 0..MAX_ALPHA, growing with |value|; 0 exactly where it is 0.

    Raises:
        ValueError: not a finite 2-D map.
    """
    values = np.asarray(evidence_map, dtype=np.float32)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(f"expected a finite evidence map [h, w], received shape {values.shape}")
    scaled = np.clip(values / np.float32(SCALE_LOGITS), -1, 1)
    steps = np.rint(scaled * _STEPS).astype(np.int32) + _STEPS
    # A sine eases into full opacity; a straight line would draw a hard rim where the scale ends.
    return _COLOURS[steps], np.float32(MAX_ALPHA) * np.sin(np.float32(np.pi / 2) * np.abs(scaled))


def overlay_photo(
    photo: ArrayLike, items: Sequence[tuple[ArrayLike, CropPlacement]], *, outline: bool = False
) -> UInt8Array:
    """Every face's evidence placed back where its crop was taken, with a soft edge inside the crop's square.

    Only the squares' surroundings are worked on, so the cost does not grow with the photo.

    Args:
        photo: uint8 RGB [H, W, 3].
        items: (evidence [8, 8] in logits per cell, placement) of each face; a later one is drawn over an earlier one.
        outline: draw a thin line around each square, so that an uncoloured face still shows what was looked at.

    Returns:
        uint8 RGB [H, W, 3], a new array.

    Raises:
        ValueError: not a uint8 RGB picture, or an evidence that is not a finite 2-D map.
    """
    result = checked_rgb(photo, "photo").copy()
    for evidence, placement in items:
        layer = _layer(_per_cell(evidence, _GRID)) * _feather()[:, :, None]
        blend_placed(result, layer, placement)
    if outline:
        for _, placement in items:
            _draw_outline(result, placement)
    return result


def legend(
    width: int,
    height: int,
    labels: tuple[str, str] = ("real", "deepfake"),
    *,
    unit: str = "logits per cell",
    dark: bool = False,
    font: ImageFont.FreeTypeFont | None = None,
) -> UInt8Array:
    """Horizontal colour bar: what it argues for at either end above it, tick values in logits below it.

    Args:
        width, height: of the picture in pixels; at least 160 x 40.
        labels: words for the negative and the positive end.
        unit: words for the middle, "" for none.
        dark: light text on a dark ground.
        font: for labels that are not ASCII, which Pillow's built-in font cannot draw; its size is adapted.

    Returns:
        uint8 RGB [height, width, 3].

    Raises:
        ValueError: too small a picture, or labels beyond ASCII without a font.
    """
    if width < 160 or height < 40:
        raise ValueError(f"expected a legend of at least 160 x 40 pixels, received {width} x {height}")
    if font is None and not all(text.isascii() for text in (*labels, unit)):
        raise ValueError(f"Pillow's built-in font draws ASCII only; pass font= for {labels} and {unit!r}")
    ground, ink, faint = (
        ((18, 20, 24), (236, 238, 240), (150, 155, 162)) if dark else ((255, 255, 255), (28, 30, 34), (105, 110, 118))
    )
    image = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(image)
    text_height = max(8, round(height * 0.26))
    top, bottom = round(height * 0.36), round(height * 0.64)
    left, right = round(1.5 * text_height), width - 1 - round(1.5 * text_height)

    values = np.linspace(-SCALE_LOGITS, SCALE_LOGITS, right - left + 1, dtype=np.float32)
    bar = np.broadcast_to(colorize(values[None])[0], (bottom - top, right - left + 1, 3))
    image.paste(Image.fromarray(np.ascontiguousarray(bar)), (left, top))

    words = f"{labels[0]}   {unit}   {labels[1]}"
    fitted = _fitted_font(font, words, text_height, right - left - 2 * text_height)
    for text, x, anchor, colour in (
        (labels[0], left, "lm", ink),
        (unit, (left + right) / 2, "mm", faint),
        (labels[1], right, "rm", ink),
    ):
        draw.text((x, height * 0.18), text, font=fitted, fill=colour, anchor=anchor)
    digits = _fitted_font(font, "+0.125  " * 5, text_height * 0.85, right - left)
    for fraction in (-1.0, -0.5, 0.0, 0.5, 1.0):
        x = (left + right) / 2 + fraction * (right - left) / 2
        draw.line([(x, bottom), (x, bottom + max(1, height // 24))], fill=faint)
        text = f"{fraction * SCALE_LOGITS:+.3g}" if fraction else "0"
        draw.text((x, height * 0.84), text, font=digits, fill=ink, anchor="mm")
    return np.asarray(image)


def checked_rgb(picture: ArrayLike, name: str) -> UInt8Array:
    """The picture as an array; raises ValueError where it is not uint8 RGB [h, w, 3]."""
    array = np.asarray(picture)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise ValueError(f"expected {name} as uint8 RGB [h, w, 3], received {array.dtype} {array.shape}")
    return array


def _per_cell(evidence: ArrayLike, size: int) -> Float32Array:
    """The map on [size, size] pixels, back in logits per cell: what is seen is what the regions sum up."""
    cells = np.asarray(evidence, dtype=np.float32)
    density = upsample(cells, size)
    return density * np.float32(size * size / cells.size)


def _layer(values: Float32Array) -> Float32Array:
    """[h, w, 4] of a map in logits per cell: the colours multiplied by alpha, and alpha."""
    rgb, alpha = colorize(values)
    return np.dstack([rgb * alpha[:, :, None], alpha])


def _blend(picture: UInt8Array, layer: Float32Array) -> UInt8Array:
    blended = picture * (1 - layer[:, :, 3:])
    blended += layer[:, :, :3]
    return np.rint(blended, out=blended).astype(np.uint8)


def _feather() -> Float32Array:
    """[_GRID, _GRID] mask: 0 in the outermost pixels, 1 from _FEATHER of the side inwards, smooth between."""
    from_edge = np.minimum(np.arange(_GRID), np.arange(_GRID)[::-1]) / (_FEATHER * _GRID)
    ramp = np.clip(from_edge, 0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    return np.outer(ramp, ramp).astype(np.float32)


def blend_placed(photo: UInt8Array, layer: Float32Array, placement: CropPlacement) -> None:
    """Blend a layer over the crop's square into the photo, in place.

    layer: [n, n, 4], red, green and blue (0..255) multiplied by alpha, and alpha (0..1).
    """
    corners = placement.corners()
    x0, y0 = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(corners.max(axis=0)) + 1, photo.shape[1::-1]).astype(int)
    if x0 >= x1 or y0 >= y1:
        return
    unit_to_photo = np.vstack([placement.to_photo(), [0, 0, 1]])
    grid = layer.shape[0]
    grid_from_unit = np.array([[grid, 0, -0.5], [0, grid, -0.5], [0, 0, 1]])
    grid_from_photo = grid_from_unit @ np.linalg.inv(unit_to_photo)
    for top in range(y0, y1, _STRIP):
        strip = photo[top : min(top + _STRIP, y1), x0:x1]
        shift = np.array([[1, 0, x0], [0, 1, top], [0, 0, 1]])
        warped = cv2.warpAffine(
            layer,
            (grid_from_photo @ shift)[:2],
            strip.shape[1::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
        )
        strip[:] = _blend(strip, np.asarray(warped, dtype=np.float32))


def _draw_outline(photo: UInt8Array, placement: CropPlacement) -> None:
    """Thin square, in place; grey shows on dark and on light ground."""
    points = np.rint(placement.corners()).astype(np.int32)
    cv2.polylines(photo, [points], True, (170, 170, 170), max(1, round(placement.size / 300)), cv2.LINE_AA)


def _fitted_font(
    font: ImageFont.FreeTypeFont | None, text: str, size: float, width: float
) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font at `size`, or smaller so that the text is at most `width` pixels wide."""
    at_size = ImageFont.load_default(size) if font is None else font.font_variant(size=size)
    length = at_size.getlength(text)
    if length <= width:
        return at_size
    size = size * width / length
    return ImageFont.load_default(size) if font is None else font.font_variant(size=size)
