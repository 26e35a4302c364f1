"""Videos that no honest camera makes, written here chunk by chunk, and what must become of each."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from tests import clips
from tests.hostile.samples import SAMPLES, encode

EITHER = "ok or refused"
SIZE = (96, 64)


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _list(kind: bytes, *chunks: bytes) -> bytes:
    return _chunk(b"LIST", kind + b"".join(chunks))


def avi(frames: list[bytes], size: tuple[int, int] = SIZE, index: bytes | None = None, sound: bool = False) -> bytes:
    """An AVI at 10 frames a second of JPEG frames, or (sound) of silence alone. index: in place of the right one."""
    width, height = size
    count, tag = len(frames), b"01wb" if sound else b"00dc"
    main = struct.pack("<14I", 100_000, 0, 0, 16, count, 0, 1, 0, width, height, 0, 0, 0, 0)
    stream = (b"auds" + bytes(4)) if sound else b"vidsMJPG"
    rate, scale = (8000, 1) if sound else (10, 1)
    header = stream + struct.pack("<IHHIIIIIIIIhhhh", 0, 0, 0, 0, scale, rate, 0, count, 0, 0, 1, 0, 0, width, height)
    if sound:
        layout = struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8)
    else:
        layout = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", width * height * 3, 0, 0, 0, 0)
    described = _list(b"strl", _chunk(b"strh", header), _chunk(b"strf", layout))
    movie, offset, entries = b"", 4, b""
    for frame in frames:
        entries += tag + struct.pack("<III", 16, offset, len(frame))
        movie += _chunk(tag, frame)
        offset = 4 + len(movie)
    body = _list(b"hdrl", _chunk(b"avih", main), described) + _list(b"movi", movie)
    return _chunk(b"RIFF", b"AVI " + body + _chunk(b"idx1", entries if index is None else index))


def picture(grey: int, size: tuple[int, int] = SIZE) -> bytes:
    """A JPEG of one grey."""
    return encode(Image.new("RGB", size, (grey,) * 3), "JPEG", quality=90)


@cache
def _written(suffix: str, codec: str) -> bytes:
    """A clip of ten frames as FFmpeg itself writes it."""
    shades = [np.full((SIZE[1], SIZE[0], 3), 20 * n, np.uint8) for n in range(10)]
    with tempfile.TemporaryDirectory() as folder:
        return clips.write(Path(folder) / f"clip.{suffix}", shades, codec=codec).read_bytes()


CONTAINERS = {
    "MP4": lambda: _written("mp4", "mp4v"),
    "MOV": lambda: _written("mov", "mjpg"),
    "MKV": lambda: _written("mkv", "MJPG"),
    "WebM": lambda: _written("webm", "VP80"),
    "AVI": lambda: WHOLE,
}


def _claiming(jpeg: bytes, width: int, height: int) -> bytes:
    """The JPEG with other sides in its header."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


FRAMES = [picture(20 * n) for n in range(10)]
WHOLE = avi(FRAMES)


def _cut() -> list[bytes]:
    return [WHOLE[: len(WHOLE) * share // 10] for share in range(1, 10)]


def _flipped() -> list[bytes]:
    random = np.random.default_rng(0)
    copies = []
    for _ in range(16):
        data = bytearray(WHOLE)
        for place in random.integers(12, len(data), 20):  # what follows the twelve bytes that make it a video
            data[place] ^= 1 << random.integers(8)
        copies.append(bytes(data))
    return copies


@dataclass(frozen=True)
class VideoCase:
    """One kind of file. expected: the status, or EITHER; frames: how many can be had of an "ok" one."""

    name: str
    what: str
    expected: str
    make: Callable[[], list[bytes]]
    frames: int = 0


def _case(name: str, what: str, expected: str, *data: bytes, frames: int = 0) -> VideoCase:
    return VideoCase(name, what, expected, lambda: list(data), frames)


PLAY_LIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n"
CASES = [
    _case("whole.avi", "an honest video of ten frames", "ok", WHOLE, frames=10),
    _case("empty.mp4", "no bytes at all", "unreadable", b""),
    _case("text.mp4", "a text", "unsupported", b"not a video at all"),
    _case("photo.mp4", "a JPEG named .mp4", "unsupported", SAMPLES["JPEG"]),
    _case("list.mp4", "a play list that names an address", "unsupported", PLAY_LIST),
    _case("concat.mp4", "a list of FFmpeg's that names a file of the server's", "unsupported",
          b"ffconcat version 1.0\nfile '/etc/passwd'\n"),
    _case("head.mp4", "MP4: a beginning and nothing else", "unreadable", b"\0\0\0\x20ftypisom" + bytes(20)),
    _case("head.mkv", "Matroska: a beginning and rubbish", "unreadable", b"\x1aE\xdf\xa3" + bytes(range(200))),
    VideoCase("cut.avi", "AVI, cut off at every tenth of its length", EITHER, _cut),
    VideoCase("flipped.avi", "AVI, 16 copies with random bits flipped", EITHER, _flipped),
    _case("no-frames.avi", "AVI that promises video and holds none", "unreadable", avi([])),
    _case("sound.avi", "AVI with sound alone", "unreadable", avi([bytes(800)] * 10, sound=True)),
    _case("bad-index.avi", "AVI whose index points outside the file", "ok",
          avi(FRAMES, index=b"".join(b"00dc" + struct.pack("<III", 16, 2**31 - 1, 2**31 - 1) for _ in FRAMES)),
          frames=10),
    _case("no-pictures.avi", "AVI whose frames are rubbish", "unreadable", avi([b"rubbish" * 20] * 10)),
    _case("growing.avi", "AVI whose frames change their size", EITHER,
          avi([picture(90, (96 + 32 * n, 64 + 16 * n)) for n in range(5)])),
    _case("giant-frame.avi", "AVI of small frames, one of which claims 16,000 x 14,000 pixels", EITHER,
          avi([*FRAMES[:3], _claiming(FRAMES[3], 16_000, 14_000), *FRAMES[4:]])),
    _case("giant.avi", "AVI that claims frames of 30,000 x 30,000 pixels", EITHER, avi(FRAMES, size=(30_000, 30_000))),
]  # fmt: skip
