"""The report on a video: its verdict, everybody in it, and its moments."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from deepdect.messages import Message
from deepdect.pdf import clip
from deepdect.pdf.paper import BOTTOM, NOT_WRITABLE, Paper
from deepdect.report import digest
from deepdect.scenes import Scene
from deepdect.texts import CODES, ENGLISH, language

from ..ui.test_cards import analysis, face
from ..ui.test_clip import found, person

DIGEST = "ab" * 32
TWO = found(person(1, -3, -3, -3), person(2, 4, 4, 4, 4, start=2.0))


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (80, 100, 3), np.uint8)


def scene(folder: Path, person: int, t: float, photo: np.ndarray) -> Scene:
    """A face in a frame's part, which is a file of ours."""
    image = Image.fromarray(photo)
    image.save(folder / "0.png")
    return Scene(person, t, analysis(face(0.9)), folder / "0.png", image)


def read(*args, code: str = "en", **options) -> PdfReader:
    return PdfReader(io.BytesIO(clip.to_pdf(*args, language(code), **options)))


def told(page) -> str:
    return " ".join(page.extract_text().split()).replace("\N{NO-BREAK SPACE}", " ")


def test_the_first_page_has_the_verdict_and_everybody():
    [page] = read(TWO, DIGEST, []).pages
    words = told(page)
    assert "a.mp4 Deepfake 98 % fake probability" in words and DIGEST in words and "net 7" in words
    assert "Fake probability Person 1" in words
    assert "Person 1 Real 5 % Frames: 3 (0.0–0.5 s)" in words
    assert "Person 2 Deepfake 98 % Frames: 4 (2.0–2.8 s)" in words
    assert all(" ".join(part.split()) in words for part in (ENGLISH.video_note, ENGLISH.timeline_note, ENGLISH.limits))


def test_every_frame_is_a_dot_and_a_line_leads_from_each_to_the_next(monkeypatch):
    drawn = {"line": [], "circle": []}
    for name, calls in drawn.items():
        monkeypatch.setattr(Paper, name, lambda self, *args, calls=calls, **_: calls.append(args))
    late = replace(person(1, 0, 0).moments[1], t=2.0)
    seen = replace(person(1, 0, 0), moments=(*person(1, 0, 0).moments, late))
    clip.to_pdf(found(seen), None, [], ENGLISH)
    assert len(drawn["circle"]) == 3
    frame = 2  # the axes
    assert len(drawn["line"]) == frame + 2
    left, right = clip.LEFT, clip.LEFT + clip.PLOT_WIDTH
    assert [round(x - left, 3) for x, _, _ in drawn["circle"]] == [
        0,
        round((right - left) * 0.25 / 2, 3),
        round(right - left, 3),
    ]
    assert len({y for _, y, _ in drawn["circle"]}) == 1


def test_a_moment_s_page_names_frame_and_video_and_not_the_frame_s_own_file(tmp_path, photo):
    moments = [(scene(tmp_path, person, t, photo), photo) for person, t in ((2, 2.25), (1, 0.0))]
    reader = read(TWO, DIGEST, moments)
    page = told(reader.pages[1])
    assert len(reader.pages) == 3 and "Page 2 of 3" in page
    assert "a.mp4 Person 2 at 2.2 s Fake probability of this frame alone: 90 %" in page
    assert (
        DIGEST in page
        and digest(moments[0][0].file) not in page
        and "pixels" not in page
        and "Deepfake" not in page.split("alone")[0]
    )
    assert len(reader.pages[1].images) == 3  # the face twice, and the legend's colours


def test_what_was_stopped_or_seen_too_briefly_gets_no_plain_verdict():
    words = told(read(TWO, None, [], stopped=2.75).pages[0])
    assert "Stopped after 2.8 s" in words and "It is no verdict on all of it." in words
    assert "98 % fake probability" not in words
    partly = Message("video_partly", name="a.mp4", seconds="600")
    words = told(read(found(person(1, 5, 5), message=partly), None, []).pages[0])
    assert (
        "Inconclusive" in words
        and f"Person 1: {ENGLISH.person_brief}" in words
        and "only the first 600 seconds" in words
    )


@pytest.mark.parametrize("code", ["en", "de", "ar", "ja"])
def test_a_crowd_goes_on_over_further_pages(monkeypatch, code):
    lowest, close = [], Paper.close_page
    monkeypatch.setattr(Paper, "close_page", lambda paper: (lowest.append(paper.get_y()), close(paper)))
    crowd = found(*(person(number, 1, 1) for number in range(1, clip.ROWS_FIRST + clip.ROWS + 3)))
    reader = read(replace(crowd, path="folder/" * 40), DIGEST, [], code=code)
    assert len(reader.pages) == 3 and max(lowest) < BOTTOM
    if code in ("en", "ja"):  # Japanese is written in English, which the report says
        assert "Person 1 " in told(reader.pages[0]) and f"Person {clip.ROWS_FIRST + 1} " in told(reader.pages[1])
        assert f"Person {len(crowd.people)} " in told(reader.pages[2])
        assert ("cannot write Japanese" in told(reader.pages[0])) == (code == "ja")


@pytest.mark.parametrize("code", [code for code in CODES if code not in NOT_WRITABLE])
def test_every_line_stays_within_its_column(monkeypatch, code):
    overflows = []
    cell = Paper.cell

    def measured(paper, width, height, words, *args, **options):
        overflows.append(paper.get_string_width(words) - width)
        return cell(paper, width, height, words, *args, **options)

    monkeypatch.setattr(Paper, "cell", measured)
    late = person(4321, 1, 1, start=12345.6)
    clip.to_pdf(found(late), DIGEST, [], language(code))
    assert len(overflows) > 10 and max(overflows) <= 0


def test_a_video_without_anybody_has_nothing_to_report():
    with pytest.raises(ValueError, match="somebody"):
        clip.to_pdf(found(), None, [], ENGLISH)
