"""A report as PDF: a page a face, with what was seen, what was concluded and what would be needed to check it.

Of several pictures, a summary comes first (`deepdect.pdf_summary`).
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import accumulate, chain
from pathlib import Path
from typing import Literal, cast

import numpy as np
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import MethodReturnValue, WrapMode
from PIL import Image

from deepdect import Analysis, FaceAnalysis, origin, pdf_summary, pdf_table
from deepdect.figures import logits, percent
from deepdect.pdf_table import DARK, GREY, MARGIN, WIDTH, pen
from deepdect.pictures import before_after
from deepdect.report import Entry
from deepdect.texts import ENGLISH, Texts
from explain import overlay

# Languages whose script no font that Deep Dect installs can write: their reports are in English, and say so.
NOT_WRITABLE = ("hi", "zh", "ja")
NO_FONT = "This report is in English because the fonts that come with Deep Dect cannot write {language}."
PICTURE, SMALLER_PICTURE = 72.0, 42.0  # mm, as all lengths here; smaller where the file says something about itself
ORIGIN_SENTENCES = 4
INK = {"real": (11, 74, 168), "deepfake": (178, 58, 0), "inconclusive": (75, 85, 99)}


def to_pdf(entries: Iterable[Entry], text: Texts, made: datetime | None = None) -> bytes:
    """The report in that language, where it can be written.

    made: when, with a time zone; now by default. Raises ValueError where there is no entry.
    """
    entries = list(entries)
    if not entries:
        raise ValueError("a report needs at least one picture")
    pages = [[_Page(entry, number) for number in range(max(1, len(entry.analysis.faces)))] for entry in entries]
    before = pdf_summary.pages(len(entries))
    spoken = ENGLISH if text.code in NOT_WRITABLE else text
    total = before + sum(len(own) for own in pages)
    report = _Report(spoken, (made or datetime.now(UTC)).astimezone(UTC), total)
    note = "" if spoken is text else NO_FONT.format(language=text.english_name)
    first = accumulate((len(own) for own in pages), initial=before + 1)
    lines = (pdf_summary.Line.of(entry.analysis, _written, page) for entry, page in zip(entries, first, strict=False))
    for some in pdf_summary.by_page(list(lines)):
        report.summarise(some, note)
    for page in chain(*pages):
        report.add(page, note)
    return bytes(report.output())


@dataclass(frozen=True)
class _Page:
    """A face of a picture (from 0), or a picture without one."""

    entry: Entry
    number: int

    @property
    def analysis(self) -> Analysis:
        return self.entry.analysis


@cache
def _fonts() -> Path:
    """The folder of DejaVu fonts that matplotlib ships; found without importing it, which takes a second."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("a report's fonts come with matplotlib, which is not installed")
    return Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"


@cache
def _writable() -> frozenset[int]:
    """The characters that the font has."""
    with TTFont(_fonts() / "DejaVuSans.ttf", lazy=True) as font:
        return frozenset(font.getBestCmap())


def _written(words: str, own: bool = False) -> str:
    """Words from outside, what the font lacks as an escape such as \\u7167: an empty box would say nothing.

    own: a sentence of ours, with a file's name in it that is `printable` already: its marks and wide spaces are meant.
    """
    return "".join(
        letter if ord(letter) in _writable() and (own or letter.isprintable()) else ascii(letter)[1:-1]
        for letter in words
    )


