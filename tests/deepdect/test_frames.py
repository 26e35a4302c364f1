"""A video's frames by time: which are looked at, how much of it that is, and what is refused."""

from __future__ import annotations

import os
import shutil
import struct
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from deepdect import frames
from deepdect.images import ImageError
from tests.clips import greys, write
from tests.hostile.samples import SAMPLES


def refusal(path: Path, **settings: float) -> ImageError:
    with pytest.raises(ImageError) as raised:
        list(frames.read(path, **settings))
    return raised.value


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "mp4v"), ("avi", "MJPG"), ("mkv", "mp4v")])
def test_frames_are_sampled_by_time(tmp_path, suffix, codec):
    found = list(frames.read(write(tmp_path / f"a.{suffix}", greys(20), codec=codec), fps=2.5))
    assert [round(frame.t, 2) for frame in found] == [0.0, 0.4, 0.8, 1.2, 1.6]
    assert [round(float(frame.rgb.mean()), -1) for frame in found] == [0, 40, 80, 120, 160]


def test_more_frames_than_there_are_cannot_be_had(tmp_path):
    assert len(list(frames.read(write(tmp_path / "a.mp4", greys(7)), fps=30))) == 7


def test_a_long_video_is_sampled_more_sparsely(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "MAX_FRAMES", 5)
    found = list(frames.read(write(tmp_path / "a.mp4", greys(20)), fps=10))
    assert [round(frame.t, 2) for frame in found] == [0.0, 0.4, 0.8, 1.2, 1.6]


def test_a_video_of_large_frames_is_sampled_more_sparsely(tmp_path, monkeypatch):
    file = write(tmp_path / "a.avi", greys(20), codec="MJPG")
    monkeypatch.setattr(frames, "MAX_DECODED", 5 * 64 * 96)
    assert [round(frame.t, 2) for frame in frames.read(file, fps=10)] == [0.0, 0.4, 0.8, 1.2, 1.6]


def test_a_video_without_an_end_does_not_escape_the_limit(monkeypatch):
    """A header need not say how long the video is: what was decoded counts."""
    known = {cv2.CAP_PROP_FRAME_WIDTH: 96, cv2.CAP_PROP_FRAME_HEIGHT: 64, cv2.CAP_PROP_FPS: 10}
    endless = SimpleNamespace(
        get=lambda key: known.get(key, 0), grab=lambda: True, retrieve=lambda: (True, np.zeros((64, 96, 3), np.uint8))
    )
    monkeypatch.setattr(frames, "MAX_DECODED", 10 * 64 * 96)
    found = list(frames._sampled(endless, 10, "endless.avi"))
    assert len(found) == 10 and found[-1].cut


@pytest.mark.parametrize("slow", ["grab", "retrieve"])
def test_the_time_that_frames_take_is_limited(monkeypatch, slow):
    """Whether it is the decoding or the conversion that takes it."""
    known = {cv2.CAP_PROP_FRAME_WIDTH: 96, cv2.CAP_PROP_FRAME_HEIGHT: 64, cv2.CAP_PROP_FPS: 10}

    def answer(call: str, value: object) -> object:
        time.sleep(0.02 * (call == slow))
        return value

    endless = SimpleNamespace(
        get=lambda key: known.get(key, 0),
        grab=lambda: answer("grab", True),
        retrieve=lambda: answer("retrieve", (True, np.zeros((64, 96, 3), np.uint8))),
    )
    monkeypatch.setattr(frames, "MAX_SECONDS", 0.1)
    assert 1 <= len(list(frames._sampled(endless, 10, "slow.avi"))) <= 6


def test_what_is_left_unseen_is_told(tmp_path, monkeypatch):
    file = write(tmp_path / "a.avi", greys(20), codec="MJPG")
    assert [frame.cut for frame in frames.read(file, fps=2.5)] == [False] * 5
    monkeypatch.setattr(frames, "MAX_GRABBED", 10)
    assert [frame.cut for frame in frames.read(file, fps=2.5)] == [False, False, True]
    monkeypatch.setattr(frames, "MAX_SECONDS", -1.0)
    assert refusal(file).status == "unreadable"


@pytest.mark.parametrize("claimed", [2, 5, 40])
def test_a_header_that_claims_too_little_hides_nothing(tmp_path, monkeypatch, claimed):
    file = write(tmp_path / "a.avi", greys(20) * 2, codec="MJPG")
    content = bytearray(file.read_bytes())
    for chunk, place in ((b"avih", 16), (b"strh", 32)):  # the numbers of frames in its two headers
        at = content.find(chunk) + 8 + place
        assert struct.unpack_from("<I", content, at) == (40,)
        struct.pack_into("<I", content, at, claimed)
    file.write_bytes(content)
    monkeypatch.setattr(frames, "MAX_FRAMES", 5)
    found = list(frames.read(file, fps=10))
    assert len(found) == 5 and found[-1].cut == (claimed != 40)  # with 40 they are spread over the whole video


