"""A report's pages, whatever is on them: A4, its fonts, its language, and the words over and under each page."""

from __future__ import annotations

import importlib.util
import io
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Literal, cast

import numpy as np
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import MethodReturnValue, WrapMode
from PIL import Image

from deepdect.texts import ENGLISH, Texts

# Languages whose script no font that Deep Dect installs can write: their reports are in English, and say so.
NOT_WRITABLE = ("hi", "zh", "ja")
NO_FONT = "This report is in English because the fonts that come with Deep Dect cannot write {language}."
MARGIN = 15.0  # mm, as all lengths here
WIDTH = 210 - 2 * MARGIN
BOTTOM = 297 - 14  # nothing but the page's number stands below
GREY, DARK = (90, 98, 110), (17, 20, 26)
INK = {"real": (11, 74, 168), "deepfake": (178, 58, 0), "inconclusive": (75, 85, 99)}
Colour = tuple[int, int, int]


class Paper(FPDF):
    """Pages in a language, or in English where that cannot be written. made: when, with a time zone; now by default.

    Attributes:
        says: the words of the language that is written.
        expected: how many pages there will be; set it before the first one.
        start, end: the sides on which lines begin and end.
    """

    def __init__(self, text: Texts, made: datetime | None = None) -> None:
        super().__init__(format="A4")
        self.says = ENGLISH if text.code in NOT_WRITABLE else text
        self.expected = 1
        self._made = (made or datetime.now(UTC)).astimezone(UTC)
        self._note = "" if self.says is text else NO_FONT.format(language=text.english_name)
        self.set_creation_date(self._made)
        self.set_title(self.says.report_title)
        self.set_lang(self.says.code)
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(False)  # a page's parts are made to fit, whatever the language
        self.add_font("DejaVu", "", _fonts() / "DejaVuSans.ttf")
        self.add_font("DejaVu", "B", _fonts() / "DejaVuSans-Bold.ttf")
        self.start: Literal["L", "R"] = "L"
        self.end: Literal["L", "R"] = "R"
        if self.says.right_to_left:
            self.set_text_shaping(True)
            self.start, self.end = "R", "L"

    def begin(self) -> None:
        """A new page, with what stands over each."""
        self.add_page()
        made = self.says.report_made.format(date=f"{self._made:%Y-%m-%d %H:%M} UTC")
        self.beside(self.says.report_title, made, size=15)
        if self._note:
            self.words(self._note, size=8, colour=GREY)
        self.ln(2)

    def close_page(self) -> None:
        """The page's number, below."""
        self.set_y(-12)
        self.pen(8, GREY)
        self.cell(WIDTH, 5, self.says.report_page.format(page=self.page, pages=self.expected), align="C")

    def words(
        self, words: str, *, size: float, bold: bool = False, colour: Colour = DARK, lines: int | None = None
    ) -> None:
        """A paragraph; lines: at most so many, the last ones, where the end of a path is what tells files apart."""
        self.pen(size, colour, bold=bold)
        self.set_x(MARGIN)
        height = size * 0.48
        if lines is not None:
            kept = self.multi_cell(
                WIDTH,
                height,
                words,
                align=self.start,
                dry_run=True,
                output=MethodReturnValue.LINES,
                wrapmode=WrapMode.CHAR,
            )
            words = "\n".join(cast(list[str], kept)[-lines:])
        self.multi_cell(WIDTH, height, words, align=self.start, new_x="LMARGIN", new_y="NEXT")

    def beside(self, first: str, second: str, size: float, other: float = 9, colour: Colour = DARK) -> None:
        """Two texts on one line, the first at the line's start and bold."""
        top = self.get_y()
        for words, bold, points, align, ink in (
            (first, True, size, self.start, colour),
            (second, False, other, self.end, DARK),
        ):
            self.pen(points, ink, bold=bold)
            self.set_xy(MARGIN, top)
            self.cell(WIDTH, size * 0.5, words, align=align)
        self.set_xy(MARGIN, top + size * 0.5 + 1)

    def column(
        self, words: str, height: float, after: float, width: float, link: int = 0, *, end: bool = False
    ) -> None:
        """Words in a column that begins `after` the line's start, at its start or its end, smaller where they are too
        wide for it. link: 0 for none."""
        needed = self.get_string_width(words) + 2 * self.c_margin
        if needed > width:
            self.set_font_size(self.font_size_pt * width / needed)
        self.set_x(MARGIN + (WIDTH - after - width if self.says.right_to_left else after))
        self.cell(width, height, words, align=self.end if end else self.start, link=link or "")

    def pen(self, size: float, colour: Colour = DARK, *, bold: bool = False) -> None:
        """What is written from now on."""
        self.set_font("DejaVu", "B" if bold else "", size)
        self.set_text_color(*colour)

    def facts(self, sha256: str | None, model: dict[str, str], runtime: str) -> None:
        """What it would take to check the report, and what it cannot tell. sha256: the file's."""
        for name, value in (
            (self.says.report_file_sha256, sha256 or "–"),
            (self.says.report_model, f"{model['name']} {model['version']}"),
            (self.says.report_model_sha256, model["sha256"]),
            (self.says.report_runtime, runtime),
        ):
            self.pen(7.5, GREY)
            self.set_x(MARGIN)
            self.cell(48, 4, name, align=self.start)
            self.set_text_color(*DARK)
            self.cell(WIDTH - 48, 4, value, align="L", new_x="LMARGIN", new_y="NEXT")
        self.ln(2)
        self.words(self.says.report_limits, size=9, bold=True)
        self.words(self.says.limits, size=8)


@cache
def _fonts() -> Path:
    """The folder of DejaVu fonts that matplotlib ships; found without importing it, which takes a second."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("a report's fonts come with matplotlib, which is not installed")
    return Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"


@cache
def writable() -> frozenset[int]:
    """The characters that the font has."""
    with TTFont(_fonts() / "DejaVuSans.ttf", lazy=True) as font:
        return frozenset(font.getBestCmap())


def written(words: str, own: bool = False) -> str:
    """Words from outside, what the font lacks as an escape such as \\u7167: an empty box would say nothing.

    own: a sentence of ours, with a file's name in it that is `printable` already: its marks and wide spaces are meant.
    """
    return "".join(
        letter if ord(letter) in writable() and (own or letter.isprintable()) else ascii(letter)[1:-1]
        for letter in words
    )


def jpeg(pixels: np.ndarray) -> io.BytesIO:
    """uint8 RGB [h, w, 3] at a quality at which the map's soft colours stay smooth."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90, subsampling=0)
    file.seek(0)
    return file
