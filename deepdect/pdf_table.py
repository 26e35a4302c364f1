"""The report's table: a face's evidence by region in bars and figures and, where it was checked, what hiding found."""

from __future__ import annotations

from typing import Literal

from fpdf import FPDF

from deepdect import FaceAnalysis
from deepdect.figures import MARKS
from deepdect.texts import Texts

MARGIN = 15.0  # mm, as all lengths here
WIDTH = 210 - 2 * MARGIN
GREY, DARK = (90, 98, 110), (17, 20, 26)
BAR = {True: (240, 120, 40), False: (45, 120, 215)}  # by whether it argues for deepfake; as on the page
BAR_LOGITS = 1.0  # bars end here, as on the page
MIDDLE, HALF = 98.0, 28.0  # where bars begin, and the longest
ROW = 4.5
VALUE, DROP = 145.0, WIDTH  # where these columns end; without a check, values end where drops would


def draw(report: FPDF, face: FaceAnalysis, text: Texts, start: Literal["L", "R"]) -> None:
    """Bars and the JSON's own figures, strongest first, with the baseline and the sum. start: where lines begin."""
    figures = face.to_json()
    checked = any(region["drop"] is not None for region in figures["regions"])
    value_end = VALUE if checked else DROP
    if checked:
        _cell(report, value_end, text.logits, 7, GREY)
        _cell(report, DROP, text.drop, 7, GREY)
        report.ln(4)
    for region in sorted(figures["regions"], key=lambda region: -abs(region["evidence"])):
        _row(report, text.region_names.get(region["name"], region["name"]), start)
        if checked:
            drop = "" if region["drop"] is None else f"{text.figure(format(region['drop'], '+.5f'))} "
            _cell(report, DROP, f"{drop}{MARKS[region['verified']]}")
        _bar(report, region["evidence"], value_end, text)
    _row(report, text.baseline, start)
    _bar(report, figures["bias"], value_end, text)
    for name, value in (
        (text.total, f"{text.together(text.figure(format(figures['logit'], '+.5f')))} {text.logits}"),
        (text.probability, text.figure(f"{figures['fake_probability']:.6f}")),
    ):
        _row(report, name, start, bold=True)
        _cell(report, DROP, value, bold=True)
        report.ln(ROW)
    if checked:
        for words in (text.drop_note, text.checks):
            pen(report, 7, GREY)
            report.set_x(MARGIN)
            report.multi_cell(WIDTH, 3.4, words, align=start, new_x="LMARGIN", new_y="NEXT")


def pen(report: FPDF, size: float, colour: tuple[int, int, int] = DARK, *, bold: bool = False) -> None:
    """What is written from now on."""
    report.set_font("DejaVu", "B" if bold else "", size)
    report.set_text_color(*colour)


def _row(report: FPDF, name: str, start: Literal["L", "R"], bold: bool = False) -> None:
    pen(report, 8.5, bold=bold)
    report.set_x(MARGIN)
    report.cell(72, ROW, name, align=start)


def _bar(report: FPDF, value: float, end: float, text: Texts) -> None:
    """A value as a bar and a figure, and the end of its row."""
    _cell(report, end, text.figure(f"{value:+.5f}"))
    length = HALF * min(abs(value) / BAR_LOGITS, 1)
    middle, top = MARGIN + MIDDLE, report.get_y()
    report.set_fill_color(*BAR[value > 0])
    report.rect(middle if value > 0 else middle - length, top + 1, length, 2.6, style="F")
    if abs(value) > BAR_LOGITS:  # two slashes, as where a scale is broken: the bar would be longer
        tip = middle + (HALF - 4 if value > 0 else 3 - HALF)
        report.set_draw_color(255, 255, 255)
        for x in (tip, tip + 1):
            report.line(x, top + 4, x + 1, top + 0.6)
    report.set_draw_color(*GREY)
    report.line(middle, top, middle, top + ROW)
    report.ln(ROW)


def _cell(
    report: FPDF,
    end: float,
    words: str,
    size: float = 8.5,
    colour: tuple[int, int, int] = DARK,
    bold: bool = False,
) -> None:
    """Words that end there, measured from the margin."""
    pen(report, size, colour, bold=bold)
    width = report.get_string_width(words) + 2
    report.set_x(MARGIN + end - width)
    report.cell(width, ROW, words, align="R")
