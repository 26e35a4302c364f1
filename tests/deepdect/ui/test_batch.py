"""The tab for many photos where no browser is needed to see it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from gradio.utils import get_upload_folder
from PIL import Image

from deepdect.texts import ENGLISH, language
from deepdect.ui import batch as batch_module
from deepdect.ui.batch import BatchTab, _written
from deepdect.ui.page import Page
from deepdect.ui.wording import LIMIT

from ..test_origin import png
from .test_cards import CALIBRATION, analysis, face, words

PHOTO = np.full((80, 100, 3), 90, np.uint8)


class Scripted:
    """A detector that gives the next of some analyses, or raises it where it is an error."""

    calibration = CALIBRATION

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)

    def analyze(self, source, name=None):
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return replace(outcome, path=name, photo=PHOTO if outcome.faces else None)


UNDECIDED = analysis(face(0.5, {"mouth": 2.0}))
REAL, FAKE = analysis(face(0.1, {"nose": -1.0})), analysis(face(0.2), face(0.9991, {"mouth": 2.0, "nose": 3.0}))
BAD = analysis(status="unreadable", message="b.png is damaged")


@pytest.fixture
def photos(monkeypatch, tmp_path) -> list[dict[str, str]]:
    """Three uploads as Gradio describes them."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(batch_module, "SECONDS", -1)  # every photo's row is shown at once
    sent = []
    for name in ("a.png", "b.png", "c.png"):
        file = Path(get_upload_folder()) / name
        Image.fromarray(PHOTO).save(file)
        sent.append({"path": str(file), "orig_name": name})
    return sent


def begin(tab: BatchTab, photos, code="en"):
    """The tab's batch, and its steps to come."""
    waiting = tab._on_wait(photos, code, None, None)
    return waiting[tab.state], tab._on_start(photos, waiting[tab.state])


def table(update) -> list[list]:
    return update["value"]["data"]


def test_only_figures_are_seen_otherwise_than_they_are_sorted():
    assert [_written(cell, language("de")) for cell in (93.4, 3, "a.b.png", None)] == ["93,4", None, None, None]
    assert _written(93.4, ENGLISH) == "93.4"


def test_the_table_fills_and_a_bad_file_does_not_stop_the_rest(photos):
    tab = Page(Scripted(REAL, BAD, FAKE)).batch
    batch, steps = begin(tab, photos)
    shown = list(steps)
    assert [len(table(step[tab.table])) for step in shown] == [1, 2, 3, 3]
    first, second, third = table(shown[-1][tab.table])
    assert first[0] == 1 and first[2:] == ["Real", 10.0, "a.png", "Nose", ENGLISH.statuses["ok"]]
    assert first[1].startswith('<img src="data:image/jpeg;base64,')
    assert second == [2, "", ENGLISH.batch_refused, None, "b.png", "", "b.png is damaged"]
    # the most suspicious face's, never 100 per cent, and its strongest region
    assert third[0] == 3 and third[2:6] == ["Deepfake", 99.9, "c.png", "Nose"]
    assert "2 of 3 photos analysed" in words(shown[1][tab.progress])
    end = words(shown[-1][tab.progress])
    assert "All photos are done: 3" in end and "1 real, 1 deepfake, 0 inconclusive, 1 without a verdict" in end
    assert shown[-1][tab.done].visible is True
    assert tab._on_stop(batch, "en") == gr.skip()  # nothing is left to stop


def test_a_batch_can_be_stopped_and_keeps_its_rows(photos):
    tab = Page(Scripted(REAL, FAKE)).batch
    assert tab._on_stop(None, "en") == gr.skip()
    batch, steps = begin(tab, photos)
    next(steps)
    steps.close()  # Gradio cancels what the button stops
    stopped = tab._on_stop(batch, "de")
    assert words(language("de").batch_stopped.format(done=1, total=3)) in words(stopped[tab.progress])
    assert len(table(stopped[tab.table])) == 1 and stopped[tab.state] is batch and stopped[tab.done].visible is True
    assert list(tab._on_start(photos, batch)) == [gr.skip()]
    again = tab.reworded(batch, language("fr"))
    assert words(language("fr").batch_stopped.format(done=1, total=3)) in words(again[tab.progress])
    assert table(again[tab.table])[0][2] == language("fr").verdicts["real"]


def test_what_the_page_does_not_say_the_table_does_not_say_either(photos):
    """No region of an undecided face; what nobody should miss in the file in place of "Analysed"."""
    Path(photos[1]["path"]).write_bytes(png(parameters="a face, Steps: 20, Sampler: Euler a"))
    tab = Page(Scripted(UNDECIDED, FAKE, REAL)).batch
    _, steps = begin(tab, photos, "de")
    rows = table(list(steps)[-1][tab.table])
    assert rows[0][2] == language("de").verdicts["inconclusive"] and rows[0][5] == ""
    assert "AUTOMATIC1111" in rows[1][6] and rows[1][6].startswith("Sie nennt")
    assert rows[2][6] == language("de").statuses["ok"]


