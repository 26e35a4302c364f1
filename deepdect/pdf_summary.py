"""The first pages of a report on several pictures: every picture in a line, the most suspicious first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from fpdf import FPDF

from deepdect import Analysis
from deepdect.figures import percent
from deepdect.pdf_table import GREY, MARGIN, WIDTH, pen
from deepdect.texts import Texts
from deepdect.verdict import Verdict

ROW = 6.0  # mm, as all lengths here
ROWS = 38  # a page
FILE, VERDICT, CHANCE, PAGE = 88.0, 40.0, 18.0, WIDTH - 146.0  # widths of the columns


@dataclass(frozen=True)
class Line:
    """A picture: what its file is called, its verdict with the probability (None without one), and its first page."""

    name: str
    verdict: Verdict | None
    probability: float | None
    page: int

    @staticmethod
    def of(analysis: Analysis, written: Callable[[str], str], page: int) -> Line:
        """written: makes a file's name what the font can write."""
        return Line(written(analysis.path), analysis.verdict, analysis.fake_probability, page)


def pages(count: int) -> int:
    """How many pages the lines of `count` pictures take; a single picture needs no summary."""
    return ceil(count / ROWS) if count > 1 else 0


def by_page(lines: Sequence[Line]) -> list[list[Line]]:
    """Each page's lines: most suspicious first, those without a verdict last, in the order in which they came."""
    ordered = sorted(lines, key=lambda line: -1.0 if line.probability is None else line.probability, reverse=True)
    return [ordered[number * ROWS : (number + 1) * ROWS] for number in range(pages(len(lines)))]


def draw(report: FPDF, lines: Sequence[Line], total: int, text: Texts, ink: dict[str, tuple[int, int, int]]) -> None:
    """One page's lines. total: pages of the report. ink: each verdict's colour."""

    def cell(words: str, after: float, width: float, link: int | None = None, *, end: bool = False) -> None:
        """Words in a column that begins `after` the line's start, at its start or its end."""
        left = WIDTH - after - width if text.right_to_left else after
        report.set_x(MARGIN + left)
        report.cell(width, ROW, words, align="L" if end == text.right_to_left else "R", link=link or "")

    pen(report, 8, GREY)
    cell(text.column_file, 0, FILE)
    cell(text.column_verdict, FILE, VERDICT)
    report.ln(ROW)
    for line in lines:
        link = report.add_link(page=line.page)
        pen(report, 9)
        cell(_tail(report, line.name, FILE - 4), 0, FILE, link)
        if line.verdict is None or line.probability is None:
            pen(report, 9, bold=True)
            cell(text.batch_refused, FILE, VERDICT + CHANCE, link)
        else:
            pen(report, 9, ink[line.verdict], bold=True)
            cell(text.verdicts[line.verdict], FILE, VERDICT, link)
            pen(report, 9)
            cell(text.together(percent(line.probability)), FILE + VERDICT, CHANCE, link, end=True)
        pen(report, 8, GREY)
        page = text.report_page.format(page=line.page, pages=total)
        cell(page, FILE + VERDICT + CHANCE, PAGE, link, end=True)
        report.ln(ROW)


def _tail(report: FPDF, name: str, width: float) -> str:
    """A name's end, as far as it fits: there files differ."""
    if report.get_string_width(name) <= width:
        return name
    while name and report.get_string_width(f"…{name}") > width:
        name = name[1:]
    return f"…{name}"
