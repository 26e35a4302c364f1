"""The video tab where no browser is needed to see it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from html import unescape
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from pypdf import PdfReader

from deepdect import video
from deepdect.messages import Message
from deepdect.texts import CODES, ENGLISH, language
from deepdect.ui import clip_cards
from deepdect.ui.page import Page
from deepdect.verdict import sigmoid

from .test_cards import CALIBRATION, analysis, face, words

PHOTO = np.full((80, 100, 3), 90, np.uint8)


def look(t: float, *logits: float, people: tuple[int, ...] = (1,)) -> video.Look:
    picture = replace(analysis(*(face(sigmoid(logit)) for logit in logits)), photo=PHOTO)
    return video.Look(t, picture, people)


def person(number: int, *logits: float, start: float = 0.0) -> video.Person:
    moments = tuple(video.Moment(start + n / 4, logit, (1, 2, 30, 40)) for n, logit in enumerate(logits))
    return video.Person(number, moments, CALIBRATION)


def found(*people: video.Person, status="ok", message="") -> video.VideoAnalysis:
    model = {"name": "net", "version": "7", "sha256": "0123456789abcdef"}
    return video.VideoAnalysis("a.mp4", status, message, people, model, "some-runtime", 12.3)


@pytest.fixture
def temporary(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path


def test_the_card_says_who_decides_and_what_a_dot_is():
    steady = found(person(1, -3, -3, -3), person(2, 3, 3, 3, 3, start=1.0), person(3, 9))
    card = words(clip_cards.result(steady, CALIBRATION, ENGLISH))
    assert card.startswith("Deepfake 95 % fake probability") and ENGLISH.video_note in card
    listed = clip_cards.people(steady, CALIBRATION, ENGLISH)
    assert "Person 2 Deepfake 95 % Frames: 4 (1.0–1.8 s)" in words(listed)
    assert "Person 3 Inconclusive >99 % Frames: 1 (0.0–0.0 s), seen too briefly for a verdict" in words(listed)
    abroad = clip_cards.people(steady, CALIBRATION, language("fr"))
    assert "(1,0–1,8 s)" in words(abroad)
    assert f"Personne 1\xa0: {language('fr').verdicts['real']}, 5\xa0%\u202f; Personne 2" in unescape(abroad)
    assert listed.count('class="dd-dots"') == 3
    # probability upwards, seconds to the right: the second person's line begins at 1.0 of 1.75 s
    assert f'd="M57.14 {100 * (1 - sigmoid(3)):.2f} L' in listed
    assert 'y="35.00" width="100" height="30.00"' in listed  # the band from 35 to 65 %
    brief = words(clip_cards.result(found(person(1, 9)), CALIBRATION, ENGLISH))
    assert brief.startswith("Inconclusive >99 %") and ENGLISH.person_brief in brief
    message = Message("video_partly", name="a.mp4", seconds="100")
    assert "only the first 100 seconds" in words(
        clip_cards.result(found(person(1, 9, 9, 9), message=message), CALIBRATION, ENGLISH)
    )


@pytest.mark.parametrize(
    ("status", "title"), [("no_face", "statuses"), ("unreadable", "video_refused"), ("too_large", "video_refused")]
)
def test_a_video_without_a_verdict_says_why(status, title):
    message = Message("video_damaged", name="<b>.mp4")
    card = clip_cards.result(found(status=status, message=message), CALIBRATION, language("de"))
    german = language("de")
    assert (german.statuses["no_face"] if title == "statuses" else german.video_refused) in words(card)
    assert german.messages["video_damaged"].format(name="<b>.mp4") in words(card) and "<b>" not in card


class Judge:
    """A detector that is asked for nothing but checks, which confirm every region."""

    calibration = CALIBRATION

    def verify(self, one):
        regions = [replace(region, drop=2.2, verified=True) for region in one.faces[0].regions]
        return replace(one, faces=[replace(one.faces[0], regions=regions)])


@pytest.fixture(scope="module")
def tab():
    return Page(Judge()).clip


@pytest.fixture
def sent(temporary):
    return {"path": str(temporary / "a.mp4"), "orig_name": "a.mp4"}


@pytest.fixture
def watched(monkeypatch):
    """A video of three steps: two people, then the end."""
    people = (person(1, 3, 3, 3), person(2, -1))
    steps = [
        video.Step(found(*people), (look(0.75, 3.0, -1.0, people=(1, 2)),), 0.5),
        video.Step(found(*people), (look(1.0, 3.0),), None),
        video.Step(found(*people)),
    ]
    monkeypatch.setattr(video, "steps", lambda *_: iter(steps))


def begin(tab, sent, code):
    """What stands there from the click on, and the steps that follow."""
    first = tab._on_wait(sent, code, None)
    return first, tab._on_start(sent, first[tab.state])


def test_a_video_is_watched_step_by_step(tab, sent, watched):
    first, shown = begin(tab, sent, "en")
    assert "0.0 s so far" in words(first[tab.result]) and first[tab.done].visible is False
    half = next(shown)
    assert "Analysing the video: 0.8 s so far" in words(half[tab.result]) and 'aria-valuenow="50"' in half[tab.result]
    assert "Person 2" in words(half[tab.people]) and half[tab.strip].visible is False
    tab.reworded(first[tab.state], language("fr"))  # the visitor chooses another language meanwhile
    unknown = next(shown)
    assert "dd-working" in unknown[tab.result] and "Analyse de la vidéo" in words(unknown[tab.result])
    end = next(shown)
    assert words(language("fr").video_note) in words(end[tab.result]) and "Personne 2" in words(end[tab.people])
    assert [scene.person for scene in end[tab.state].kept] == [1, 2] and end[tab.strip].visible is True
    assert tab._on_stop(end[tab.state]) == gr.skip()


def test_another_video_takes_the_first_one_s_place(tab, sent, watched):
    first, shown = begin(tab, sent, "en")
    next(shown)
    clip = first[tab.state]
    again = tab._on_wait(sent, "en", None, clip)  # started again
    assert list(shown) == [gr.skip()] and clip.left and again[tab.state] is not clip
    assert clip.kept == [] and tab._on_stop(clip) == gr.skip()


def test_a_verdict_does_not_stay_beside_another_video(tab, sent, watched):
    text = language("de")
    assert tab._on_change(sent, None, "de", None) == gr.skip()
    for other in (sent | {"path": sent["path"].replace("a.mp4", "b.mp4")}, None):
        first, shown = begin(tab, sent, "en")
        list(shown)
        clip = first[tab.state]
        assert tab._on_change(sent, clip, "de", None) == gr.skip()  # the same
        cleared = tab._on_change(other, clip, "de", None)
        assert words(text.video_waiting[0]) in words(cleared[tab.result])
        assert cleared[tab.done].visible is cleared[tab.downloads.row].visible is False
        assert cleared[tab.explanation.evidence].visible is False
        assert tab.reworded(clip, language("fr")) == {}  # it does not come back in another language
        assert tab._on_change(other, clip, "de", None) == gr.skip()


def test_a_video_can_be_stopped_at_any_time(tab, sent, watched):
    text = language("fr")
    assert tab._on_stop(None) == gr.skip()
    first, shown = begin(tab, sent, "fr")  # behind another visitor's video
    clip = first[tab.state]
    stopped = words(tab._on_stop(clip)[tab.result])
    assert stopped.startswith("Arrêté après 0,0 s") and clip.kept == []
    assert words(text.no_score) in stopped and words(text.video_partial) not in stopped  # nothing is shown below
    assert list(shown) == [gr.skip()]  # its turn comes, and nothing happens any more
    first, shown = begin(tab, sent, "fr")
    clip = first[tab.state]
    next(shown)
    stopped = tab._on_stop(clip)
    said = words(stopped[tab.result])
    assert said.startswith("Arrêté après 0,8 s") and text.video_partial in said
    assert len(clip.kept) == 2 and stopped[tab.strip].visible is True
    [late] = shown  # a step that was under way adds nothing any more
    assert late[tab.result] == stopped[tab.result] and late[tab.people] == stopped[tab.people]
    assert tab._on_stop(clip) == gr.skip()


def test_an_error_leaves_no_verdict_behind(tab, sent, monkeypatch):
    def broken(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(video, "steps", broken)
    _, shown = begin(tab, sent, "en")
    assert ENGLISH.video_failed in words(next(shown)[tab.result])
    with pytest.raises(RuntimeError, match="a bug"):
        next(shown)


def test_an_error_on_the_way_leaves_no_verdict_behind_in_any_language(tab, sent, monkeypatch):
    def broken(*_):
        yield video.Step(found(person(1, 3, 3, 3)), (look(0.75, 3.0),), 0.5)
        raise RuntimeError("a bug")

    monkeypatch.setattr(video, "steps", broken)
    first, shown = begin(tab, sent, "en")
    next(shown)
    failed = next(shown)
    assert ENGLISH.video_failed in words(failed[tab.result])
    with pytest.raises(RuntimeError, match="a bug"):
        next(shown)
    again = tab.reworded(first[tab.state], language("de"))
    for update in (failed, again):
        assert update[tab.downloads.row].visible is update[tab.done].visible is update[tab.strip].visible is False
    assert language("de").video_failed in words(again[tab.result])
    assert first[tab.state].kept == [] and tab._on_stop(first[tab.state]) == gr.skip()
    with pytest.raises(gr.Error):
        tab._on_download("pdf", first[tab.state], "en")


def test_a_second_end_changes_nothing(tab, sent, watched):
    first, shown = begin(tab, sent, "en")
    clip = first[tab.state]
    next(shown)
    clip.end("stopped")
    kept = clip.kept
    clip.take(video.Step(found(person(1, 9, 9, 9)), (look(5.0, 9.0),), 1.0))  # was under way
    clip.end("failed")
    assert clip.kept is kept and len(kept) == 2 and (clip.outcome, clip.reached) == ("stopped", 0.75)


def pages(file: str) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(file).pages]


def test_a_video_is_reported_with_all_its_moments_checked(tab, temporary, monkeypatch):
    seen = replace(look(0.75, 3.0), picture=replace(analysis(face(0.9, {"mouth": 2.0})), photo=PHOTO))
    steps = [video.Step(found(person(1, 3, 3, 3)), (seen,), 0.5), video.Step(found(person(1, 3, 3, 3)))]
    monkeypatch.setattr(video, "steps", lambda *_: iter(steps))
    file = temporary / "a.mp4"
    file.write_bytes(b"a video")
    first, shown = begin(tab, {"path": str(file), "orig_name": "a.mp4"}, "en")
    clip = first[tab.state]
    assert next(shown)[tab.downloads.row].visible is False
    with pytest.raises(gr.Error):  # not before its end
        tab._on_download("json", clip, "en")
    *_, end = shown
    assert end[tab.downloads.row].visible is True
    whole, moment = pages(tab._on_download("pdf", clip, "de"))
    assert hashlib.sha256(b"a video").hexdigest() in whole and "Deepfake" in whole and "a.mp4" in whole
    assert "Person 1 bei 0,8 s" in moment and language("de").report_frame in moment and "+2,20000 ✓" in moment
    assert clip.kept[0].picture.faces[0].checked  # the page need not check it again
    assert json.loads(Path(tab._on_download("json", clip, "de")).read_text()) == [clip.analysis.to_json()]
    clip.kept[0].file.unlink()
    with pytest.raises(gr.Error) as error:
        tab._on_download("pdf", clip, "de")
    assert error.value.message == language("de").video_gone


def test_a_stopped_video_is_reported_without_a_verdict(tab, sent, watched):
    first, shown = begin(tab, sent, "en")
    next(shown)
    clip = first[tab.state]
    assert tab._on_stop(clip)[tab.downloads.row].visible is True
    [told] = json.loads(Path(tab._on_download("json", clip, "fr")).read_text())
    assert (told["verdict"], told["fake_probability"], len(told["people"])) == (None, None, 2)
    assert told["message"] == "a.mp4: stopped after 0.8 seconds; there is no verdict on the whole video."
    assert "Stopped after 0.8 s" in pages(tab._on_download("pdf", clip, "en"))[0]


def test_a_name_in_other_letters_stays_as_it_is(tab, sent, watched):
    first, shown = begin(tab, sent, "en")
    list(shown)
    clip = first[tab.state]
    clip.analysis = replace(clip.analysis, path="写真.mp4")
    assert '"写真.mp4"' in Path(tab._on_download("json", clip, "en")).read_text(encoding="utf-8")
    with pytest.raises(gr.Error):
        tab._on_download("pdf", None, "en")


def test_without_a_video_it_says_what_to_do(tab):
    answer, shown = begin(tab, None, "ja")
    assert list(shown) == [gr.skip()]
    assert language("ja").video_none in words(answer[tab.result])


@pytest.mark.parametrize("code", CODES)
def test_a_new_language_rewords_the_video(tab, temporary, monkeypatch, code):
    steps = [video.Step(found(person(1, 3, 3, 3)), (look(0.5, 3.0),)), video.Step(found(person(1, 3, 3, 3)))]
    monkeypatch.setattr(video, "steps", lambda *_: iter(steps))
    (temporary / "a.mp4").touch()
    *_, end = begin(tab, {"path": str(temporary / "a.mp4")}, "en")[1]
    clip, text = end[tab.state], language(code)
    updates = tab.reworded(clip, text)
    assert text.verdicts["deepfake"] in words(updates[tab.result]) and words(text.video_note) in words(
        updates[tab.result]
    )
    assert text.timeline in words(updates[tab.people])
    event = type("Event", (), {"index": 0})
    opened = tab._on_select(clip, code, None, event)
    explanation = tab.explanation
    assert words(text.moment_frame) in words(opened[explanation.result])
    assert opened[explanation.origin].visible is False  # the frame's file says nothing about the video's origin
    again = explanation.reworded(opened[explanation.shown], None, language("en"))
    assert words(again[explanation.result]).startswith("Person 1 at 0.5 s")
    event.index = 9
    assert text.video_gone in words(tab._on_select(clip, code, None, event)[explanation.result])
