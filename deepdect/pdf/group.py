"""The page before the faces of one picture with several: the picture with its faces numbered, and a line for each."""

from __future__ import annotations

import numpy as np

from deepdect import Analysis
from deepdect.figures import percent
from deepdect.pdf.paper import GREY, INK, MARGIN, WIDTH, Paper, jpeg, written
from deepdect.pictures import numbered

TALLEST = 120.0  # mm, as all lengths here: the picture
ROW, HEAD = 6.0, 5.0
COLUMNS, GAP = 2, 6.0
FIRST = 20  # faces that are listed here; of more, the rest are on their own pages alone


def pages(analysis: Analysis) -> int:
    """How many such pages the picture gets."""
    return 1 if len(analysis.faces) > 1 else 0


def draw(paper: Paper, analysis: Analysis, photo: np.ndarray | None, first: int) -> None:
    """The page. photo: the picture's pixels, None where it is gone. first: the page of the first face."""
    paper.begin()
    text = paper.says
    paper.words(written(analysis.path), size=11, bold=True, lines=2)
    paper.words(text.report_size.format(width=analysis.width, height=analysis.height), size=9, colour=GREY)
    several = text.several_faces.format(count=len(analysis.faces), number=analysis.most_suspicious + 1)
    paper.words(several, size=9, colour=GREY)
    paper.ln(3)
    if photo is not None:
        pixels = numbered(photo, analysis.faces, analysis.most_suspicious)
        scale = min(TALLEST / pixels.shape[0], (WIDTH - 2) / pixels.shape[1])  # words stand 1 off the margins
        top = paper.get_y()
        paper.image(jpeg(pixels), MARGIN + 1, top, pixels.shape[1] * scale, pixels.shape[0] * scale)
        paper.set_xy(MARGIN, top + pixels.shape[0] * scale + 4)
    _faces(paper, analysis, first)
    paper.close_page()


def _faces(paper: Paper, analysis: Analysis, first: int) -> None:
    """A line a face, in columns, with a link to its page."""
    text, top = paper.says, paper.get_y() + HEAD
    listed = analysis.faces[:FIRST]
    rows = -(-len(listed) // COLUMNS)
    width = (WIDTH - GAP * (COLUMNS - 1)) / COLUMNS
    for before in (0.0, width + GAP):
        paper.set_y(top - HEAD)
        paper.pen(8, GREY)
        paper.column(text.probability_head, HEAD, before, width, end=True)
    for number, face in enumerate(listed):
        column, row = divmod(number, rows)
        before, link = column * (width + GAP), paper.add_link(page=first + number)
        paper.set_y(top + row * ROW)
        paper.pen(9)
        paper.column(text.face.format(number=number + 1), ROW, before, 26, link)
        paper.pen(9, INK[face.verdict], bold=True)
        paper.column(text.verdicts[face.verdict], ROW, before + 26, width - 44, link)
        paper.pen(9)
        paper.column(text.together(percent(face.fake_probability)), ROW, before + width - 18, 18, link, end=True)
    paper.set_xy(MARGIN, top + rows * ROW)
