"""JPEG, the quick way: OpenCV decodes the usual kind in half of Pillow's time, to the same bytes.

OpenCV fills up a picture that breaks off and says nothing, so only a file whose end was seen comes here; `images` gives
every other one to Pillow, which says what is wrong with it.
"""

from __future__ import annotations

import cv2
import numpy as np

_FILL, _END, _SCAN = 0xFF, 0xD9, 0xDA
_BARE = {0x01, *range(0xD0, 0xD9)}  # markers without a segment
_IN_DATA = {0x00, 0xFF, *range(0xD0, 0xD8)}  # after 0xFF in compressed data: a stuffed zero, fill, a restart; no marker


def is_whole(data: bytes) -> bool:
    """Whether the first picture's end is there: the markers are followed segment by segment and scan by scan.

    (ITU-T T.81, annex B.)
    """
    at = 2  # after the start marker
    while at + 1 < len(data) and data[at] == _FILL:
        kind, at = data[at + 1], at + 2
        if kind == _FILL:  # any number of these may precede a marker
            at -= 1
        elif kind == _END:
            return True
        elif kind not in _BARE:
            at += int.from_bytes(data[at : at + 2], "big")
            if kind == _SCAN:
                at = _after_scan(data, at)
    return False


def _after_scan(data: bytes, at: int) -> int:
    """Where the first marker behind compressed data lies; the data's length where there is none."""
    while (at := data.find(_FILL, at)) >= 0:
        if at + 1 < len(data) and data[at + 1] not in _IN_DATA:
            return at
        at += 1
    return len(data)


def decode(data: bytes, size: tuple[int, int]) -> np.ndarray | None:
    """uint8 RGB [height, width, 3] of a three-colour JPEG as it lies in the file, not turned; None where that is not
    for OpenCV to say: it breaks off, or does not decode to `size` (width, height)."""
    if not is_whole(data):
        return None
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    if bgr is None or bgr.shape != (size[1], size[0], 3):
        return None
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=bgr)  # twice as fast as decoding to RGB


def turned(rgb: np.ndarray, orientation: int | None) -> np.ndarray:
    """The picture upright, by EXIF's orientation 1 to 8; any other is taken for 1. A view where that is possible."""
    if orientation in {5, 6, 7, 8}:
        rgb = rgb.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        rgb = rgb[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        rgb = rgb[::-1]
    return rgb
