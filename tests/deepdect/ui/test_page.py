"""What the page answers where no browser is needed to see it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
from gradio.utils import get_upload_folder
from PIL import Image
from pypdf import PdfReader

from deepdect import ui
from deepdect.messages import Message
from deepdect.report import digest
from deepdect.texts import CODES, ENGLISH, language
from deepdect.ui import uploads
from deepdect.ui.page import CACHE_SECONDS, Page
from deepdect.ui.shown import Shown
from deepdect.ui.wording import PHRASES, in_the_browser

from .test_cards import CALIBRATION, JAW, MOUTH, analysis, checked, face, words


class Broken:
    """A detector with an error in it."""

    calibration = CALIBRATION

    def analyze(self, source, name=None):
        raise RuntimeError("a bug")


class Checking(Broken):
    """A detector that confirms every region, and on the way does what a visitor does meanwhile."""

    def __init__(self):
        self.seen, self.meanwhile = [], lambda: None

    def verify(self, one):
        self.seen.append(one)
        self.meanwhile()
        regions = [replace(region, drop=2.2, verified=True) for region in one.faces[0].regions]
        return replace(one, faces=[replace(one.faces[0], regions=regions)])


class Request:
    """What a listener reads of a browser's request."""

    def __init__(self, accept_language="", lang=None):
        self.headers = {"host": "127.0.0.1:7860", "accept-language": accept_language}
        self.query_params = {"lang": lang} if lang else {}


@pytest.fixture(scope="module")
def page():
    return Page(Broken())


