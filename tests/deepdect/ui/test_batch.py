from __future__ import annotations

from deepdect.texts import ENGLISH, language
from deepdect.ui.batch import _written


def test_only_figures_are_seen_otherwise_than_they_are_sorted():
    assert [_written(cell, language("de")) for cell in (93.4, 3, "a.b.png", None)] == ["93,4", None, None, None]
    assert _written(93.4, ENGLISH) == "93.4"