def test_the_table_names_no_region_that_the_explanation_speaks_against(photos):
    """Neither one that argues for the other verdict nor one that hiding refuted."""
    mixed = analysis(face(0.9, {"jaw": -3.0, "nose": 1.0, "mouth": 2.0}))
    [one] = mixed.faces
    refuted = replace(one, regions=[replace(part, verified=part.name != "mouth") for part in one.regions])
    against = analysis(face(0.1, {"jaw": 3.0}))
    tab = Page(Scripted(mixed, replace(mixed, faces=[refuted]), against)).batch
    _, steps = begin(tab, photos)
    assert [row[5] for row in table(list(steps)[-1][tab.table])] == ["Mouth", "Nose", ""]


def test_other_photos_are_said_to_be_chosen(photos):
    tab = Page(Scripted(REAL, BAD, FAKE)).batch
    assert tab._on_change(None, "en") == gr.skip()
    batch, steps = begin(tab, photos)
    assert tab._on_change(batch, "en") == gr.skip()  # nothing is shown yet
    list(steps)
    changed = tab._on_change(batch, "en")
    assert ENGLISH.batch_changed in words(changed[tab.progress]) and len(table(changed[tab.table])) == 3
    assert words(language("fr").batch_changed) in words(tab.reworded(batch, language("fr"))[tab.progress])
    again, _ = begin(tab, photos)
    assert not again.changed


def test_a_check_on_the_page_is_in_the_reports(photos):
    tab = Page(Scripted(REAL, BAD, FAKE)).batch
    batch, steps = begin(tab, photos)
    list(steps)
    chosen = SimpleNamespace(row_value=[3, "", "", "", "", "", ""])
    shown = tab._on_select(batch, "en", None, chosen)[tab.explanation.shown]
    region = replace(FAKE.faces[1].regions[1], drop=2.5, verified=True)
    kept = shown.keep
    assert kept is not None
    kept(replace(shown.analysis, faces=[shown.analysis.faces[0], replace(FAKE.faces[1], regions=[region])]))
    assert batch.rows[2].entry.analysis.faces[1].regions == [region]
    written = json.loads(Path(tab._on_download("json", batch, "en")).read_text())
    assert written[2]["faces"][1]["regions"][0]["verified"] is True


def test_an_error_keeps_the_rows_so_far(photos):
    tab = Page(Scripted(REAL, RuntimeError("a bug"))).batch
    batch, steps = begin(tab, photos)
    next(steps)
    failed = next(steps)
    assert ENGLISH.failed_title in words(failed[tab.progress]) and len(table(failed[tab.table])) == 1
    with pytest.raises(RuntimeError, match="a bug"):
        next(steps)
    assert [row.entry.analysis.path for row in batch.rows] == ["a.png"]


def test_a_row_opens_its_photos_explanation_however_the_table_is_sorted(photos):
    tab = Page(Scripted(REAL, BAD, FAKE)).batch
    batch, steps = begin(tab, photos)
    list(steps)

    def chosen(number: int, code: str = "en") -> str:
        event = SimpleNamespace(row_value=[number, "", "", "", "", "", ""])
        return words(tab._on_select(batch, code, None, event)[tab.explanation.result])

    assert chosen(1).startswith("a.png Real") and ENGLISH.meanings["real"] in chosen(1)
    assert "b.png is damaged" in chosen(2)
    assert ENGLISH.meanings["deepfake"] in chosen(3)
    gone = language("fr").gone_title
    assert gone in chosen(4, "fr")  # a row of an earlier batch's table
    Path(photos[2]["path"]).unlink()  # the page deletes uploads after a while
    assert gone in chosen(3, "fr")
    Image.fromarray(PHOTO + 1).save(photos[0]["path"])
    assert gone in chosen(1, "fr")  # another picture by now


def test_no_photos_and_too_many_are_refused_in_words(photos):
    tab = Page(Scripted()).batch
    for sent in (None, [], photos * LIMIT):
        told = tab._on_wait(sent, "es", None, None)
        expected = language("es").batch_too_many.format(count=3 * LIMIT, limit=LIMIT) if sent else None
        assert words(expected or language("es").batch_empty) in words(told[tab.progress])
        assert told[tab.state] is None and told[tab.done].visible is False
        with pytest.raises(gr.Error) as raised:
            tab._on_request(sent)
        assert raised.value.title == ENGLISH.batch_title
    for nothing in (None, tab._on_wait(photos, "en", None, None)[tab.state]):
        with pytest.raises(gr.Error) as raised:
            tab._on_download("csv", nothing, "es")
        assert raised.value.message == language("es").gone


def test_the_endpoint_gives_every_photos_json_without_paths(photos):
    found = Page(Scripted(REAL, BAD, FAKE)).batch._on_request(photos)
    assert [one["path"] for one in found] == [None] * 3
    assert [one["verdict"] for one in found] == ["real", None, "deepfake"]
    assert [one["status"] for one in found] == ["ok", "unreadable", "ok"]


def test_another_visitors_file_is_refused(photos, tmp_path):
    elsewhere = tmp_path.parent / "secret.png"
    tab = Page(Scripted(REAL)).batch
    with pytest.raises(gr.Error) as raised:
        tab._on_request([{"path": str(elsewhere), "orig_name": "a.png"}])
    assert raised.value.message == ENGLISH.not_uploaded
