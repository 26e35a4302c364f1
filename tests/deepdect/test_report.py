"""One set of figures in JSON, CSV and PDF, from hand-made analyses."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from deepdect import pdf, report
from deepdect.messages import Message
from deepdect.pdf.paper import BOTTOM, NOT_WRITABLE, Paper, writable, written
from deepdect.report import Entry, _harmless
from deepdect.texts import CODES, ENGLISH, language
from explain.regions import REGIONS, RegionEvidence

from .test_texts import flat
from .ui.test_cards import JAW, MOUTH, NOSE, analysis, checked, face

MADE = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
SAID = (
    Message("origin_credentials_broken", value="assertion.dataHash.mismatch"),
    Message("origin_generator", value="AUTOMATIC1111", field="PNG parameters"),
    Message("origin_declared", field="XMP DigitalSourceType"),
    Message("origin_camera", value="Example Camera Company EOS 1234"),
    Message("origin_software", value="a program"),
    Message("origin_moving"),
)
EVIDENCE = {name: round(0.31 - 0.07123 * number, 5) for number, name in enumerate(REGIONS)}


@pytest.fixture(scope="module")
def entries(tmp_path_factory) -> list[Entry]:
    """Two faces in one picture, and a file that is none."""
    folder = tmp_path_factory.mktemp("report")
    photo = np.random.default_rng(1).integers(0, 255, (80, 100, 3), np.uint8)
    Image.fromarray(photo).save(folder / "a.png")
    (folder / "b.png").write_bytes(b"")
    two = analysis(face(0.1, EVIDENCE, (Message("small_face", pixels=40),)), face(0.973412, EVIDENCE))
    refused = analysis(status="unreadable", message=Message("empty", name="a.jpg"))
    return [Entry.of(two, folder / "a.png"), Entry.of(refused, folder / "b.png")]


@pytest.fixture(scope="module")
def pages(entries) -> list[str]:
    """The faces' pages; the summary and the whole picture go before them."""
    return text_of(pdf.to_pdf(entries, ENGLISH, MADE))[2:]


