"""Small videos for tests."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def write(file: Path, pictures: list[np.ndarray], fps: float = 10.0, codec: str = "mp4v") -> Path:
    """Frames uint8 RGB as a video file."""
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*codec), fps, (width, height))
    assert writer.isOpened()
    for rgb in pictures:
        writer.write(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    writer.release()
    return file


def greys(count: int) -> list[np.ndarray]:
    """Frames of 96 x 64, each of one grey: 0, 10, 20 and so on."""
    return [np.full((64, 96, 3), 10 * n, np.uint8) for n in range(count)]
