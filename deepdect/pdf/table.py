"""The report's table: a face's evidence by region in bars and figures and, where it was checked, what hiding found."""

from __future__ import annotations

from deepdect import FaceAnalysis
from deepdect.figures import MARKS
from deepdect.pdf.paper import DARK, GREY, MARGIN, WIDTH, Colour, Paper
from deepdect.texts import Texts

BAR = {True: (240, 120, 40), False: (45, 120, 215)}  # by whether it argues for deepfake; as on the page
BAR_LOGITS = 1.0  # bars end here, as on the page
MIDDLE, HALF = 98.0, 28.0  # where bars begin, and the longest
NAME = MIDDLE - HALF - 2  # of a region, beside the longest bar
ROW = 4.5
VALUE, DROP = 145.0, WIDTH  # where these columns end; without a check, values end where drops would


def draw(paper: Paper, face: FaceAnalysis) -> None:
    """Bars and the JSON's own figures, strongest first, with the baseline and the sum."""
    text = paper.says
    figures = face.to_json()
    checked = any(region["drop"] is not None for region in figures["regions"])
    value_end = VALUE if checked else DROP
    if checked:
        _cell(paper, value_end, text.logits, 7, GREY)
        _cell(paper, DROP, text.drop, 7, GREY)
        paper.ln(4)
    for region in sorted(figures["regions"], key=lambda region: -abs(region["evidence"])):
        _row(paper, text.region_names.get(region["name"], region["name"]))
        if checked:
            drop = "" if region["drop"] is None else f"{text.figure(format(region['drop'], '+.5f'))} "
            _cell(paper, DROP, f"{drop}{MARKS[region['verified']]}")
        _bar(paper, region["evidence"], value_end, text)
    _row(paper, text.baseline)
    _bar(paper, figures["bias"], value_end, text)
    for name, value in (
        (text.total, f"{text.together(text.figure(format(figures['logit'], '+.5f')))} {text.logits}"),
        (text.probability, text.figure(f"{figures['fake_probability']:.6f}")),
    ):
        _row(paper, name, bold=True)
        _cell(paper, DROP, value, bold=True)
        paper.ln(ROW)
    if checked:
        for words in (text.drop_note, text.checks):
            paper.words(words, size=7, colour=GREY)


def _row(paper: Paper, name: str, bold: bool = False) -> None:
    paper.pen(8.5, bold=bold)
    paper.set_x(MARGIN)
    paper.cell(NAME, ROW, name, align=paper.start)


def _bar(paper: Paper, value: float, end: float, text: Texts) -> None:
    """A value as a bar and a figure, and the end of its row."""
    _cell(paper, end, text.figure(f"{value:+.5f}"))
    length = HALF * min(abs(value) / BAR_LOGITS, 1)
    middle, top = MARGIN + MIDDLE, paper.get_y()
    paper.set_fill_color(*BAR[value > 0])
    paper.rect(middle if value > 0 else middle - length, top + 1, length, 2.6, style="F")
    if abs(value) > BAR_LOGITS:  # two slashes, as where a scale is broken: the bar would be longer
        tip = middle + (HALF - 4 if value > 0 else 3 - HALF)
        paper.set_draw_color(255, 255, 255)
        for x in (tip, tip + 1):
            paper.line(x, top + 4, x + 1, top + 0.6)
    paper.set_draw_color(*GREY)
    paper.line(middle, top, middle, top + ROW)
    paper.ln(ROW)


def _cell(
    paper: Paper,
    end: float,
    words: str,
    size: float = 8.5,
    colour: Colour = DARK,
    bold: bool = False,
) -> None:
    """Words that end there, measured from the margin."""
    paper.pen(size, colour, bold=bold)
    width = paper.get_string_width(words) + 2
    paper.set_x(MARGIN + end - width)
    paper.cell(width, ROW, words, align="R")