@pytest.fixture
def upload(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return {"path": str(Path(get_upload_folder()) / "a.png"), "orig_name": "a.png"}


def test_only_uploads_are_read(upload):
    assert uploads.upload(upload, ENGLISH).name == "a.png"
    with pytest.raises(gr.Error) as raised:
        uploads.upload({"path": "/etc/passwd"}, ENGLISH)
    assert raised.value.message == ENGLISH.not_uploaded


def test_an_error_leaves_no_verdict_behind(page, upload):
    explanation = page.photo.explanation
    first = page.photo._on_photo(upload, "en")
    assert ENGLISH.working in first[explanation.result]
    assert first[explanation.shown].waiting and first[explanation.shown].analysis is None
    assert first[explanation.several].visible is first[explanation.evidence].visible is False
    steps = page.photo._on_turn(upload, first[explanation.shown])
    assert ENGLISH.failed_title in next(steps)[explanation.result]
    with pytest.raises(RuntimeError, match="a bug"):
        next(steps)


class Slow(Broken):
    """A detector during whose analysis something happens."""

    def __init__(self, meanwhile, found=None):
        self.meanwhile, self.found = meanwhile, found or analysis(face(0.9))

    def analyze(self, source, name=None):
        self.meanwhile()
        return self.found


def test_a_photo_that_is_no_longer_chosen_gets_no_verdict(page, upload, monkeypatch):
    tab, shown = page.photo, page.photo.explanation.shown
    first = tab._on_photo(upload, "en")[shown]
    monkeypatch.setattr(tab, "detector", Slow(lambda: tab._on_photo(None, "en", first)))
    assert list(tab._on_turn(upload, first)) == [gr.skip()]  # taken away meanwhile
    other = upload | {"path": upload["path"].replace("a.png", "b.png")}
    assert list(tab._on_turn(other, tab._on_photo(upload, "en")[shown])) == [gr.skip()]  # another's turn came first
    assert list(tab._on_turn(upload, None)) == [gr.skip()]


def test_a_result_comes_in_the_language_that_is_spoken_by_then(page, upload, monkeypatch):
    tab = page.photo
    waiting = tab._on_photo(upload, "en")[tab.explanation.shown]

    def switch():
        told = page._on_language("de", None, None, waiting, None, None, None, None, None, Request())
        assert language("de").working in told[tab.explanation.result]

    monkeypatch.setattr(tab, "detector", Slow(switch))
    [result] = tab._on_turn(upload, waiting)
    assert result[tab.explanation.result].count(language("de").meanings["deepfake"]) == 1


def test_a_second_batch_takes_the_first_ones_place(page, upload, monkeypatch):
    tab = page.batch
    first = tab._on_wait([upload], "en", None, None)
    assert "0" in words(first[tab.progress]) and first[tab.done].visible is False
    batch = first[tab.state]
    running = tab._on_start([upload, upload], batch)
    monkeypatch.setattr(tab, "detector", Slow(lambda: tab._on_wait([upload], "en", None, batch)))
    assert list(running) == [gr.skip()] and batch.rows == []
    batch.stopped = True
    assert list(tab._on_start([upload], batch)) == [gr.skip()]
    assert list(tab._on_start(None, tab._on_wait(None, "en", None, None)[tab.state])) == [gr.skip()]


def test_a_result_whose_photo_was_deleted_says_so(page, tmp_path):
    explanation = page.photo.explanation
    one = replace(analysis(face(0.9)), photo=None)
    for shown in (None, Shown(one, tmp_path / "deleted.png")):
        assert language("fr").gone_title in explanation._on_pick(shown, 0, "fr")[explanation.result]


@pytest.fixture
def shown(tmp_path):
    """Two faces, the second one looked at, in French; nothing checked."""
    mouth, jaw = (replace(region, drop=None, verified=None) for region in (MOUTH, JAW))
    Image.new("RGB", (100, 80)).save(tmp_path / "a.png")
    return Shown(analysis(checked(0.1, jaw), checked(0.9, mouth)), tmp_path / "a.png", 1, "fr")


def test_a_check_renews_the_reason_and_the_regions_of_the_face_that_is_shown(shown):
    detector, french = Checking(), language("fr")
    explanation = Page(detector).photo.explanation
    updates = explanation._on_check(shown)
    assert set(updates) == {explanation.reason, explanation.face, explanation.regions}
    assert french.reasons["verified"] in words(updates[explanation.reason].value)
    assert french.confirmed in words(updates[explanation.regions])
    [one] = detector.seen[0].faces
    assert one.crop.pixels.shape == (256, 256, 3) and one.fake_probability == 0.9
    assert (shown.checked(0), shown.checked(1)) == (False, True)
    assert shown.analysis.faces[1].crop is not one.crop  # no pixels are kept
    again = explanation._on_check(
        shown
    )  # a report may have checked it first: what is known is said, and not found anew
    assert words(again[explanation.regions]) == words(updates[explanation.regions]) and len(detector.seen) == 1
    reworded = explanation.reworded(shown, 1, language("de"))
    assert language("de").reasons["verified"] in words(reworded[explanation.reason].value)


def test_a_check_ends_on_what_is_looked_at_by_then(shown):
    detector = Checking()
    explanation = Page(detector).photo.explanation
    detector.meanwhile = lambda: explanation.reworded(shown, 1, language("ar"))
    assert language("ar").confirmed in words(explanation._on_check(shown)[explanation.regions])
    detector.meanwhile = lambda: explanation._on_pick(shown, 1, "en")
    shown.chosen = 0
    assert explanation._on_check(shown) == gr.skip() and shown.checked(0)


def test_a_check_says_nothing_of_a_photo_that_was_replaced_or_deleted(shown):
    detector = Checking()
    explanation = Page(detector).photo.explanation
    detector.meanwhile = lambda: explanation.cleared("", shown)
    assert explanation._on_check(shown) == gr.skip()
    shown.file.unlink()
    shown.chosen = 0
    nothing = Shown(analysis(status="no_face"), shown.file)
    assert [explanation._on_check(one) for one in (shown, None, nothing, Shown(None, shown.file))] == [gr.skip()] * 4
    assert len(detector.seen) == 1


def test_a_report_tells_what_hiding_found_of_every_face(shown, monkeypatch, tmp_path):
    """Of those that nobody looked at, too; a face that was checked is not checked again."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    detector = Checking()
    photo = Page(detector).photo
    photo.explanation._on_check(shown)
    shown.sha256 = digest(shown.file)
    file = Path(photo._on_download("pdf", shown, "fr"))
    assert len(detector.seen) == 2 and shown.checked(0) and shown.checked(1)
    told = " ".join("".join(page.extract_text() for page in PdfReader(file).pages).split())
    assert shown.sha256 in told and told.count("✓") == 2 + 2  # a region and the legend on each face's page
    assert json.loads(Path(photo._on_download("json", shown, "fr")).read_text())[0] == shown.analysis.to_json()
    assert len(detector.seen) == 2


def test_a_face_that_a_report_checked_is_shown_as_checked(shown, monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    photo = Page(Checking()).photo
    shown.sha256 = digest(shown.file)
    photo._on_download("pdf", shown, "fr")
    shown.chosen = 0  # picked while the report was made; its own check comes after
    assert language("fr").confirmed in words(photo.explanation._on_check(shown)[photo.explanation.regions])


def test_no_report_is_made_without_its_pictures_or_of_what_was_left(shown, monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    detector = Checking()
    photo = Page(detector).photo
    shown.sha256 = digest(shown.file)
    detector.meanwhile = lambda: setattr(shown, "left", True)
    with pytest.raises(gr.Error):
        photo._on_download("pdf", shown, "en")
    assert len(detector.seen) == 1  # the second face is not begun
    shown.left = False
    shown.file.unlink()
    with pytest.raises(gr.Error) as error:
        photo._on_download("pdf", shown, "en")
    assert error.value.message == ENGLISH.gone
    assert json.loads(Path(photo._on_download("json", shown, "en")).read_text()) == [shown.analysis.to_json()]


def test_a_photo_without_a_face_is_reported_as_such(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    Image.new("RGB", (100, 80)).save(tmp_path / "a.png")
    nobody = Shown(analysis(status="no_face", message="a.jpg shows nobody"), tmp_path / "a.png")
    nobody.sha256 = digest(nobody.file)
    photo = Page(Checking()).photo
    [report] = PdfReader(photo._on_download("pdf", nobody, "en")).pages
    assert "a.jpg shows nobody" in report.extract_text() and nobody.sha256 in report.extract_text()
    assert json.loads(Path(photo._on_download("json", nobody, "en")).read_text())[0]["status"] == "no_face"


@pytest.mark.parametrize("gone", [None, Shown(None, Path("a.png"))])
def test_without_a_result_there_is_nothing_to_report(page, gone):
    with pytest.raises(gr.Error) as error:
        page.photo._on_download("pdf", gone, "es")
    assert error.value.message == language("es").gone


def test_uploads_go_to_a_folder_of_the_page_s_own(detector, monkeypatch):
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    ui.build(detector)
    folder = Path(get_upload_folder())
    assert folder.name.startswith("deepdect-") and folder.stat().st_mode & 0o077 == 0


def test_what_visitors_send_is_not_kept(page):
    assert page.blocks.delete_cache == CACHE_SECONDS
    told = page._on_load(None, Request())[page.privacy]
    assert ENGLISH.kept.format(minutes=sum(CACHE_SECONDS) // 60) in told
    assert ui.LAUNCH["run_history"] is False and page.blocks.analytics_enabled is False


@pytest.mark.parametrize(
    ("remembered", "lang", "accepted", "code"),
    [
        (None, None, "", "en"),
        (None, None, "ar,en;q=0.5", "ar"),
        (None, "ja", "ar", "ja"),
        ("hi", "ja", "ar", "hi"),
        ("xx", "yy", "pt-BR", "pt"),
    ],
)
def test_the_language_is_the_visitor_s_choice_then_the_address_s_then_the_browser_s(
    page, remembered, lang, accepted, code
):
    updates = page._on_load(remembered, Request(accepted, lang))
    text = language(code)
    assert updates[page.language]["value"] == code
    assert text.private_local in updates[page.privacy]
    assert updates[page.photo.analyse]["value"] == text.analyse
    assert text.waiting[0] in updates[page.photo.explanation.result]["value"]


def test_a_fixed_language_goes_before_the_browser_s():
    page = Page(Broken(), "de")
    assert page.language.value == "de" and page.photo.analyse.value == language("de").analyse
    assert page._on_load(None, Request("ar"))[page.language]["value"] == "de"


@pytest.mark.parametrize("code", CODES)
def test_a_new_language_rewords_all_that_is_shown(page, code, tmp_path):
    text, explanation = language(code), page.photo.explanation
    shown = Shown(analysis(face(0.1), face(0.9, {"nose": 1})), tmp_path / "a.png")
    updates = page._on_language(code, None, None, shown, 1, None, None, None, None, Request())
    assert text.verdicts["deepfake"] in words(updates[explanation.result])
    assert text.region_names["nose"] in words(updates[explanation.regions])
    assert words(text.reasons["nothing"]) in words(updates[explanation.reason].value)
    assert text.verdicts["real"] in updates[explanation.picker].choices[0][0]
    assert updates[explanation.picker].value == 1
    for component in page.say.components:  # nothing keeps the old language
        assert component in updates
    refused = Shown(analysis(status="unreadable", message=Message("empty", name="a.png")), tmp_path / "a.png")
    updates = page._on_language(code, None, None, refused, None, None, None, None, None, Request())
    assert text.statuses["unreadable"] in words(updates[explanation.result])
    assert words(text.say(Message("empty", name="a.png"))) in words(updates[explanation.result])


def test_gradio_has_every_phrase_in_every_language():
    known = in_the_browser().translations
    assert set(known) == {*CODES, "zh-CN", "pt-BR"} - {"zh", "pt"}
    assert all(set(phrases) == set(PHRASES) for phrases in known.values())


def test_no_words_of_the_page_stand_outside_the_language_files(page):
    """Whatever Gradio shows of a component was put there by `Wording`, or is empty, until a listener fills it."""
    spoken = {component for component in page.say.components}
    for component in page.blocks.blocks.values():
        if component in spoken or component is page.language:
            continue
        label = getattr(component, "label", None)
        value = words(component.value or "") if isinstance(component, gr.HTML | gr.Button) else None
        hidden = isinstance(component, gr.State | gr.DownloadButton | gr.Dataframe)
        # what only programs see lies in rows of its own
        hidden |= isinstance(component.parent, gr.Row) and component.parent.visible is False
        assert hidden or not (label or value), f"{type(component).__name__} {label!r} {value!r}"
