"""The page before the faces of a group: what is listed, and where its links lead."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from deepdect import pdf
from deepdect.pdf import group
from deepdect.pdf.paper import BOTTOM, NOT_WRITABLE, Paper
from deepdect.report import Entry
from deepdect.texts import CODES, ENGLISH, language

from ..ui.test_cards import analysis, face

FACES = (face(0.97), face(0.1), face(0.5))


def read(entry: Entry, code: str = "en") -> PdfReader:
    return PdfReader(io.BytesIO(pdf.to_pdf([entry], language(code))))


def told(page) -> str:
    return " ".join(page.extract_text().split()).replace("\N{NO-BREAK SPACE}", " ")


def test_a_group_is_shown_as_a_whole_with_a_link_to_every_face(tmp_path):
    Image.fromarray(np.full((80, 100, 3), 90, np.uint8)).save(tmp_path / "a.png")
    reader = read(Entry.of(analysis(*FACES), tmp_path / "a.png"))
    first = reader.pages[0]
    assert [image.image.size for image in first.images] == [(100, 80)]
    assert "Face 1 Deepfake 97 % Face 2 Real 10 % Face 3 Inconclusive 50 %" in told(first)
    assert told(first).count("Fake probability") == 2  # over each column
    assert " ".join(ENGLISH.several_faces.format(count=3, number=1).split()) in told(first)
    numbers = {page.indirect_reference.idnum: number for number, page in enumerate(reader.pages)}
    targets = [numbers[link.get_object()["/Dest"][0].idnum] for link in first["/Annots"]]
    assert [*dict.fromkeys(targets)] == [1, 2, 3]
    assert ["Face 2 of 3" in told(page) for page in reader.pages] == [False, False, True, False]


def test_one_face_needs_no_such_page():
    assert [group.pages(analysis(*faces)) for faces in ((), FACES[:1], FACES[:2])] == [0, 0, 1]
    assert len(read(Entry(analysis(FACES[0]), Path("gone.png"), None)).pages) == 1


@pytest.mark.parametrize("code", [code for code in CODES if code not in NOT_WRITABLE])
def test_a_tall_picture_of_many_fits_its_page(monkeypatch, code):
    lowest, close = [], Paper.close_page
    monkeypatch.setattr(Paper, "close_page", lambda paper: (lowest.append(paper.get_y()), close(paper)))
    many, paper = replace(analysis(*FACES * 9), path="folder/" * 40), Paper(language(code))
    group.draw(paper, many, np.full((400, 100, 3), 90, np.uint8), 2)
    assert len(lowest) == 1 and lowest[0] < BOTTOM
    if code == "en":
        for _ in many.faces:  # the pages that its links lead to
            paper.add_page()
        listed = told(PdfReader(io.BytesIO(paper.output())).pages[0])
        assert f"Face {group.FIRST} " in listed and f"Face {group.FIRST + 1} " not in listed
