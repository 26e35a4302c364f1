"""What `images.load`, `origin.read` and `frames.read` promise whatever they are given."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from deepdect import frames, images, origin
from deepdect.images import ImageError, Limits, load
from deepdect.messages import Message

NAME = "sent.jpg"
LIMITS = Limits(max_bytes=2**22, max_pixels=1_000_000)  # small, so that whatever is accepted is decoded quickly


def refused(source: images.Source, status: str, *words: str, **options: Any) -> ImageError:
    """Loads what is to be refused with that status and those words, and returns the error."""
    with pytest.raises(ImageError) as caught:
        load(source, **options)
    assert caught.value.status == status, caught.value.message
    for word in words:
        assert word in caught.value.message
    assert str(caught.value) == caught.value.message
    assert caught.value.message.endswith(".")
    return caught.value


def said(data: bytes) -> list[Message]:
    """What `origin.read` says. Raises AssertionError for a broken promise, and lets other errors through."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow grumbles about damaged files
        found = origin.read(data)
    for message in found:
        assert isinstance(message, Message) and message.isprintable() and len(message) < 1000, ascii(message)
    return found


def outcome(data: bytes) -> str:
    """The status, "ok" or the refusal's, of `images.load`; `said` of the same file. Raises AssertionError for a broken
    promise, and lets other errors through."""
    said(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow grumbles about damaged files
        try:
            rgb = load(data, name=NAME, limits=LIMITS)
        except ImageError as error:
            assert error.status in {"unreadable", "unsupported", "too_large"}, error.status
            assert error.message.startswith(f"{NAME}: ") and error.message.endswith("."), error.message
            assert error.message.isprintable() and len(error.message) < 1000, ascii(error.message)
            return error.status
    assert isinstance(rgb, np.ndarray) and rgb.dtype == np.uint8 and rgb.ndim == 3 and rgb.shape[2] == 3
    assert rgb.flags.c_contiguous and not rgb.flags.writeable
    assert min(rgb.shape[:2]) >= LIMITS.min_side and rgb.shape[0] * rgb.shape[1] <= LIMITS.max_pixels, rgb.shape
    return "ok"


def video_outcome(data: bytes, file: Path) -> str:
    """As `outcome`, of a video: its bytes are written to `file` first, since FFmpeg reads files."""
    file.write_bytes(data)
    with patch.object(frames, "MAX_PIXELS", LIMITS.max_pixels), patch.object(frames, "MAX_SECONDS", 0.5):
        return _video_outcome(file)


def _video_outcome(file: Path) -> str:
    times = []
    try:
        for frame in frames.read(file, name=NAME):
            assert frame.rgb.dtype == np.uint8 and frame.rgb.ndim == 3 and frame.rgb.shape[2] == 3
            assert frame.rgb.shape[0] * frame.rgb.shape[1] <= frames.MAX_PIXELS
            times.append(frame.t)
    except ImageError as error:
        assert error.status in {"unreadable", "unsupported", "too_large"}, error.status
        assert error.message.startswith(f"{NAME}: ") and error.message.endswith("."), error.message
        assert error.message.isprintable() and len(error.message) < 1000, ascii(error.message)
        return error.status
    assert 0 < len(times) <= frames.MAX_FRAMES, len(times)
    assert np.isfinite(times).all() and times == sorted(times), times
    return "ok"