def test_a_joined_file_is_seen_to_its_end(tmp_path):
    one = write(tmp_path / "one.mpg", greys(25) * 2, fps=25, codec="PIM1")
    (tmp_path / "two.mpg").write_bytes(one.read_bytes() * 2)
    times = [[frame.t for frame in frames.read(tmp_path / name)] for name in ("one.mpg", "two.mpg")]
    assert [len(found) for found in times] == [8, 16]
    assert times[1] == sorted(times[1]) and times[1][-1] == pytest.approx(3.75, abs=0.1)


def test_a_stamp_that_is_missing_or_swapped_shifts_no_other(monkeypatch):
    stamps = [0, 0.04, 0.08, 0, 0.16, 0.12, float("nan"), 0.24, 9.0, 0.02, 0.06]
    left = iter(stamps)
    capture = SimpleNamespace(grab=lambda: True, get=lambda key: 1000 * next(left))
    monkeypatch.setattr(frames, "MAX_GRABBED", len(stamps))
    found = frames._times(capture, 25, frames._Watch())
    assert [round(t, 2) for t in found] == [0, 0.04, 0.08, 0.12, 0.16, 0.12, 0.2, 0.24, 9.0, 9.04, 9.08]


def test_colours_are_in_rgb_order(tmp_path):
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 200
    [frame] = frames.read(write(tmp_path / "a.avi", [red], codec="MJPG"))
    assert frame.rgb[..., 0].mean() > 150 > 60 > frame.rgb[..., 2].mean()


@pytest.mark.parametrize("fps", [0, -1, 31, float("nan")])
def test_a_rate_that_makes_no_sense_is_refused(tmp_path, fps):
    with pytest.raises(ValueError, match="fps"):
        list(frames.read(tmp_path / "a.mp4", fps=fps))


def test_what_is_no_video_never_reaches_the_decoder(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: pytest.fail("reached"))
    play_list = "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n"
    for name, content in {"a.mp4": play_list.encode(), "b.mp4": b"ffconcat version 1.0\nfile '/etc/passwd'\n"}.items():
        (tmp_path / name).write_bytes(content)
        assert refusal(tmp_path / name).status == "unsupported"
    (tmp_path / "empty.mp4").write_bytes(b"")
    assert refusal(tmp_path / "empty.mp4").status == "unreadable"
    assert refusal(tmp_path / "missing.mp4").status == "unreadable"
    assert refusal(tmp_path).status == "unreadable"
    for address in ("http://127.0.0.1:1/a.mp4", "concat:a.mp4|b.mp4"):
        assert refusal(Path(address)).status == "unreadable"


def test_a_picture_is_no_video(tmp_path):
    (tmp_path / "a.jpg").write_bytes(SAMPLES["JPEG"])
    error = refusal(tmp_path / "a.jpg")
    assert error.status == "unsupported" and "a.jpg" in error.message


@pytest.mark.parametrize("name", [b"\xff.avi", b"x%03d.png", b"concat:a.avi", b"-i.avi", b"a b\n.avi"])
def test_a_name_is_only_a_name(tmp_path, name):
    """FFmpeg takes some for patterns or addresses, and OpenCV dies of those that are not UTF-8."""
    source = write(tmp_path / "a.avi", greys(10), codec="MJPG")
    cv2.imwrite(str(tmp_path / "x000.png"), np.zeros((64, 96, 3), np.uint8))
    file = os.fsencode(tmp_path) + b"/" + name
    shutil.copyfile(source, file)
    before = len(os.listdir("/dev/fd"))
    assert len(list(frames.read(os.fsdecode(file), fps=30))) == 10
    assert len(os.listdir("/dev/fd")) == before


def test_a_large_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "MAX_BYTES", 100)
    assert refusal(write(tmp_path / "a.mp4", greys(3))).status == "too_large"


def test_large_frames_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "MAX_PIXELS", 1000)
    error = refusal(write(tmp_path / "a.mp4", greys(3)))
    assert error.status == "too_large" and "96 x 64" in error.message


def test_damaged_videos_give_their_whole_frames_or_a_reason(tmp_path):
    whole = write(tmp_path / "a.avi", greys(20), codec="MJPG").read_bytes()
    for share in range(1, 10):
        part = tmp_path / "part.avi"
        part.write_bytes(whole[: len(whole) * share // 10])
        try:
            assert len(list(frames.read(part, fps=10))) <= 20
        except ImageError as error:
            assert error.status == "unreadable" and "part.avi" in error.message
    indexless = tmp_path / "indexless.mp4"
    indexless.write_bytes(write(tmp_path / "a.mp4", greys(20)).read_bytes()[:600])
    assert refusal(indexless).status == "unreadable"