def text_of(data: bytes) -> list[str]:
    """Each page's text, its white space single."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(data)).pages]


def test_an_entry_keeps_no_pixels_and_reads_them_again(entries):
    assert entries[0].analysis.photo is None
    assert all(one.crop.pixels.size == 0 for one in entries[0].analysis.faces)
    assert entries[0].photo().shape == (80, 100, 3)
    assert entries[0].sha256 == hashlib.sha256(entries[0].file.read_bytes()).hexdigest()
    gone = Entry.of(entries[0].analysis, entries[0].file.with_name("gone.png"))
    assert gone.photo() is None and gone.sha256 is None


def test_an_entry_s_photo_is_the_one_that_was_judged(entries, tmp_path):
    file = tmp_path / "a.png"
    shutil.copyfile(entries[0].file, file)
    entry = Entry.of(entries[0].analysis, file)
    assert entry.photo() is not None
    Image.new("RGB", (100, 80)).save(file)
    assert entry.photo() is None and entry.sha256 == entries[0].sha256


def test_json_is_the_contract_s(entries):
    assert json.loads(report.to_json(entry.analysis.to_json() for entry in entries)) == [
        entry.analysis.to_json() for entry in entries
    ]


def test_csv_has_the_json_s_figures_a_row_a_face(entries):
    text = report.to_csv(entries)
    assert text.startswith("\ufefffile,status,")
    rows = list(csv.DictReader(io.StringIO(text[1:])))
    assert [(row["face"], row["status"]) for row in rows] == [("1", "ok"), ("2", "ok"), ("", "unreadable")]
    for row, judged in zip(rows, entries[0].analysis.to_json()["faces"], strict=False):
        for name in ("fake_probability", "logit", "bias", "detection_score"):
            assert float(row[name]) == judged[name]
        assert row["verdict"] == judged["verdict"]
        assert {region["name"]: region["evidence"] for region in judged["regions"]} == {
            name: float(row[f"evidence_{name}"]) for name in REGIONS
        }
    assert rows[0]["strongest_region"] == "outside_face"
    assert rows[0]["warnings"] == "small face: 40 px"
    assert rows[2]["message"] == "a.jpg: is empty (0 bytes). Send the file again."
    assert rows[2]["fake_probability"] == rows[2]["verdict"] == ""


def test_csv_names_no_region_of_an_undecided_face():
    undecided = Entry(analysis(face(0.5, EVIDENCE), face(0.9, EVIDENCE)), Path("a.png"), "ab")
    first, second = csv.DictReader(io.StringIO(report.to_csv([undecided])[1:]))
    assert (first["verdict"], first["strongest_region"]) == ("inconclusive", "")
    assert second["strongest_region"] == "outside_face"


def test_csv_cannot_be_made_to_run_a_formula(entries):
    evil = Entry.of(replace(entries[1].analysis, path="=cmd|' /C calc'!A0"), entries[1].file)
    (row,) = csv.DictReader(io.StringIO(report.to_csv([evil])[1:]))
    assert row["file"] == "'=cmd|' /C calc'!A0"


def test_pdf_has_a_page_a_face_with_the_json_s_figures(entries, pages):
    assert len(pages) == 3
    for number, judged in enumerate(entries[0].analysis.to_json()["faces"]):
        page = pages[number]
        assert f"{judged['fake_probability']:.6f}" in page
        for value in (judged["logit"], judged["bias"], *(region["evidence"] for region in judged["regions"])):
            assert f"{value:+.5f}" in page
        assert all(ENGLISH.region_names[name] in page for name in REGIONS)
        assert f"Face {number + 1} of 2" in page and "100 x 80 pixels" in page
        assert entries[0].sha256 in page
    assert "Real" in pages[0] and "small face: 40 px" in pages[0]
    assert "Deepfake" in pages[1] and "97 % fake probability" in pages[1].replace("\N{NO-BREAK SPACE}", " ")
    for page in pages:
        assert "2026-03-04 05:06 UTC" in page and "net 7" in page and "0123456789abcdef" in page
        assert "A tool, not a proof." in page
    assert "a.jpg: is empty (0 bytes)." in pages[2] and ENGLISH.no_score in pages[2]
    assert "Page 5 of 5" in pages[2] and entries[1].sha256 in pages[2]


def test_pdf_tells_the_reason_and_what_hiding_found(entries, pages):
    assert ENGLISH.reasons["nothing"] in pages[0] and ENGLISH.drop not in pages[0]
    verified = replace(entries[0], analysis=analysis(checked(0.9, MOUTH, JAW, NOSE)))
    [page] = text_of(pdf.to_pdf([verified], ENGLISH, MADE))
    told = page.replace("\N{NO-BREAK SPACE}", " ")
    assert "The mouth and the nose argue for deepfake, with 70 % of the evidence, not checked by hiding." in told
    assert "hidden, the fake" not in told  # what was not checked throughout is not told as if it had been
    assert "+2.20000 ✓" in page and "-0.25000 ✗" in page and ENGLISH.drop in page and ENGLISH.checks in page


def test_pdf_writes_figures_and_lists_as_its_language_does(entries):
    warned = replace(checked(0.9, MOUTH, JAW, NOSE), warnings=[Message("small_face", pixels=40)])
    verified = replace(entries[0], analysis=analysis(warned))
    [page] = text_of(pdf.to_pdf([verified], language("fr"), MADE))
    assert "+2,20000 ✓" in page and "-0,25000 ✗" in page and f"{warned.bias:+.5f}".replace(".", ",") in page
    assert f"{warned.logit:+.5f}".replace(".", ",") in page and "-0,25" in page.replace("\N{MINUS SIGN}", "-")
    assert re.search(language("fr").warnings + r"\s: ", page)
    assert not re.search(r"\d\.\d{2}", page)


def test_pdf_shows_the_face_with_and_without_its_map(entries):
    reader = PdfReader(io.BytesIO(pdf.to_pdf(entries, ENGLISH, MADE)))
    sizes = [[image.image.size for image in page.images] for page in reader.pages]
    assert len(sizes[2]) == 3 and sizes[0] == sizes[4] == []  # the face twice, and the legend's colours
    assert sorted(sizes[2])[1] == sorted(sizes[2])[2] != sorted(sizes[2])[0] == (128, 1)


def fullest(entry: Entry) -> Entry:
    """The entry as a page needs most room for: a long path, warnings, three regions that hiding has confirmed, and a
    file that says much about itself."""
    regions = [RegionEvidence(name, 0.5, 0.3, 0.25, True) for name in REGIONS]
    regions[0] = replace(regions[0], drop=2.2)
    warnings = [
        Message("small_face", pixels=40),
        Message("tilted_head", degrees=40),
        Message("turned_head"),
        Message("cut_off_face"),
        Message("unfamiliar_face"),
    ]
    worst = replace(checked(0.9, *regions), warnings=warnings)
    analysed = replace(entry.analysis, path="folder/" * 40, faces=[worst, worst])
    return replace(entry, analysis=analysed, origin=SAID)


def test_a_report_says_what_the_files_say_about_themselves(entries, tmp_path):
    """The telling ones first; a file that says nothing takes no room for it. The table has every sentence."""
    assert entries[0].origin == () and ENGLISH.origin_title not in text_of(pdf.to_pdf(entries, ENGLISH, MADE))[2]
    frames = [Image.new("RGB", (99, 99), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    moving = Entry.of(entries[0].analysis, tmp_path / "a.gif")
    assert moving.origin == (Message("origin_moving"),)
    assert Entry.of(entries[1].analysis, tmp_path / "a.gif").origin == ()  # what cannot be read says nothing
    told = replace(entries[0], origin=SAID)
    [_, page, _] = text_of(pdf.to_pdf([told], language("de"), MADE))
    said = [" ".join(language("de").say(message).split()) for message in SAID]
    assert language("de").origin_title in page
    places = [page.index(said[number]) for number in (0, 1, 2, 5)]  # telling ones, in their order
    assert places == sorted(places) and said[3] not in page and said[4] not in page
    rows = list(csv.DictReader(io.StringIO(report.to_csv([told, moving]).removeprefix("\ufeff"))))
    assert [row["origin"] for row in rows] == 2 * [" ".join(SAID)] + 2 * [SAID[-1]]


def test_every_page_of_a_group_names_the_face_that_decides(pages):
    several = " ".join(ENGLISH.several_faces.format(count=2, number=2).split())
    assert several in pages[0] and several in pages[1] and "most suspicious" not in pages[2]


@pytest.mark.parametrize("code", ["es", "pt", "fr", "de", "ar", "id", "ja"])
def test_pdf_speaks_the_language_that_its_font_can_write_and_fits_its_pages(entries, code, monkeypatch):
    text, lowest = language(code), []
    close = Paper.close_page
    monkeypatch.setattr(Paper, "close_page", lambda paper: (lowest.append(paper.get_y()), close(paper)))
    pages = text_of(pdf.to_pdf(entries, text, MADE))[2:]
    assert len(pages) == 3 and len(lowest) == 5
    for said in (SAID, ()):  # with smaller pictures, and with larger ones
        pdf.to_pdf([replace(fullest(entries[0]), origin=said)], text, MADE)
    assert max(lowest) < BOTTOM
    assert text.figure("0.973412") in pages[1]
    if code in NOT_WRITABLE:
        assert f"cannot write {text.english_name}" in pages[0] and "A tool, not a proof." in pages[0]
    elif not text.right_to_left:  # joined letters are extracted in an order of their own
        assert text.verdicts["real"] in pages[0] and text.region_names["jaw"] in pages[0]
        assert " ".join(text.messages["empty"].format(name="a.jpg").split()) in pages[2]


@pytest.mark.parametrize("code", [code for code in CODES if code not in NOT_WRITABLE])
def test_the_font_has_every_letter_of_a_language_that_it_is_used_for(code):
    letters = set("".join(flat(language(code)).values())) - {"\n"}
    assert {letter for letter in letters if ord(letter) not in writable()} == set()


def test_what_the_font_cannot_write_is_escaped():
    assert written("photo é 照.jpg") == "photo é \\u7167.jpg"
    assert written("a\x1b[2J\u200e") == "a\\x1b[2J\\u200e"
    assert written("\u200ea.jpg\u200e\xa0: 照", own=True) == "\u200ea.jpg\u200e\xa0: \\u7167"


def test_a_report_tells_its_time_in_utc_and_needs_a_picture(entries):
    made = datetime(2026, 3, 4, 7, 6, tzinfo=timezone(timedelta(hours=2)))
    assert "2026-03-04 05:06 UTC" in text_of(pdf.to_pdf(entries[1:], ENGLISH, made))[0]
    with pytest.raises(ValueError, match="at least one picture"):
        pdf.to_pdf([], ENGLISH)


def test_the_csv_has_each_figure_in_its_column():
    one = replace(face(0.9, {"jaw": 0.2}, ("first", "second")), bias=-0.5)
    two = Entry(analysis(one, one), Path("a.png"), "ab")
    row, _ = csv.DictReader(io.StringIO(report.to_csv([two])[1:]))
    names = "width height faces face box_x box_y box_width box_height bias model model_version model_sha256 runtime"
    assert [row[name] for name in [*names.split(), "warnings"]] == [
        "100",
        "80",
        "2",
        "1",
        "10",
        "20",
        "30",
        "40",
        "-0.5",
        "net",
        "7",
        "0123456789abcdef",
        "some-runtime",
        "first; second",
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_would_compute_is_made_harmless(start):
    assert _harmless(f"{start}1+1") == f"'{start}1+1" and _harmless(-1.5) == -1.5
