"""The summary before a report on several pictures: order, page numbers, names that are too long."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader

from deepdect import pdf
from deepdect.pdf import summary
from deepdect.pdf.paper import Paper
from deepdect.pdf.summary import ROWS, Line
from deepdect.report import Entry
from deepdect.texts import ENGLISH, language

from ..ui.test_cards import analysis, face

REFUSED = analysis(status="unreadable", message="damaged")


def entry(name: str, *probabilities: float) -> Entry:
    judged = analysis(*(face(value) for value in probabilities)) if probabilities else REFUSED
    return Entry(replace(judged, path=name), Path("gone.png"), None)


def read(*entries: Entry, code: str = "en") -> PdfReader:
    return PdfReader(io.BytesIO(pdf.to_pdf(entries, language(code))))


def text_of(page) -> str:
    return " ".join(page.extract_text().split())


def test_the_most_suspicious_comes_first_and_what_has_no_verdict_last():
    lines = [
        Line("a", None, None, 2),
        Line("b", "real", 0.0, 3),
        Line("c", "deepfake", 0.97, 4),
        Line("d", None, None, 5),
        Line("e", "inconclusive", 0.5, 6),
    ]
    [page] = summary.by_page(lines)
    assert [line.name for line in page] == ["c", "e", "b", "a", "d"]


@pytest.mark.parametrize(("count", "pages"), [(1, 0), (2, 1), (ROWS, 1), (ROWS + 1, 2), (200, 6)])
def test_pages_are_as_many_as_are_needed(count, pages):
    assert summary.pages(count) == pages
    parts = summary.by_page([Line(str(n), "real", 0.1, n) for n in range(count)])
    assert len(parts) == pages and sum(map(len, parts)) == (count if pages else 0)


def test_every_picture_is_named_with_its_verdict_and_a_link_to_its_first_page():
    reader = read(entry("a.png", 0.1, 0.2), entry("b.png"), entry("c.png", 0.97, 0.5))
    assert len(reader.pages) == 1 + 3 + 1 + 3  # of a group, a page with all its faces comes first
    told = text_of(reader.pages[0]).replace("\N{NO-BREAK SPACE}", " ")
    assert told.index("c.png Deepfake 97 % Page 6 of 8") < told.index("a.png Real 20 % Page 2 of 8")
    assert told.index("a.png Real") < told.index(f"b.png {ENGLISH.batch_refused} Page 5 of 8")
    assert told.startswith("Deep Dect report") and "File Verdict Fake probability" in told
    for number, name in ((1, "a.png"), (4, "b.png"), (5, "c.png")):
        assert name in text_of(reader.pages[number])
    numbers = {page.indirect_reference.idnum: number for number, page in enumerate(reader.pages)}
    targets = [numbers[link.get_object()["/Dest"][0].idnum] for link in reader.pages[0]["/Annots"]]
    assert [*dict.fromkeys(targets)] == [5, 1, 4]


def test_one_picture_needs_no_summary():
    reader = read(entry("a.png", 0.1, 0.9))
    assert len(reader.pages) == 3 and "Face 1 of 2" in text_of(reader.pages[1])
    assert ENGLISH.column_file not in text_of(reader.pages[0])


def test_of_a_long_name_the_end_is_kept_on_its_line():
    reader = read(entry("folder/" * 60 + "a.png", 0.1), entry("b.png", 0.2), code="de")
    told = text_of(reader.pages[0])
    assert "…" in told and "folder/a.png" in told and told.count("folder/") < 15


def test_where_lines_begin_on_the_right_so_do_the_summarys():
    places: dict[str, float] = {}

    def visit(text, _cm, matrix, _font, _size):
        if text.strip() in ("a.png", "b.png"):
            places[text.strip()] = matrix[4]

    for code, right in (("en", False), ("ar", True)):
        places.clear()
        read(entry("a.png", 0.1), entry("b.png", 0.2), code=code).pages[0].extract_text(visitor_text=visit)
        assert len(places) == 2 and all((x > 300) == right for x in places.values()), (code, places)


def test_an_endless_name_takes_no_longer_to_cut_than_its_reading(monkeypatch):
    paper = Paper(ENGLISH)
    paper.expected = 1
    paper.begin()
    paper.pen(9)
    read_letters, width = [], paper.get_string_width
    monkeypatch.setattr(paper, "get_string_width", lambda words: read_letters.append(len(words)) or width(words))
    short, long = (summary._tail(paper, "a/" * half, 84) for half in (200, 2000))
    assert short == long and short.startswith("…") and 40 < len(short) < 100
    whole = read_letters.index(4000)
    assert sum(read_letters[whole:]) == sum(read_letters[:whole]) + 4000 - 400
