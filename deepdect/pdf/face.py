"""A report's page on one face, or on a picture without one: what was seen, what was concluded, how to check it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from deepdect import Analysis, FaceAnalysis, origin
from deepdect.figures import logits, percent
from deepdect.pdf import table
from deepdect.pdf.paper import GREY, INK, MARGIN, WIDTH, Paper, jpeg, written
from deepdect.pictures import before_after
from deepdect.report import Entry
from explain import overlay

PICTURE, SMALLER_PICTURE = 68.0, 38.0  # mm, as all lengths here; smaller where much else is to be said
ORIGIN_SENTENCES = 4
FEW_WARNINGS = 2  # beside larger pictures


@dataclass(frozen=True)
class FacePage:
    """A face of a picture (from 0), or a picture without one. photo: its pixels, None where it is gone.

    moment: where the picture is a frame of a video, which the entry's path and digest are of, what that is called.
    """

    entry: Entry
    photo: np.ndarray | None
    number: int
    moment: str = ""

    @property
    def analysis(self) -> Analysis:
        return self.entry.analysis


def draw(paper: Paper, page: FacePage) -> None:
    """The whole page."""
    paper.begin()
    text, analysis = paper.says, page.analysis
    paper.words(written(analysis.path), size=11, bold=True, lines=2)
    about = []
    if analysis.width is not None and not page.moment:  # of a frame, the file holds a part
        about.append(text.report_size.format(width=analysis.width, height=analysis.height))
    if len(analysis.faces) > 1:
        about.append(text.report_face.format(number=page.number + 1, count=len(analysis.faces)))
    if about:
        paper.words(" · ".join(about), size=9, colour=GREY)
    if len(analysis.faces) > 1:
        several = text.several_faces.format(count=len(analysis.faces), number=analysis.most_suspicious + 1)
        paper.words(several, size=9, colour=GREY)
    paper.ln(3)
    if analysis.faces:
        _face(paper, page, analysis.faces[page.number])
    else:
        paper.words(text.statuses[analysis.status], size=18, bold=True)
        paper.words(written(text.say(analysis.message), own=True), size=10)
        paper.ln(1)
        paper.words(text.no_score, size=9, colour=GREY)
    paper.ln(3)
    _origin(paper, page.entry)
    paper.facts(page.entry.sha256, analysis.model, analysis.runtime)
    paper.close_page()


def _face(paper: Paper, page: FacePage, face: FaceAnalysis) -> None:
    text = paper.says
    chance = text.together(percent(face.fake_probability))
    if page.moment:  # a frame, of which the video's verdict is not made alone
        paper.beside(page.moment, f"{text.moment_frame} {chance}", 14)
    else:
        paper.beside(text.verdicts[face.verdict], f"{chance} {text.probability}", 20, 11, INK[face.verdict])
        paper.words(text.meanings[face.verdict], size=9)
    paper.words(text.reason(face.reason), size=9, bold=True)
    if face.warnings:
        warned = text.marks["semicolon"].join(map(text.say, face.warnings))
        paper.words(text.warnings + text.marks["colon"] + warned + text.marks["stop"], size=9)
    paper.ln(2)
    _pictures(paper, page, face)
    _legend(paper)
    paper.ln(2)
    table.draw(paper, face)


def _pictures(paper: Paper, page: FacePage, face: FaceAnalysis) -> None:
    """The face with and without its map, as on the page; nothing where the file is gone."""
    if page.photo is None:
        return
    crowded = bool(page.entry.origin) or len(face.warnings) > FEW_WARNINGS
    top, column, side = paper.get_y(), WIDTH / 2, SMALLER_PICTURE if crowded else PICTURE
    shown = paper.says.report_frame if page.moment else paper.says.report_photo
    pictures = zip(before_after(page.photo, face), (shown, paper.says.report_map), strict=True)
    for index, (pixels, caption) in enumerate(pictures):
        left = MARGIN + 1 + index * (column + 2)  # 1: as far as words stand off the margin
        height, width = pixels.shape[:2]
        scale = side / max(height, width)
        paper.image(jpeg(pixels), left, top, width * scale, height * scale)
        paper.set_xy(left - 1, top + side + 0.5)
        paper.pen(8, GREY)
        paper.cell(column - 2, 4, caption, align="L")
    paper.set_xy(MARGIN, top + side + 6)


def _legend(paper: Paper) -> None:
    """The map's colours from real to deepfake."""
    limit, text = overlay.SCALE_LOGITS, paper.says
    colours, _ = overlay.colorize(np.linspace(-limit, limit, 128, dtype=np.float32)[None])
    top = paper.get_y()
    paper.image(Image.fromarray(colours), MARGIN + 45, top + 0.5, WIDTH - 90, 3)
    paper.pen(8)
    paper.set_xy(MARGIN, top)
    paper.cell(43, 4, f"{text.for_real} {text.together(text.figure(logits(-limit)))}", align="R")
    paper.set_xy(MARGIN + WIDTH - 43, top)
    paper.cell(43, 4, f"{text.together(text.figure(logits(limit)))} {text.for_fake}", align="L")
    paper.set_xy(MARGIN, top + 5)


def _origin(paper: Paper, entry: Entry) -> None:
    """What the file says about itself, the most telling first, as far as there is room; nothing where it says
    nothing."""
    if not entry.origin:
        return
    text = paper.says
    said = sorted(entry.origin, key=lambda message: message.key not in origin.TELLING)[:ORIGIN_SENTENCES]
    paper.words(text.origin_title, size=9, bold=True)
    paper.words(" ".join(written(text.say(message), own=True) for message in said), size=7.5)
    paper.words(text.origin_note, size=7, colour=GREY)
    paper.ln(1)
