"""What the page answers where no browser is needed to see it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from gradio.utils import get_upload_folder

from deepdect import ui
from deepdect.ui.page import Page, Shown
from deepdect.ui.texts import ENGLISH

from .test_cards import CALIBRATION, analysis, face


class Broken:
    """A detector with an error in it."""

    calibration = CALIBRATION

    def analyze(self, source, name=None):
        raise RuntimeError("a bug")


@pytest.fixture
def page(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return Page(Broken(), ENGLISH)


def test_an_error_leaves_no_verdict_behind(page):
    steps = page._on_photo({"path": str(Path(get_upload_folder()) / "a.png"), "orig_name": "a.png"})
    first = next(steps)
    assert ENGLISH.working in first[page.result]
    assert first[page.shown] is None
    assert first[page.several].visible is first[page.evidence].visible is False
    assert ENGLISH.failed_title in next(steps)[page.result]
    with pytest.raises(RuntimeError, match="a bug"):
        next(steps)


def test_a_result_whose_photo_was_deleted_says_so(page, tmp_path):
    one = replace(analysis(face(0.9)), photo=None)
    for shown in (None, Shown(one, str(tmp_path / "deleted.png"))):
        assert ENGLISH.gone_title in page._on_pick(shown, 0)[page.result]


def test_uploads_go_to_a_folder_of_the_page_s_own(detector, monkeypatch):
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    ui.build(detector)
    folder = Path(get_upload_folder())
    assert folder.name.startswith("deepdect-") and folder.stat().st_mode & 0o077 == 0


def test_what_visitors_send_is_not_kept(page):
    frequency, age = page.blocks.delete_cache
    assert ENGLISH.kept.format(minutes=(frequency + age) // 60) in page._on_load(_Request())
    assert ui.LAUNCH["run_history"] is False and page.blocks.analytics_enabled is False


class _Request:
    headers = {"host": "127.0.0.1:7860"}
