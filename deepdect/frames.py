"""An untrusted video file -> its frames by time, RGB.

OpenCV's FFmpeg decodes. It would also open addresses and play lists, so only files that begin like a video container
ever reach it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import numpy as np

from deepdect import formats
from deepdect.images import ImageError, opened, printable
from deepdect.messages import Message

MAX_BYTES = 512 * 2**20
MAX_PIXELS = 36_000_000  # of one frame; 8K has 33 million
MAX_FRAMES = 400  # looked at in one video; a long one is sampled more sparsely
MAX_DECODED = 2_400_000_000  # pixels of all frames looked at in one video: 290 of 4K, 72 of 8K
MAX_FPS = 30.0
MAX_GRABBED = 250_000  # frames decoded in one video; over two hours
MAX_SECONDS = 120.0  # of decoding in one video: a frame may be far larger than what it is delivered as
SWAPPED = 0.5  # seconds by which a frame's stamp may be before the last one's: decoders mix two kinds of stamps
T = TypeVar("T")
CONTAINERS = ("MP4", "MOV", "WebM", "MKV", "AVI", "MPEG")


@dataclass(frozen=True)
class Frame:
    """A frame, uint8 RGB [h, w, 3], and its time in seconds from the beginning.

    length: seconds of the whole video, as its header claims; 0 where it says nothing. apart: seconds between two looks,
    as planned. cut: whether the video goes on after this frame without being looked at.
    """

    t: float
    rgb: np.ndarray
    length: float = 0.0
    apart: float = 0.0
    cut: bool = False


def read(path: str | os.PathLike, fps: float = 4.0, name: str | None = None) -> Iterator[Frame]:
    """About `fps` frames of every second, fewer of a video for which that would be more than MAX_FRAMES or MAX_DECODED.

    name: what messages call the file (default: the path). Raises ValueError for fps outside 0..MAX_FPS, and
    ImageError: "unreadable" (missing, empty, damaged, no frames), "unsupported" (no video container) or "too_large".
    """
    if not 0 < fps <= MAX_FPS:
        raise ValueError(f"fps must be above 0 and at most {MAX_FPS:g}; received {fps:g}")
    name = printable(name or os.fsdecode(path))
    with opened(os.fsdecode(path), name) as stream:
        size, head = os.fstat(stream.fileno()).st_size, stream.read(1024)
        stream.seek(0)  # where /dev/fd gives a copy of the descriptor, both have one position
        descriptor = os.dup(stream.fileno())
    try:
        _check(size, head, name)
        # by its descriptor: what was checked is what is decoded, and no name is taken for an address or a pattern
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # its own words on damage would precede ours
        capture = cv2.VideoCapture(f"/dev/fd/{descriptor}", cv2.CAP_FFMPEG)
        try:
            if not capture.isOpened():
                raise ImageError("unreadable", Message("video_damaged", name=name))
            yield from _sampled(capture, fps, name)
        finally:
            capture.release()
    finally:
        os.close(descriptor)


def _check(size: int, head: bytes, name: str) -> None:
    """Refuse what has not a video's size in bytes and beginning, before any decoder sees it."""
    if not head:
        raise ImageError("unreadable", Message("empty", name=name))
    if size > MAX_BYTES:
        raise ImageError("too_large", Message("too_many_bytes", name=name, limit=MAX_BYTES))
    if formats.kind_of(head) or formats.other_kind(head) != "kind_video":
        raise ImageError("unsupported", Message("not_a_video", name=name, formats=CONTAINERS))


def _sampled(capture: cv2.VideoCapture, fps: float, name: str) -> Iterator[Frame]:
    width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    _check_size(width, height, name)
    count, rate = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    # what a header claims may be wrong: the limit on frames holds below, whatever it says
    length = count / rate if 0 < rate < 1000 and 0 < count < 1e9 else 0.0
    step = max(1 / fps, length / min(MAX_FRAMES, max(1, MAX_DECODED // max(1, width * height))))
    before, taken, decoded_pixels, due, more = None, 0, 0, 0.0, False
    watch = _Watch()
    times = _times(capture, rate, watch)
    for t in times:
        if t + 1e-6 < due:
            continue
        if more := taken == MAX_FRAMES or decoded_pixels >= MAX_DECODED:
            break
        decoded, bgr = watch.during(capture.retrieve)
        if not decoded or bgr is None:
            continue
        _check_size(bgr.shape[1], bgr.shape[0], name)
        decoded_pixels += bgr.shape[0] * bgr.shape[1]
        if before:
            yield before
        taken, due = taken + 1, (np.floor(t / step + 1e-6) + 1) * step
        before = Frame(t, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), length, step)
    if before is None:
        raise ImageError("unreadable", Message("video_empty", name=name))
    further = before.t + 2 * step
    # what comes tells; only where that would be too much work does the header, unless what was seen contradicts it
    goes_on = more and (t >= further or any(later >= further for later in times))
    yield replace(before, cut=goes_on or (capture.grab() and not (length and abs(before.t - length) < 2 * step)))


class _Watch:
    """The seconds that calls took."""

    def __init__(self) -> None:
        self.spent = 0.0

    def during(self, call: Callable[[], T]) -> T:
        began = time.monotonic()
        try:
            return call()
        finally:
            self.spent += time.monotonic() - began


def _times(capture: cv2.VideoCapture, rate: float, watch: _Watch) -> Iterator[float]:
    """Decodes frame after frame and gives each one's seconds, within the limits; a frame is fetched by `retrieve`."""
    gap = 1 / (rate if 0 < rate < 1000 else 25.0)
    last, offset = -gap, 0.0
    for number in range(MAX_GRABBED):
        if watch.spent > MAX_SECONDS or not watch.during(capture.grab):
            return
        stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        t = stamp + offset
        if not (np.isfinite(stamp) and stamp >= 0) or (number and stamp == 0):  # none
            t = last + gap
        elif t < last - SWAPPED:  # they begin anew, where files were joined
            offset, t = offset + last + gap - t, last + gap
        last = max(last, t)
        yield t


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        values = {"width": width, "height": height, "pixels": width * height, "limit": MAX_PIXELS}
        raise ImageError("too_large", Message("too_many_pixels", name=name, **values))
