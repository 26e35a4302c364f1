"""What a visitor does while the page is still at work, and where the page is started from."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from deepdect import ui
from deepdect.texts import ENGLISH
from deepdect.ui.page import Page
from deepdect.ui.shown import Shown

from .test_cards import analysis, face, words
from .test_page import Checking, Slow


@pytest.fixture
def upload(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    Image.new("RGB", (100, 80)).save(tmp_path / "a.png")
    return {"path": str(tmp_path / "a.png"), "orig_name": "a.png"}


def test_a_late_result_is_never_left_beside_another_photo(upload):
    """Chosen when the first one's verdict was drawn already, or was on its way."""
    found = replace(analysis(face(0.9)), photo=np.zeros((80, 100, 3), np.uint8))
    tab = Page(Slow(lambda: None, found)).photo
    explanation = tab.explanation
    other = upload | {"path": upload["path"].replace("a.png", "b.png")}
    first = tab._on_photo(upload, "en")[explanation.shown]
    steps = tab._on_turn(upload, first)
    assert set(next(steps)) == set(explanation.pictures)  # what takes a while to encode goes ahead, unseen
    second = tab._on_photo(other, "en", first)[explanation.shown]
    assert list(steps) == [gr.skip()] and second.waiting
    steps = tab._on_turn(other, second)
    next(steps)
    verdict = next(steps)
    assert ENGLISH.meanings["deepfake"] in words(verdict[explanation.result])
    assert explanation.shown not in verdict and second.analysis is not None and not second.waiting  # in place
    gone = tab._on_photo(None, "en", second)
    [last] = steps
    assert last[explanation.result] == gone[explanation.result] and last[explanation.evidence].visible is False
    assert explanation.shown not in last


def test_the_last_choice_of_a_face_wins(upload, monkeypatch):
    """A click and a number are answered side by side."""
    shown = Shown(analysis(face(0.1), face(0.9)), Path(upload["path"]), 1)
    explanation = Page(Checking()).photo.explanation
    drawn = explanation._one_face

    def slow(*given):
        monkeypatch.setattr(explanation, "_one_face", drawn)
        assert explanation.slider in explanation._on_pick(shown, 1, "en")  # quicker than the one before it
        return drawn(*given)

    monkeypatch.setattr(explanation, "_one_face", slow)
    assert explanation._on_pick(shown, 0, "en") == gr.skip() and shown.chosen == 1
    shown.left = True
    assert explanation._on_pick(shown, 0, "en") == gr.skip()


def test_what_a_visitor_does_again_at_once_is_not_dropped():
    """Gradio would ignore it while the first one is under way."""
    told = [fn for fn in Page(Checking()).blocks.fns.values() if fn.trigger_mode == "multiple"]
    names = Counter(fn.name for fn in told)
    # two ways to a photo's turn, a video and a batch to start, their moments and rows, faces on all three tabs
    assert names == {"_on_turn": 2, "_on_start": 2, "_on_select": 2, "_on_pick": 3, "_on_click": 3}


STARTED = """
import httpx
from deepdect import ui
page = ui.build(None)
_, url, _ = page.launch(server_name="127.0.0.1", prevent_thread_lock=True, share=False, **ui.LAUNCH)
assert httpx.get(url + "config").status_code == 200
for name, status in (("real.png", 200), ("altered.png", 200), ("../photo.py", 403)):
    answer = httpx.get(f"{url}gradio_api/file={ui.EXAMPLES}/{name}".replace("..", "%2E%2E"))
    assert answer.status_code == status, (name, answer.status_code)
page.close()
"""


def test_the_page_can_be_started_from_any_folder(tmp_path):
    told = subprocess.run(
        [sys.executable, "-c", STARTED],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(ui.__file__).parents[2]), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0 and "InvalidPathError" not in told.stderr, told.stderr
