"""Bar charts of the evidence by region, and a sheet that shows them beside the overlay. Drawn with Pillow alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from explain.overlay import ANCHORS, legend
from explain.reasons import percent
from explain.regions import RegionEvidence

UInt8Array = NDArray[np.uint8]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Box = tuple[float, float, float, float]

# Logits at which a bar ends, for every face alike: stretched to its own range, an undecided face would look certain.
LIMIT = 1.0
WIDTH, HEIGHT = 460, 452  # of one chart at scale 1, in pixels
MOST = 6  # charts on a sheet; the faces come largest first
_LEGEND, _FOOT = 58, 74  # heights of the map's legend, and of it with its margins, at scale 1
_GROUND, _INK, _FAINT, _RULE = (255, 255, 255), (28, 30, 34), (105, 110, 118), (222, 225, 229)
_REAL, _FAKE = ANCHORS[1][1], ANCHORS[3][1]

# The words of a chart; another language is another mapping with these keys (and a font that has its letters).
ENGLISH: Mapping[str, str] = {
    "title": "Face {number}: {verdict}, {probability}",
    "real": "real",
    "deepfake": "deepfake",
    "inconclusive": "inconclusive",
    "baseline": "Model baseline",
    "total": "Total",
    "confirmed": "confirmed by hiding it",
    "unconfirmed": "not confirmed",
    "unit": "logits per cell",
    "more": "and {count} more faces",
    "one_more": "and 1 more face",
    "forehead": "Forehead",
    "left_eye": "Left eye",
    "right_eye": "Right eye",
    "nose": "Nose",
    "mouth": "Mouth",
    "left_cheek": "Left cheek",
    "right_cheek": "Right cheek",
    "jaw": "Jaw",
    "face_boundary": "Face edge",
    "outside_face": "Outside face",
}


@dataclass(frozen=True)
class Bars:
    """What one chart shows: regions, bias and logit of a face (regions + bias == logit), under a title."""

    regions: Sequence[RegionEvidence]
    bias: float
    logit: float
    title: str


def title(number: int, verdict: str, probability: float, words: Mapping[str, str] = ENGLISH) -> str:
    """A chart's title. probability: 0..1, written as whole per cent and never as 0 or 100."""
    return words["title"].format(number=number, verdict=words[verdict], probability=percent(probability))


def bars(
    chart: Bars,
    scale: float = 1.0,
    words: Mapping[str, str] = ENGLISH,
    font: ImageFont.FreeTypeFont | None = None,
) -> UInt8Array:
    """A chart of signed bars on one fixed scale, strongest region first, then the baseline and the total.

    A bar that hiding its region did not confirm is an empty frame; a tick marks one that it did. Bars end at LIMIT and
    are cut open there; the number beside each is exact.

    Args:
        chart: what to draw.
        scale: 1 is WIDTH x HEIGHT pixels.
        words: the keys of ENGLISH.
        font: for words that are not ASCII, which Pillow's built-in font cannot draw.

    Returns:
        uint8 RGB [round(HEIGHT * scale), round(WIDTH * scale), 3].
    """
    image = Image.new("RGB", (round(WIDTH * scale), round(HEIGHT * scale)), _GROUND)
    pen = _Pen(ImageDraw.Draw(image), scale, font)
    pen.text((16, 24), chart.title, 18, _INK, "lm", WIDTH - 32)
    pen.text((_LEFT, 50), words["real"], 12, _REAL, "lm", 100)
    pen.text((_RIGHT, 50), words["deepfake"], 12, _FAKE, "rm", 100)
    top = 62
    strongest = sorted(chart.regions, key=lambda region: -abs(region.evidence))
    for region in strongest:
        pen.row(top, words[region.name], region.evidence, region.verified)
        top += _ROW
    pen.row(top, words["baseline"], chart.bias, None, faint=True)
    top += _ROW
    pen.rule(top)
    pen.text((16, top + _ROW / 2 + 2), words["total"], 14, _INK, "lm", _LEFT - 24)
    pen.text((WIDTH - 16, top + _ROW / 2 + 2), _logits(chart.logit), 14, _INK, "rm", 70)
    pen.axis(62, top)
    if any(region.verified is not None for region in chart.regions):
        y = top + _ROW + 20
        pen.tick(20, y)
        pen.text((34, y), words["confirmed"], 12, _FAINT, "lm", 180)
        pen.frame((226, y - 6, 250, y + 6), _FAINT)
        pen.text((258, y), words["unconfirmed"], 12, _FAINT, "lm", 180)
    return np.asarray(image)