class _Report(FPDF):
    def __init__(self, text: Texts, made: datetime, pages: int) -> None:
        super().__init__(format="A4")
        self.says, self.made, self.pages_expected = text, made, pages
        self.set_creation_date(made)
        self.set_title(text.report_title)
        self.set_lang(text.code)
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(False)  # a page's parts are made to fit, whatever the language
        self.add_font("DejaVu", "", _fonts() / "DejaVuSans.ttf")
        self.add_font("DejaVu", "B", _fonts() / "DejaVuSans-Bold.ttf")
        self.start: Literal["L", "R"] = "L"
        self.end: Literal["L", "R"] = "R"
        if text.right_to_left:
            self.set_text_shaping(True)
            self.start, self.end = "R", "L"

    def summarise(self, lines: Sequence[pdf_summary.Line], note: str) -> None:
        """A page of the summary."""
        self._begin(note)
        pdf_summary.draw(self, lines, self.pages_expected, self.says, INK)
        self._end()

    def add(self, page: _Page, note: str) -> None:
        """One page."""
        self._begin(note)
        text, analysis = self.says, page.analysis
        self._words(_written(analysis.path), size=11, bold=True, lines=2)
        about = []
        if analysis.width is not None:
            about.append(text.report_size.format(width=analysis.width, height=analysis.height))
        if len(analysis.faces) > 1:
            about.append(text.report_face.format(number=page.number + 1, count=len(analysis.faces)))
        if about:
            self._words(" · ".join(about), size=9, colour=GREY)
        if len(analysis.faces) > 1:
            several = text.several_faces.format(count=len(analysis.faces), number=analysis.most_suspicious + 1)
            self._words(several, size=9, colour=GREY)
        self.ln(3)
        if analysis.faces:
            self._face(page, analysis.faces[page.number])
        else:
            self._words(text.statuses[analysis.status], size=18, bold=True)
            self._words(_written(text.say(analysis.message), own=True), size=10)
            self.ln(1)
            self._words(text.no_score, size=9, colour=GREY)
        self.ln(3)
        self._origin(page.entry)
        self._details(page)
        self._end()

    def _begin(self, note: str) -> None:
        """A new page, with what stands over each."""
        self.add_page()
        made = self.says.report_made.format(date=f"{self.made:%Y-%m-%d %H:%M} UTC")
        self._beside(self.says.report_title, made, size=15)
        if note:
            self._words(note, size=8, colour=GREY)
        self.ln(2)

    def _end(self) -> None:
        """The page's number, below."""
        self.set_y(-12)
        self._cell(self.says.report_page.format(page=self.page, pages=self.pages_expected), 8, GREY, "C")

    def _face(self, page: _Page, face: FaceAnalysis) -> None:
        text = self.says
        chance = f"{text.together(percent(face.fake_probability))} {text.probability}"
        self._beside(text.verdicts[face.verdict], chance, 20, 11, INK[face.verdict])
        self._words(text.meanings[face.verdict], size=9)
        self._words(text.reason(face.reason), size=9, bold=True)
        for warning in face.warnings:
            self._words(text.warnings + text.marks["colon"] + text.say(warning), size=9)
        self.ln(2)
        self._pictures(page, face)
        self._legend()
        self.ln(2)
        pdf_table.draw(self, face, text, self.start)

    def _pictures(self, page: _Page, face: FaceAnalysis) -> None:
        """The face with and without its map, as on the page; nothing where the file is gone."""
        photo = page.entry.photo()
        if photo is None:
            return
        top, column, side = self.get_y(), WIDTH / 2, SMALLER_PICTURE if page.entry.origin else PICTURE
        for index, (pixels, caption) in enumerate(
            zip(before_after(photo, face), (self.says.report_photo, self.says.report_map), strict=True)
        ):
            left = MARGIN + 1 + index * (column + 2)  # 1: as far as words stand off the margin
            height, width = pixels.shape[:2]
            scale = side / max(height, width)
            self.image(_jpeg(pixels), left, top, width * scale, height * scale)
            self.set_xy(left - 1, top + side + 0.5)
            pen(self, 8, GREY)
            self.cell(column - 2, 4, caption, align="L")
        self.set_xy(MARGIN, top + side + 6)

    def _legend(self) -> None:
        """The map's colours from real to deepfake."""
        limit = overlay.SCALE_LOGITS
        colours, _ = overlay.colorize(np.linspace(-limit, limit, 128, dtype=np.float32)[None])
        top = self.get_y()
        self.image(Image.fromarray(colours), MARGIN + 45, top + 0.5, WIDTH - 90, 3)
        pen(self, 8)
        self.set_xy(MARGIN, top)
        self.cell(43, 4, f"{self.says.for_real} {self.says.together(self.says.figure(logits(-limit)))}", align="R")
        self.set_xy(MARGIN + WIDTH - 43, top)
        self.cell(43, 4, f"{self.says.together(self.says.figure(logits(limit)))} {self.says.for_fake}", align="L")
        self.set_xy(MARGIN, top + 5)

    def _origin(self, entry: Entry) -> None:
        """What the file says about itself, the most telling first, as far as there is room; nothing where it says
        nothing."""
        if not entry.origin:
            return
        text = self.says
        said = sorted(entry.origin, key=lambda message: message.key not in origin.TELLING)[:ORIGIN_SENTENCES]
        self._words(text.origin_title, size=9, bold=True)
        self._words(" ".join(_written(text.say(message), own=True) for message in said), size=7.5)
        self._words(text.origin_note, size=7, colour=GREY)
        self.ln(1)

    def _details(self, page: _Page) -> None:
        text, model = self.says, page.analysis.model
        facts = [
            (text.report_file_sha256, page.entry.sha256 or "–"),
            (text.report_model, f"{model['name']} {model['version']}"),
            (text.report_model_sha256, model["sha256"]),
            (text.report_runtime, page.analysis.runtime),
        ]
        for name, value in facts:
            self.set_font("DejaVu", "", 7.5)
            self.set_x(MARGIN)
            self.set_text_color(*GREY)
            self.cell(48, 4, name, align=self.start)
            self.set_text_color(*DARK)
            self.cell(WIDTH - 48, 4, value, align="L", new_x="LMARGIN", new_y="NEXT")
        self.ln(2)
        self._words(text.report_limits, size=9, bold=True)
        self._words(text.limits, size=8)

    def _words(
        self,
        words: str,
        *,
        size: float,
        bold: bool = False,
        colour: tuple[int, int, int] = DARK,
        lines: int | None = None,
    ) -> None:
        """A paragraph; lines: at most so many, the last ones, where the end of a path is what tells files apart."""
        pen(self, size, colour, bold=bold)
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

    def _beside(
        self, first: str, second: str, size: float, other: float = 9, colour: tuple[int, int, int] = DARK
    ) -> None:
        """Two texts on one line, the first at the line's start and bold."""
        top = self.get_y()
        for words, style, points, align, ink in (
            (first, "B", size, self.start, colour),
            (second, "", other, self.end, DARK),
        ):
            self.set_font("DejaVu", style, points)
            self.set_text_color(*ink)
            self.set_xy(MARGIN, top)
            self.cell(WIDTH, size * 0.5, words, align=align)
        self.set_xy(MARGIN, top + size * 0.5 + 1)

    def _cell(self, words: str, size: float, colour: tuple[int, int, int], align: Literal["L", "C", "R"]) -> None:
        pen(self, size, colour)
        self.cell(WIDTH, 5, words, align=align)


def _jpeg(pixels: np.ndarray) -> io.BytesIO:
    """uint8 RGB [h, w, 3] at a quality at which the map's soft colours stay smooth."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90, subsampling=0)
    file.seek(0)
    return file
