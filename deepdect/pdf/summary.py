"""The first pages of a report on several pictures: every picture in a line, the most suspicious first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from deepdect import Analysis
from deepdect.figures import percent
from deepdect.pdf.paper import GREY, INK, WIDTH, Paper, written
from deepdect.verdict import Verdict

ROW = 6.0  # mm, as all lengths here
ROWS = 38  # a page
TAIL = 200  # letters of a name that are measured; hardly a hundred of the narrowest fit
FILE, VERDICT, CHANCE, PAGE = 88.0, 40.0, 18.0, WIDTH - 146.0  # widths of the columns
HEAD = 42.0  # over the chances; their figures are narrower


@dataclass(frozen=True)
class Line:
    """A picture: what its file is called, its verdict with the probability (None without one), and its first page."""

    name: str
    verdict: Verdict | None
    probability: float | None
    page: int

    @staticmethod
    def of(analysis: Analysis, page: int) -> Line:
        """The line of a picture whose first page that is."""
        return Line(written(analysis.path), analysis.verdict, analysis.fake_probability, page)


def pages(count: int) -> int:
    """How many pages the lines of `count` pictures take; a single picture needs no summary."""
    return ceil(count / ROWS) if count > 1 else 0


def by_page(lines: Sequence[Line]) -> list[list[Line]]:
    """Each page's lines: most suspicious first, those without a verdict last, in the order in which they came."""
    ordered = sorted(lines, key=lambda line: -1.0 if line.probability is None else line.probability, reverse=True)
    return [ordered[number * ROWS : (number + 1) * ROWS] for number in range(pages(len(lines)))]


def draw(paper: Paper, lines: Sequence[Line]) -> None:
    """A page with these lines."""
    paper.begin()
    text = paper.says
    paper.pen(8, GREY)
    paper.column(text.column_file, ROW, 0, FILE)
    paper.column(text.column_verdict, ROW, FILE, VERDICT + CHANCE - HEAD)
    paper.column(text.probability_head, ROW, FILE + VERDICT + CHANCE - HEAD, HEAD, end=True)
    paper.ln(ROW)
    for line in lines:
        link = paper.add_link(page=line.page)
        paper.pen(9)
        paper.column(_tail(paper, line.name, FILE - 4), ROW, 0, FILE, link)
        if line.verdict is None or line.probability is None:
            paper.pen(9, bold=True)
            paper.column(text.batch_refused, ROW, FILE, VERDICT + CHANCE, link)
        else:
            paper.pen(9, INK[line.verdict], bold=True)
            paper.column(text.verdicts[line.verdict], ROW, FILE, VERDICT, link)
            paper.pen(9)
            paper.column(text.together(percent(line.probability)), ROW, FILE + VERDICT, CHANCE, link, end=True)
        paper.pen(8, GREY)
        page = text.report_page.format(page=line.page, pages=paper.expected)
        paper.column(page, ROW, FILE + VERDICT + CHANCE, PAGE, link, end=True)
        paper.ln(ROW)
    paper.close_page()


def _tail(paper: Paper, name: str, width: float) -> str:
    """A name's end, as far as it fits: there files differ."""
    if paper.get_string_width(name) <= width:
        return name
    name = name[-TAIL:]
    while name and paper.get_string_width(f"…{name}") > width:
        name = name[1:]
    return f"…{name}"
