"""Files that somebody who means harm, or has a broken camera, might send, and what must become of each.

`python -m tests.hostile.corpus` writes the table of them to docs/hostile-input.md.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from tests.hostile import videos
from tests.hostile.samples import (
    BOMBS,
    LINEAR_GREY,
    PHOTO,
    PICTURE,
    SAMPLES,
    SRGB,
    UPRIGHT,
    blocks,
    encode,
    jpeg_with,
    patched,
    png,
    red_cyan_ink,
    shared_exif,
    stored,
    swapped_red_and_blue,
    tiff,
    with_directory,
    with_exif,
)

TABLE = Path(__file__).resolve().parents[2] / "docs" / "hostile-input.md"
EITHER = "ok or refused"  # for files changed at random, which may still be pictures


@dataclass(frozen=True)
class Case:
    """One kind of file. name: what the sender calls it. make: the files' bytes, all of which must fare alike.

    expected: the status, or EITHER. pixels: what it shows, uint8 RGB in blocks of 16 x 16, met within `tolerance` at
    the blocks' centres (lossy codecs blur the edges); None where there is nothing to see.
    """

    name: str
    what: str
    expected: str
    make: Callable[[], list[bytes]]
    pixels: np.ndarray | None = None
    tolerance: int = 0

    def is_right(self, rgb: np.ndarray) -> bool:
        """Whether this is the picture that the file holds."""
        if self.pixels is None:
            return True
        centres = np.s_[8::16, 8::16]
        if rgb.shape != self.pixels.shape:
            return False
        return bool((np.abs(rgb[centres].astype(int) - self.pixels[centres]) <= self.tolerance).all())


def _case(
    name: str,
    what: str,
    expected: str,
    data: bytes | Callable[[], bytes | list[bytes]],
    pixels: np.ndarray | None = None,
    tolerance: int = 0,
) -> Case:
    def make() -> list[bytes]:
        made = data() if callable(data) else data
        return [made] if isinstance(made, bytes) else made

    return Case(name, what, expected, make, pixels, tolerance)


# ---------------------------------------------------------------------------------------------------- damaged pictures

FORMATS = {
    "jpg": ("JPEG", "JPEG"),
    "png": ("PNG", "PNG"),
    "webp": ("WebP", "WEBP"),
    "avif": ("AVIF", "AVIF"),
    "heic": ("HEIC", "HEIF"),
    "tif": ("TIFF", "TIFF"),
    "gif": ("GIF", "GIF"),
    "bmp": ("BMP", "BMP"),
    "ppm": ("PPM", "PPM"),
}


@cache
def noisy(file_format: str) -> bytes:
    """A picture that compresses badly, so that its pixels take up nearly all of the file."""
    noise = np.random.default_rng(1).integers(0, 256, (200, 200, 3), np.uint8)
    return encode(Image.fromarray(noise), file_format)


def _cuts(file_format: str) -> list[bytes]:
    data = noisy(file_format)
    return [data[: len(data) * tenths // 10] for tenths in range(1, 10)]


def _flipped(file_format: str) -> list[bytes]:
    """Sixteen copies, each with one to 64 bits turned over."""
    random = np.random.default_rng(2)
    copies = []
    for _ in range(16):
        data = np.frombuffer(encode(PHOTO, file_format), np.uint8).copy()
        for at in random.integers(0, len(data), 2 ** random.integers(0, 7)):
            data[at] ^= 1 << random.integers(0, 8)
        copies.append(data.tobytes())
    return copies


def _damaged() -> list[Case]:
    cases = [_case("empty.jpg", "no bytes at all", "unreadable", b"")]
    for ending, (known, file_format) in FORMATS.items():
        cut = f"{known}, cut off at every tenth of its length"
        cases.append(_case(f"cut.{ending}", cut, "unreadable", lambda name=file_format: _cuts(name)))
    for ending, (known, file_format) in FORMATS.items():
        flipped = f"{known}, 16 copies with random bits flipped"
        cases.append(_case(f"flipped.{ending}", flipped, EITHER, lambda name=file_format: _flipped(name)))
    return cases


# ----------------------------------------------------------------------------------------------------- under a disguise


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("payload.sh", "#!/bin/sh\nexit 1\n")
    return file.getvalue()


def _zip_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("photo.png", bytes(2**26))
    return file.getvalue()


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
EXE = b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff\0\0" + bytes(200)
ELF = b"\x7fELF\2\1\1" + bytes(200)
MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(200)


def _php_comment() -> bytes:
    script = b"<?php system($_GET['c']); ?>"
    return SAMPLES["JPEG"][:2] + b"\xff\xfe" + struct.pack(">H", len(script) + 2) + script + SAMPLES["JPEG"][2:]


def _disguised() -> list[Case]:
    return [
        _case("png.jpg", "a PNG named .jpg", "ok", SAMPLES["PNG"], PICTURE),
        _case("jpeg.heic", "a JPEG named .heic", "ok", SAMPLES["JPEG"], PICTURE, 6),
        _case("webp.png", "a WebP named .png", "ok", SAMPLES["WebP lossless"], PICTURE),
        _case("photo.exe", "a PNG named .exe", "ok", SAMPLES["PNG"], PICTURE),
        _case("drawing.png", "an SVG drawing with a script", "unsupported", SVG),
        _case("page.jpg", "a web page with a script", "unsupported", HTML),
        _case("document.jpg", "a PDF document", "unsupported", lambda: encode(PHOTO, "PDF")),
        _case(
            "postscript.png",
            "an EPS document, which Pillow would hand to Ghostscript",
            "unsupported",
            b"%!PS-Adobe-3.0",
        ),
        _case("archive.jpg", "a ZIP archive", "unsupported", _zip),
        _case("bomb.zip", "a ZIP archive of 64 KB that inflates to 64 MB", "unsupported", _zip_bomb),
        _case("film.jpg", "an MP4 video", "unsupported", MP4),
        _case("program.jpg", "a Windows program", "unsupported", EXE),
        _case("program.png", "a Linux program", "unsupported", ELF),
        _case("notes.jpg", "a text", "unsupported", b"no picture, just words\n"),
        _case("pickle.png", "a Python pickle that would run a command", "unsupported", b"cos\nsystem\n(S'exit 1'\ntR."),
        _case(
            "array.png", "a NumPy file of pickled objects", "unsupported", b"\x93NUMPY\1\0v\0{'descr': '|O'}\n\x80\4."
        ),
        _case("photo.jp2", "a JPEG 2000 picture", "unsupported", lambda: encode(PHOTO, "JPEG2000")),
        _case("icon.ico", "a Windows icon", "unsupported", lambda: encode(PHOTO, "ICO")),
        _case(
            "polyglot.jpg", "a JPEG with a ZIP archive behind it", "ok", lambda: SAMPLES["JPEG"] + _zip(), PICTURE, 6
        ),
        _case("polyglot.zip.png", "a ZIP archive with a PNG behind it", "unsupported", lambda: _zip() + SAMPLES["PNG"]),
        _case("polyglot.pdf.jpg", "a PDF header with a JPEG behind it", "unsupported", b"%PDF-1.7\n" + SAMPLES["JPEG"]),
        _case("polyglot.png", "a PNG with a web page behind it", "ok", SAMPLES["PNG"] + HTML, PICTURE),
        _case("polyglot.gif", "a GIF with a script behind it", "ok", SAMPLES["GIF"] + b"/*<script>*/", PICTURE),
        _case("comment.jpg", "a JPEG with PHP in its comment", "ok", _php_comment, PICTURE, 6),
        _case(
            "two.jpg",
            "two JPEGs in one file, of which the first counts",
            "ok",
            SAMPLES["JPEG"] + noisy("JPEG"),
            PICTURE,
            6,
        ),
    ]


# --------------------------------------------------------------------------------------------- too much of everything


INFLATED = 2**26


@cache
def _little_that_inflates() -> bytes:
    return zlib.compress(bytes(INFLATED), 9)


def _png_with(kind: bytes, content: bytes) -> bytes:
    """A white 32 x 32 PNG with one more chunk before its pixels."""
    return png(32, 32, 8, 2, b"\xff" * 3072, (kind, content))


def _many_frames(file_format: str) -> bytes:
    """PICTURE, then 9,999 more frames."""
    if file_format == "GIF":
        data, other = SAMPLES["GIF"], encode(PHOTO.rotate(90).quantize(4), "GIF")
        frame = other[other.index(b",\0\0\0\0") : -1]
        return data[:-1] + frame * 9_999 + b";"
    data = SAMPLES["APNG"]
    at, end = data.rindex(b"fcTL") - 4, data.index(b"IEND") - 4
    count = data.index(b"acTL")
    control = b"acTL" + struct.pack(">II", 10_000, 0)
    control = struct.pack(">I", 8) + control + struct.pack(">I", zlib.crc32(control))
    return data[: count - 4] + control + data[count + 16 : at] + data[at:end] * 9_999 + data[end:]


def _webp_claims() -> bytes:
    """A lossless WebP whose header claims the largest size that it can: 16,384 x 16,384."""
    at = SAMPLES["WebP lossless"].index(b"VP8L") + 9
    bits = struct.unpack("<I", SAMPLES["WebP lossless"][at : at + 4])[0] | (2**28 - 1)
    return SAMPLES["WebP lossless"][:at] + struct.pack("<I", bits) + SAMPLES["WebP lossless"][at + 4 :]


def _chunks(kind: bytes, content: bytes, count: int) -> bytes:
    """A white 32 x 32 PNG with so many more chunks of that kind before its pixels."""
    return png(32, 32, 8, 2, b"\xff" * 3072, *[(kind, content)] * count)


def _profiles() -> bytes:
    return _chunks(b"iCCP", b"icc\0\0" + zlib.compress(bytes(2**20 - 10), 9), 2000)


def _strip_bomb() -> bytes:
    """A small TIFF whose one strip inflates to 64 MB."""
    return tiff(_little_that_inflates(), t259=8)


def _endless_scans() -> bytes:
    """A progressive JPEG of 4,000 x 4,000 pixels that goes over them 2,000 times."""
    data = encode(Image.new("L", (4000, 4000), 128), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last[:64] * 2000 + data[-2:]


def _too_much() -> list[Case]:
    claims = {
        "PNG": "png",
        "GIF": "gif",
        "TIFF": "tif",
        "JPEG": "jpg",
        "JPEG progressive": "progressive.jpg",
        "BMP": "bmp",
    }
    claims |= {"PPM": "ppm", "AVIF": "avif", "HEIC": "heic"}
    cases = [
        _case(f"bomb.{ending}", f"{kind}, a few bytes that claim 60,000 x 60,000 pixels", "too_large", BOMBS[kind])
        for kind, ending in claims.items()
    ]
    large = {"PNG": "png", "GIF": "gif"}
    cases += [
        _case("bomb.webp", "WebP, a few bytes that claim 16,384 x 16,384 pixels", "too_large", _webp_claims),
        _case("inflates.png", "PNG of 32 x 32 pixels whose data inflate to 64 MB", "ok",
              lambda: _png_with(b"IDAT", _little_that_inflates()), blocks("KK/KK")),
        _case("inflates.tif", "TIFF of 32 x 32 pixels whose strip inflates to 64 MB", "ok", _strip_bomb,
              blocks("KK/KK")),
        _case("text.png", "PNG with a text that inflates to 64 MB", "unreadable",
              lambda: _png_with(b"zTXt", b"Comment\0\0" + _little_that_inflates())),
        _case("profile.png", "PNG with a colour profile that inflates to 64 MB", "unreadable",
              lambda: _png_with(b"iCCP", b"icc\0\0" + _little_that_inflates())),
        _case("profiles.png", "PNG with 2,000 colour profiles that inflate to 2 GB", "unreadable", _profiles),
        _case("chunks.png", "PNG with 200,000 empty texts", "unreadable", lambda: _chunks(b"tEXt", b"x\0", 200_000)),
        _case("numbers.png", "PNG with 4 million chromaticities in place of eight", "unreadable",
              lambda: _chunks(b"cHRM", bytes(2**24), 1)),
        _case("segments.jpg", "JPEG with 200,000 empty segments", "unreadable",
              lambda: jpeg_with(*[(0xE5, b"")] * 200_000)),
        _case("tables.jpg", "JPEG with 100,000 quantization tables", "unreadable",
              lambda: jpeg_with(*[(0xDB, bytes(65) * 1000)] * 100)),
        _case("scans.jpg", "JPEG that goes over its 16 million pixels 2,000 times", "too_large", _endless_scans),
    ]  # fmt: skip
    cases += [
        _case(f"frames.{ending}", f"{kind} of 10,000 frames, of which the first is taken", "ok",
              lambda kind=kind: _many_frames(kind), PICTURE)
        for kind, ending in large.items()
    ]  # fmt: skip
    return cases


def _sizes() -> list[Case]:
    return [
        _case("one-pixel.png", "1 x 1 pixel", "unsupported", lambda: encode(Image.new("RGB", (1, 1)), "PNG")),
        _case("line.png", "1 x 20,000 pixels", "unsupported", lambda: encode(Image.new("RGB", (1, 20_000)), "PNG")),
        _case("band.png", "16 x 20,000 pixels, the narrowest that is taken", "ok",
              lambda: encode(Image.fromarray(np.tile(blocks("R"), (1250, 1, 1))), "PNG"),
              np.tile(blocks("R"), (1250, 1, 1))),
        _case("zero.png", "a header that claims 0 x 0 pixels", "unreadable", png(0, 0, 8, 2, b"")),
        _case("negative.bmp", "a header that claims -32 pixels of width", "too_large",
              patched(SAMPLES["BMP"], b"BM", 18, struct.pack("<i", -32))),
        _case("101-megapixels.png", "10,100 x 10,000 pixels, just over the limit", "too_large",
              lambda: encode(Image.new("1", (10_100, 10_000)), "PNG")),
    ]  # fmt: skip


# ---------------------------------------------------------------------------------------------------- unusual pixels

INKS = np.zeros((2, 2, 4), np.uint8)
INKS[0, 0, 0] = INKS[0, 1, 1] = INKS[1, 0, 2] = INKS[1, 1, 3] = 255  # cyan, magenta / yellow, black
PRINTED = np.array([[(0, 255, 255), (255, 0, 255)], [(255, 255, 0), (0, 0, 0)]], np.uint8)
PRINTED = PRINTED.repeat(16, axis=0).repeat(16, axis=1)
CMYK = Image.fromarray(INKS.repeat(16, axis=0).repeat(16, axis=1), mode="CMYK")
UNIT = np.array([[0, 0.2], [0.6, 1]], np.float32).repeat(16, axis=0).repeat(16, axis=1)
UNIT_SEEN = np.dstack([np.rint(UNIT * 255).astype(np.uint8)] * 3)


def _float_tiff(values: np.ndarray) -> Callable[[], bytes]:
    return lambda: encode(Image.fromarray(values.astype(np.float32)), "TIFF")


def _unusual() -> list[Case]:
    deep = PICTURE.astype(np.uint16) * 257
    not_a_number = UNIT.copy()
    not_a_number[0, 0] = np.nan
    clear = Image.fromarray(np.dstack([PICTURE, np.zeros((32, 32), np.uint8)]))
    return [
        _case("cmyk.jpg", "CMYK JPEG, inverted as Adobe's", "ok", lambda: encode(CMYK, "JPEG", quality=95), PRINTED, 3),
        _case("cmyk.tif", "CMYK TIFF", "ok", lambda: encode(CMYK, "TIFF"), PRINTED, 3),
        _case("16-bit.png", "PNG of 16 bits a colour", "ok", png(32, 32, 16, 2, deep.astype(">u2").tobytes()), PICTURE),
        _case("16-bit.tif", "TIFF of 16 bits of grey", "ok",
              tiff(blocks("KW/WK")[..., 0].astype("<u2").__mul__(257).tobytes(), t258=16), blocks("KW/WK")),
        _case("float.tif", "TIFF of floats from 0 to 1", "ok", _float_tiff(UNIT), UNIT_SEEN),
        _case("float-255.tif", "TIFF of floats from 0 to 255, whose white nobody knows", "unsupported",
              _float_tiff(UNIT * 255)),
        _case("nan.tif", "TIFF of floats with a NaN", "unsupported", _float_tiff(not_a_number)),
        _case("infinite.tif", "TIFF of infinite floats", "unsupported", _float_tiff(UNIT + np.inf)),
        _case("int32.tif", "TIFF of 32-bit integers", "unsupported",
              lambda: encode(Image.new("I", (32, 32), 1000), "TIFF")),
        _case("12-bit.tif", "TIFF of 12 bits of grey", "unsupported", tiff(bytes(32 * 32 * 12 // 8), t258=12)),
        _case("tiles.tif", "TIFF of one tile of 1,000,000 x 1,000,000 pixels", "too_large",
              tiff(bytes(64), t273=-1, t278=-1, t279=-1, t322=10**6, t323=10**6, t324=8, t325=64)),
        _case("raw.tif", "TIFF that begins with a thumbnail, as camera raw files do", "unsupported",
              lambda: encode(PHOTO, "TIFF", tiffinfo={254: 1})),
        _case("palette.bmp", "BMP with a palette", "ok", SAMPLES["BMP palette"], PICTURE),
        _case("transparent.png", "PNG that is transparent all over, seen as white", "ok", lambda: encode(clear, "PNG"),
              blocks("WW/WW")),
        _case("one-bit.png", "PNG of one bit", "ok",
              lambda: encode(Image.fromarray(blocks("KW/WK")).convert("1"), "PNG"), blocks("KW/WK")),
        _case("animated.gif", "GIF of two frames", "ok", SAMPLES["GIF animated"], PICTURE),
        _case("animated.webp", "WebP of two frames", "ok", SAMPLES["WebP animated"], PICTURE),
        _case("animated.png", "PNG of two frames", "ok", SAMPLES["APNG"], PICTURE),
        _case("animated.avif", "AVIF of two frames", "ok", SAMPLES["AVIF animated"], PICTURE, 6),
        _case("pages.tif", "TIFF of two pages", "ok", SAMPLES["TIFF pages"], PICTURE),
        _case("phone.mpo", "JPEG with a second picture, as phones make", "ok", SAMPLES["MPO"], PICTURE, 6),
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------- colour profiles and EXIF


def _profiled(profile: bytes) -> Callable[[], bytes]:
    return lambda: encode(PHOTO, "PNG", icc_profile=profile)


def _turned(orientation: int) -> bytes:
    image, exif = stored(orientation)
    return encode(image, "PNG", exif=exif)


def _exif(block: bytes) -> Callable[[], bytes]:
    return lambda: encode(PHOTO, "PNG", exif=block)


def _long_exif() -> bytes:
    """A JPEG with 180 kB of EXIF in several segments, which Pillow would join."""
    return with_exif("JPEG", b"II*\0\x08\0\0\0\0\0\0\0\0\0".ljust(180_000, b"x"))


def _orientation(value: int) -> bytes:
    """EXIF whose orientation is not one of the eight."""
    return b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + struct.pack("<I", value) + b"\0\0\0\0"


SHARED_TAGS = shared_exif(2000, 150_000)  # which as Python's bytes would be 300 MB


def _many_texts() -> bytes:
    """PICTURE with 200 texts of 262,144 letters each."""
    packed = zlib.compress(b"a " * 2**17, 9)
    texts = [(b"zTXt", b"text %d\0\0" % number + packed) for number in range(200)]
    return png(32, 32, 8, 2, PICTURE.tobytes(), *texts)


def _open_xmp() -> bytes:
    return encode(PHOTO, "WEBP", lossless=True, xmp=b"<Credit>" * 32_000)


def _metadata() -> list[Case]:
    cases = [
        _case("profile-used.png", "a profile that swaps red and blue", "ok", _profiled(swapped_red_and_blue()),
              PICTURE[..., ::-1], 2),
        _case("profile-rubbish.png", "a profile of rubbish, ignored", "ok", _profiled(b"rubbish" * 99), PICTURE),
        _case("profile-cut.png", "half of a profile, ignored", "ok", _profiled(SRGB[: len(SRGB) // 2]), PICTURE),
        _case("profile-grey.png", "a profile for grey pictures, ignored", "ok", _profiled(LINEAR_GREY), PICTURE),
        _case("profile-cmyk.png", "a profile for a printing press, ignored", "ok", _profiled(red_cyan_ink()), PICTURE),
        _case("profile-huge.png", "a profile that claims to be 4 GB long, ignored", "ok",
              _profiled(b"\xff\xff\xff\xff" + SRGB[4:]), PICTURE),
    ]  # fmt: skip
    cases += [
        _case(f"turned-{turn}.png", f"EXIF orientation {turn}", "ok", lambda turn=turn: _turned(turn), UPRIGHT)
        for turn in range(1, 9)
    ]
    return cases + [
        _case("turned-0.png", "EXIF orientation 0, which does not exist", "ok", _exif(_orientation(0)), PICTURE),
        _case("turned-99.png", "EXIF orientation 99, which does not exist", "ok", _exif(_orientation(99)), PICTURE),
        _case("exif-rubbish.png", "EXIF of rubbish", "ok", _exif(b"Exif\0\0rubbish"), PICTURE),
        _case("exif-cut.png", "EXIF whose first table lies beyond its end", "ok",
              _exif(b"Exif\0\0II*\0\xff\xff\xff\xff"), PICTURE),
        _case("exif-loop.png", "EXIF whose tables point to themselves", "ok",
              _exif(b"Exif\0\0II*\0\x08\0\0\0\1\0\x69\x87\4\0\1\0\0\0\x08\0\0\0\x08\0\0\0"), PICTURE),
        _case("exif-long.jpg", "180 kB of EXIF", "ok", _long_exif, PICTURE, 6),
        _case("exif-segments.jpg", "16 MB of EXIF in 16,000 segments", "ok",
              lambda: jpeg_with(*[(0xE1, b"Exif\0\0".ljust(1000, b"x"))] * 16_000), PICTURE, 6),
        _case("exif-directory.tif", "TIFF whose EXIF has four tags that share 500,000 fractions", "ok",
              lambda: with_directory(34665, 4, 500_000), blocks("KK/KK")),
        _case("exif-text.png", "EXIF as a text that inflates to 350 kB, whose 2,000 tags share their data", "ok",
              lambda: with_exif("PNG text", SHARED_TAGS), PICTURE),
        _case("exif-shared.avif", "AVIF with 174 kB of EXIF, whose 2,000 tags share their data", "ok",
              lambda: with_exif("AVIF", SHARED_TAGS, quality=100, subsampling="4:4:4"), PICTURE, 6),
        _case("exif-fractions.png", "54 kB of EXIF, whose 1,500 tags share 4,500 fractions", "ok",
              lambda: with_exif("PNG", shared_exif(1500, 36_000, kind=5, directory=0x8769)), PICTURE),
        _case("texts.png", "PNG with 200 texts that inflate to 52 MB", "ok", _many_texts, PICTURE),
        _case("xmp.webp", "WebP with XMP of 32,000 elements that never end", "ok", _open_xmp, PICTURE),
    ]  # fmt: skip


CASES = [*_damaged(), *_disguised(), *_too_much(), *_sizes(), *_unusual(), *_metadata()]

# Names are the sender's, too. What a message must not repeat is on the right.
NAMES = {
    "../../../../etc/passwd": [],
    "..\\..\\windows\\system32\\photo.png": [],
    "/etc/shadow": [],
    "%2e%2e%2f%2e%2e%2fphoto.png": [],
    "photo.png\0.exe": ["\0"],
    "two\r\nlines: injected.png": ["\r", "\n"],
    "\x1b[31mred\x1b[0m.png": ["\x1b"],
    "photo\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe": ["\N{RIGHT-TO-LEFT OVERRIDE}"],
    "\N{RIGHT-TO-LEFT ISOLATE}x\N{ZERO WIDTH SPACE}.png": ["\N{RIGHT-TO-LEFT ISOLATE}", "\N{ZERO WIDTH SPACE}"],
    "<img src=x onerror=alert(1)>.png": [],
    "{0.__class__}{name}%s.png": [],
    "-rf --help.png": [],
    "صورة.png": [],
    "лицо 顔 👩‍🦰.png": [],
    "x" * 4000 + ".png": ["x" * 300],
}


def table() -> str:
    """What the corpus holds, as Markdown."""
    lines = [
        "# Hostile input",
        "",
        "Files that no honest camera makes, and what becomes of each. `tests/hostile` makes them and sends every one",
        "through `images.load` and `origin.read`, and some through the web page; it fails where a line is no longer",
        "true, or where `origin.read` finds an origin, raises or takes more than 256 MiB and eight times the file,",
        "or where either takes more than 20 seconds. `ok` means",
        f"that the pixels were compared with the right ones; `{EITHER}` that the file may be either, but nothing else.",
        "`python -m tests.hostile.corpus` writes this page anew.",
        "",
        "| file | what it is | status |",
        "|---|---|---|",
        *(f"| `{case.name}` | {case.what} | {case.expected} |" for case in CASES),
        "",
        "Videos go through `frames.read`:",
        "",
        "| file | what it is | status |",
        "|---|---|---|",
        *(f"| `{case.name}` | {case.what} | {case.expected} |" for case in videos.CASES),
        "",
        "Names are the sender's, too. With each of these the picture is read, and the message about an unreadable one",
        "shows what can be printed of the name, at most 200 characters of it:",
        "",
        *(f"- `{ascii(name)[1:-1] if len(name) < 300 else 'x … x.png, 4,004 characters'}`" for name in NAMES),
        "",
    ]
    return "\n".join(lines)


assert len({case.name for case in CASES}) == len(CASES), "two cases of one name"
assert all(case.expected in {"ok", "unreadable", "unsupported", "too_large", EITHER} for case in CASES)

if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
    print(f"{TABLE.name}: {len(CASES)} kinds of files, {len(NAMES)} names")