def sheet(
    picture: UInt8Array,
    charts: Sequence[Bars],
    words: Mapping[str, str] = ENGLISH,
    font: ImageFont.FreeTypeFont | None = None,
) -> UInt8Array:
    """A picture with the charts beside it and the map's legend under them.

    Args:
        picture: uint8 RGB [H, W, 3], the photo under its overlay; it keeps its pixels.
        charts: one a face; beyond MOST they are only counted.
        words, font: as for `bars`.

    Returns:
        uint8 RGB [at least H, more than W, 3]; the picture itself where there are no charts.
    """
    if not charts:
        return picture
    height, width = picture.shape[:2]
    shown = charts[:MOST]
    # As many charts above one another as fit the height, which they and the legend fill; never too small to be read.
    rows = int(np.clip((height - _FOOT) // HEIGHT, 1, len(shown)))
    scale = float(np.clip(height / (rows * HEIGHT + _FOOT), 1, 4))
    column, row, foot = round(WIDTH * scale), round(HEIGHT * scale), round(_FOOT * scale)
    columns = -(-len(shown) // rows)
    total = max(height, rows * row + foot)
    result = np.full((total, width + columns * column, 3), 255, np.uint8)
    top = (total - height) // 2
    result[top : top + height, :width] = picture
    for number, chart in enumerate(shown):
        x, y = width + (number // rows) * column, (number % rows) * row
        result[y : y + row, x : x + column] = bars(chart, scale, words, font)
    bar = legend(
        column - round(32 * scale),
        round(_LEGEND * scale),
        (words["real"], words["deepfake"]),
        unit=words["unit"],
        font=font,
    )
    y, x = rows * row, width + round(16 * scale)
    result[y : y + bar.shape[0], x : x + bar.shape[1]] = bar
    if left := len(charts[MOST:]):
        _note(result, words["more" if left > 1 else "one_more"].format(count=left), scale, font)
    return result


_ROW = 26
_LEFT, _RIGHT = 128, 366  # where bars end, either way
_MIDDLE = (_LEFT + _RIGHT) / 2


class _Pen:
    """Draws at a scale, in the coordinates of scale 1."""

    def __init__(self, draw: ImageDraw.ImageDraw, scale: float, font: ImageFont.FreeTypeFont | None) -> None:
        self._draw, self._scale, self._font = draw, scale, font

    def text(
        self,
        at: tuple[float, float],
        words: str,
        size: float,
        colour: tuple[int, int, int],
        anchor: str,
        width: float,
    ) -> None:
        """Words no wider than `width`: smaller rather than over something else."""
        font = self._sized(size)
        length = font.getlength(words) / self._scale
        if length > width:
            font = self._sized(size * width / length)
        self._draw.text((at[0] * self._scale, at[1] * self._scale), words, font=font, fill=colour, anchor=anchor)

    def row(self, top: float, name: str, value: float, verified: bool | None, faint: bool = False) -> None:
        middle = top + _ROW / 2
        self.text((16, middle), name, 14, _FAINT if faint else _INK, "lm", _LEFT - 24)
        self.text((WIDTH - 16, middle), _logits(value), 14, _FAINT if faint else _INK, "rm", 56)
        reach = float(np.clip(value / LIMIT, -1, 1)) * (_RIGHT - _LEFT) / 2
        box = (min(_MIDDLE, _MIDDLE + reach), middle - 8, max(_MIDDLE, _MIDDLE + reach), middle + 8)
        colour = _FAKE if value > 0 else _REAL
        if faint:
            colour = tuple(round(0.5 * (channel + 255)) for channel in colour)  # type: ignore[assignment]
        if verified is False:
            self.frame(box, colour)
        elif box[2] - box[0] >= 0.5:
            self._draw.rectangle(self._scaled(box), fill=colour)
        if abs(value) > LIMIT:
            self._cut(_MIDDLE + reach, middle, np.sign(value))
        if verified:
            self.tick(_RIGHT + 14, middle)

    def axis(self, top: float, bottom: float) -> None:
        x = _MIDDLE * self._scale
        self._draw.line([(x, top * self._scale), (x, bottom * self._scale)], fill=_FAINT, width=self._line())

    def rule(self, y: float) -> None:
        self._draw.line(self._scaled((16, y, WIDTH - 16, y)), fill=_RULE, width=self._line())

    def frame(self, box: Box, colour: tuple[int, int, int]) -> None:
        self._draw.rectangle(self._scaled(box), outline=colour, fill=_GROUND, width=self._line(1.5))

    def tick(self, x: float, y: float) -> None:
        points = [(x - 5, y), (x - 1.5, y + 4), (x + 5.5, y - 5)]
        self._draw.line(
            [(px * self._scale, py * self._scale) for px, py in points],
            fill=(32, 128, 72),
            width=self._line(2.2),
            joint="curve",
        )

    def _cut(self, x: float, y: float, side: float) -> None:
        """Two slanted gaps near the end of a bar that would be longer."""
        for back in (8, 14):
            at = x - side * back
            line = self._scaled((at - 3, y + 9, at + 3, y - 9))
            self._draw.line(line, fill=_GROUND, width=self._line(2.5))

    def _sized(self, size: float) -> Font:
        pixels = max(6.0, size * self._scale)
        return ImageFont.load_default(pixels) if self._font is None else self._font.font_variant(size=pixels)

    def _scaled(self, box: Box) -> Box:
        return (box[0] * self._scale, box[1] * self._scale, box[2] * self._scale, box[3] * self._scale)

    def _line(self, width: float = 1.0) -> int:
        return max(1, round(width * self._scale))


def _note(picture: UInt8Array, words: str, scale: float, font: ImageFont.FreeTypeFont | None) -> None:
    """Words in the bottom right corner, in place."""
    image = Image.fromarray(picture)
    pen = _Pen(ImageDraw.Draw(image), scale, font)
    corner = (picture.shape[1] / scale - 16, picture.shape[0] / scale - 10)
    pen.text(corner, words, 12, _FAINT, "rb", WIDTH - 32)
    picture[:] = np.asarray(image)


def _logits(value: float) -> str:
    text = f"{value:+.2f}"
    return "0.00" if text[1:] == "0.00" else text
