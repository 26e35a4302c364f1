"""The soak's own judgement, without a server: it must notice what it is there for."""

from __future__ import annotations

import pytest
from PIL import Image

from deepdect import images
from tests.load import soak

FACE = Image.new("RGB", (360, 360), "white")


def answer(sent: soak.Picture, **changes) -> dict:
    width, height = sent.size or (None, None)
    return {"status": sent.status, "width": width, "height": height, "message": f"{sent.name}: …"} | changes


def test_pictures_are_what_they_claim():
    for turn in range(9):
        sent = soak.picture(3, turn, FACE)
        if sent.size is None:
            with pytest.raises(images.ImageError) as caught:
                images.load(sent.data, name=sent.name)
            assert caught.value.status == sent.status
        else:
            assert images.load(sent.data).shape == (sent.size[1], sent.size[0], 3)
    assert {soak.picture(3, turn, FACE).status for turn in range(9)} == {"ok", "no_face", "unreadable", "unsupported"}


def test_an_answer_that_belongs_to_somebody_else_is_noticed():
    for turn in range(9):
        sent = soak.picture(3, turn, FACE)
        assert sent.is_answered_by(answer(sent))
        for client, other_turn in ((4, turn), (3, turn + 1), (3, turn + 9)):
            assert not sent.is_answered_by(answer(soak.picture(client, other_turn, FACE)))


def test_failures_are_told_except_errors_while_the_server_is_away():
    tally = soak.Tally()
    for phase in soak.PHASES:
        tally.add(phase, "answered", 1.0)
    tally.add("crash", "error")
    assert soak.failures(tally) == []
    tally.add("load", "lost")
    tally.add("crash", "wrong", 1.0, "a was answered by b")
    assert soak.failures(tally) == ["a was answered by b", "load: 1 requests ended as lost"]
    assert any("nothing was answered" in failure for failure in soak.failures(soak.Tally()))
