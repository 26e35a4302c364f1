"""JPEG, the quick way: OpenCV decodes the usual kind faster than Pillow, to the same bytes.

OpenCV 5 refuses a picture that breaks off, without a word (older versions filled it up); `images` gives what is refused
here to Pillow, which says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import cv2
import numpy as np

# What has a length after it, and the picture's end. Not: stuffed zeros, restarts, fill bytes, and what nobody defined,
# which libjpeg passes over alone where it looks for a restart.
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")
SCAN, _END = b"\xff\xda", b"\xff\xd9"
MOST_SEGMENTS = 2**14  # that are walked; usual are some dozens


def segments(data: bytes, known: re.Pattern[bytes] = _MARKER) -> Iterator[tuple[bytes, int, int]]:
    """Each marker, and where its content begins and ends; the first MOST_SEGMENTS. known: what counts as a marker."""
    at = 2
    for _ in range(MOST_SEGMENTS):
        marker = known.search(data, at)
        if marker is None:
            return
        at = marker.end() + max(2, int.from_bytes(data[marker.end() : marker.end() + 2], "big"))
        yield marker[0], marker.end() + 2, at


def scans(data: bytes) -> int:
    """How many scans a decoder could meet in the first picture of a file, rather too many than too few.

    Goes from marker to marker as libjpeg does, so that neither what is appended counts nor what only looks like a scan
    in a comment. Behind MOST_SEGMENTS, everything that looks like one counts.
    """
    count, at = 0, 2
    for marker, _, end in segments(data):
        if marker == _END:
            return count
        count, at = count + (marker == SCAN), end
    return count + data.count(SCAN, at)


def decode(data: bytes, size: tuple[int, int]) -> np.ndarray | None:
    """uint8 RGB [height, width, 3] of a three-colour JPEG as it lies in the file, not turned; None where OpenCV refuses
    it, or decodes it to another size than `size` (width, height)."""
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    if bgr is None or bgr.shape != (size[1], size[0], 3):
        return None
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=bgr)  # twice as fast as decoding to RGB
