"""A report on a video as PDF: its verdict, everybody over time, and a page for each of its most suspicious moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from math import ceil

import numpy as np

from deepdect import video
from deepdect.figures import percent
from deepdect.pdf import face
from deepdect.pdf.paper import DARK, GREY, INK, MARGIN, WIDTH, Paper, written
from deepdect.report import Entry
from deepdect.scenes import Scene
from deepdect.texts import Texts
from explain import timeline

LEFT = MARGIN + 1  # mm, as all lengths here: as far as words stand off the margin
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - 31, 45.0  # beside it stand the names of the zones
TICK = 16.0
BAND = (228, 231, 236)
ROW, HEAD = 5.5, 4.5
ROWS_FIRST, ROWS = 14, 42  # people on the first page and on every further one


def to_pdf(
    found: video.VideoAnalysis,
    sha256: str | None,
    moments: Sequence[tuple[Scene, np.ndarray]],
    text: Texts,
    made: datetime | None = None,
    *,
    stopped: float | None = None,
) -> bytes:
    """The report in that language, where it can be written.

    Args:
        found: the video, in which there are people.
        sha256: the file's, None where it could not be read.
        moments: with their pixels, uint8 RGB [h, w, 3].
        made: when, with a time zone; now by default.
        stopped: how many seconds it had got to, where somebody stopped it: then there is no verdict on all of it.

    Raises:
        ValueError: nobody was found.
    """
    suspect = found.suspect
    if suspect is None:
        raise ValueError("a report on a video needs somebody in it")
    paper = Paper(text, made)
    further = [found.people[n : n + ROWS] for n in range(ROWS_FIRST, len(found.people), ROWS)]
    paper.expected = 1 + ceil(max(0, len(found.people) - ROWS_FIRST) / ROWS) + len(moments)
    _verdict(paper, found, suspect, stopped)
    colours = timeline.colours(found.people)
    _chart(paper, found, colours)
    _people(paper, found.people[:ROWS_FIRST], colours)
    paper.ln(3)
    paper.facts(sha256, found.model, found.runtime)
    paper.close_page()
    for people in further:
        paper.begin()
        _people(paper, people, colours)
        paper.close_page()
    for scene, photo in moments:
        entry = Entry(replace(scene.picture, path=found.path), scene.file, sha256)
        face.draw(paper, face.FacePage(entry, photo, 0, paper.says.caption(scene.person, scene.t)))
    return bytes(paper.output())


def _verdict(paper: Paper, found: video.VideoAnalysis, suspect: video.Person, stopped: float | None) -> None:
    """What was judged and how, on a new page."""
    paper.begin()
    text = paper.says
    paper.words(written(found.path), size=11, bold=True, lines=2)
    paper.ln(3)
    if stopped is not None:
        paper.words(text.stopped_after(stopped), size=16, bold=True)
        paper.words(text.video_partial, size=9)
    else:
        chance = f"{text.together(percent(suspect.fake_probability))} {text.probability}"
        paper.beside(text.verdicts[suspect.verdict], chance, 20, 11, INK[suspect.verdict])
        if len(suspect.moments) < video.ENOUGH:
            paper.words(text.too_brief(suspect.number), size=9, bold=True)
    if found.message:
        paper.words(written(text.say(found.message), own=True), size=9)
    paper.words(text.video_note, size=9)
    paper.ln(4)


def _chart(paper: Paper, found: video.VideoAnalysis, colours: dict[int, str]) -> None:
    """Everybody's fake probability over time, as on the page."""
    text, calibration = paper.says, found.people[0].calibration
    paper.words(text.timeline, size=10, bold=True)
    paper.ln(1)
    top = paper.get_y() + 1
    bottom, end = top + PLOT_HEIGHT, max(1.0, *(person.moments[-1].t for person in found.people))

    def height(probability: float) -> float:
        return bottom - PLOT_HEIGHT * probability

    paper.set_fill_color(*BAND)
    band = height(calibration.low) - height(calibration.high)
    paper.rect(LEFT, height(calibration.high), PLOT_WIDTH, band, style="F")
    paper.set_draw_color(*GREY)
    paper.line(LEFT, top, LEFT, bottom)
    paper.line(LEFT, bottom, LEFT + PLOT_WIDTH, bottom)
    for t in timeline.ticks(end):
        paper.pen(7, GREY)
        paper.set_xy(LEFT + PLOT_WIDTH * t / end - (0 if t == 0 else TICK / 2), bottom + 0.5)
        paper.cell(TICK, 4, text.seconds.format(seconds=t), align="L" if t == 0 else "C")
    for verdict, middle in calibration.zones.items():
        paper.pen(7, GREY)
        paper.set_xy(LEFT + PLOT_WIDTH + 1, height(middle) - 2)
        paper.cell(WIDTH - PLOT_WIDTH - 2, 4, text.verdicts[verdict], align="L")
    for person in (person for person in found.people if person.number in colours):
        red, green, blue = _rgb(colours[person.number])
        paper.set_draw_color(red, green, blue)
        paper.set_fill_color(red, green, blue)
        points = [(LEFT + PLOT_WIDTH * one.t / end, height(one.fake_probability)) for one in person.moments]
        for before, after in zip(points, points[1:], strict=False):
            paper.line(*before, *after)
        for x, y in points:
            paper.circle(x, y, 0.6, style="F")
    paper.set_draw_color(*DARK)
    paper.set_xy(MARGIN, bottom + 6)
    paper.words(text.timeline_note, size=8, colour=GREY)
    paper.ln(2)


def _people(paper: Paper, people: Sequence[video.Person], colours: dict[int, str]) -> None:
    """A line a person: colour in the chart, name, verdict, probability, and when they were seen."""
    text = paper.says
    paper.pen(8, GREY)
    paper.column(text.probability_head, HEAD, 30, 44, end=True)
    paper.ln(HEAD)
    for person in people:
        if person.number in colours:
            paper.set_fill_color(*_rgb(colours[person.number]))
            left = MARGIN + (WIDTH - 5 if text.right_to_left else 2)
            paper.rect(left, paper.get_y() + 1.4, 3, 3, style="F")
        moments = person.moments
        seen = text.seen(len(moments), moments[0].t, moments[-1].t, brief=len(moments) < video.ENOUGH)
        paper.pen(9)
        paper.column(text.person.format(number=person.number), ROW, 7, 23)
        paper.pen(9, INK[person.verdict], bold=True)
        paper.column(text.verdicts[person.verdict], ROW, 30, 30)
        paper.pen(9)
        paper.column(text.together(percent(person.fake_probability)), ROW, 60, 14, end=True)
        paper.pen(8, GREY)
        paper.column(seen, ROW, 76, WIDTH - 76)
        paper.ln(ROW)


def _rgb(colour: str) -> tuple[int, int, int]:
    """Of "#rrggbb"."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue
