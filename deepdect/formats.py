"""The kinds of picture that are read, by how their files begin, and what reads their headers.

Whoever sent a file may mean harm: only these decoders of Pillow's are ever reached (it has others, some of which start
programs), and they are kept from working on a crafted header for minutes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from io import BytesIO

from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

MAX_EXIF = 2**16  # bytes; longer blocks are not parsed, because tags that share their data take its square in memory

# TIFF's types of number, and the bytes of one; Pillow makes an object of each, and four of a fraction (5, 10).
NUMBER_BYTES = {3: 2, 4: 4, 5: 8, 6: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
MOST_NUMBERS = 2**20  # in one tag: 100 megapixels in tiles of 16 x 16 have 400,000


class Metered(BytesIO):
    """A file that refuses to be read over and over: crafted headers of 1 MB make Pillow copy gigabytes (TIFF tags that
    share their data) or work for minutes (a GIF's comment blocks, joined in quadratic time)."""

    def __init__(self, data: bytes, reads: int) -> None:
        super().__init__(data)
        self._reads, self._bytes = reads, 4 * len(data) + 2**20

    def read(self, size: int | None = -1) -> bytes:
        block = super().read(size)
        self._reads, self._bytes = self._reads - 1, self._bytes - len(block)
        if min(self._reads, self._bytes) < 0:
            raise RuntimeError("its header is far too complicated")  # an OSError, Pillow may turn into a warning
        return block


class _Jpeg(JpegImageFile):
    def getexif(self) -> Image.Exif:  # opening the file already calls this
        if len(self.info.get("exif", b"")) > MAX_EXIF:
            raise SyntaxError("EXIF is too long")
        return super().getexif()


def _heif(stream: BytesIO) -> Image.Image:
    from pillow_heif import HeifImageFile  # only now: the library is large and few pictures need it

    return HeifImageFile(stream)


# How a file begins, and its decoder; called directly, since Image.open applies a global size limit that is not ours.
FORMATS: dict[str, tuple[bytes, Callable[[BytesIO], Image.Image]]] = {
    "JPEG": (rb"\xff\xd8\xff", _Jpeg),  # a phone's MPO too: more pictures follow the first
    "PNG": (rb"\x89PNG\r\n\x1a\n", PngImageFile),
    "WebP": (rb"RIFF....WEBP", WebPImageFile),
    "AVIF": (rb"....ftyp(?:avi[fs]|(?:mif[12]|msf1)....(?:....){0,15}avi[fs])", AvifImageFile),
    "HEIC": (rb"....ftyp(?:hei[cxms]|hev[cxms]|mif[12]|msf1)", _heif),
    "TIFF": (rb"II[*+]\0|MM\0[*+]", TiffImageFile),
    "GIF": (rb"GIF8[79]a", GifImageFile),
    "BMP": (rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", BmpImageFile),
    "PPM": (rb"P[1-6f]\s+(?:#[^\n]*\n\s*)*\d", PpmImageFile),
}
OTHERS = {  # to be called by their names when refused
    rb"....ftypcrx ": "kind_raw",
    rb"\0...(?:ftyp|moov|mdat|wide|free)|\x1aE\xdf\xa3|RIFF....AVI |FLV|\0\0\x01[\xb3\xba]|0&\xb2u|OggS": "kind_video",
    rb"%PDF-": "kind_pdf",
    rb"%!PS|\xc5\xd0\xd3\xc6|8BPS": "kind_postscript",
    rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!|BZh|\xfd7zXZ": "kind_archive",
    rb"\0\0\0\x0c(?:jP  |JXL )|\xff(?:\x4f\xff\x51|\x0a)": "kind_jpeg2000",
    rb"(?:\xef\xbb\xbf)?\s*<(?:(?:.*<)?svg[\s>]|(?i:!doctype html|html|head))": "kind_web",
    rb"[\t\n\r\x20-\x7e\x80-\xff]*\Z": "kind_text",
    rb"": "kind_unknown",
}


def kind_of(data: bytes) -> str | None:
    """A key of FORMATS, by the file's first bytes; None for anything else."""
    head = data[:1024]
    return next((kind for kind, (pattern, _) in FORMATS.items() if re.match(pattern, head, re.DOTALL)), None)


def other_kind(data: bytes) -> str:
    """The message key that names what is none of FORMATS."""
    return next(other for pattern, other in OTHERS.items() if re.match(pattern, data[:1024], re.DOTALL))


def open_header(data: bytes, kind: str) -> Image.Image:
    """The picture of that kind, not decoded yet. Raises whatever the decoder does.

    Of AVIF and HEIC without EXIF, which opening these parses at any length; their orientation is elsewhere, and
    `boxes.exif` has the rest.
    """
    if kind in {"AVIF", "HEIC"}:
        data = re.sub(rb"(infe.{8}(?:..)?)Exif", rb"\1skip", data, flags=re.DOTALL)
    if kind == "TIFF" and _most_numbers(data) > MOST_NUMBERS:
        raise RuntimeError("its header is far too complicated")
    return FORMATS[kind][1](Metered(data, reads=10_000 if kind == "GIF" else 1_000_000))


def _most_numbers(tiff: bytes) -> int:
    """How many numbers the longest tag of a TIFF's first directory holds, a fraction for a hundred; bytes and letters
    are none, nor is what lies beyond the file's end."""
    order, big = "<" if tiff[:1] == b"I" else ">", tiff[2:3] == b"+"  # Pillow knows no big-endian BigTIFF
    entry, size, place = (f"{order}HHQ8x", 8, 8) if big else (f"{order}HHI4x", 2, 4)
    at = int.from_bytes(tiff[place : 2 * place], "little" if order == "<" else "big")
    count = int.from_bytes(tiff[at : at + size], "little" if order == "<" else "big")
    count = min(count, 1_000_000)  # more are more than may be read, by `open_header`
    table = tiff[at + size : at + size + count * struct.calcsize(entry)]
    table = table[: len(table) - len(table) % struct.calcsize(entry)]
    most = 0
    for _, kind, numbers in struct.iter_unpack(entry, table):
        width = NUMBER_BYTES.get(kind, 0)
        if width and numbers * width <= len(tiff):
            most = max(most, numbers * (100 if kind in (5, 10) else 1))
    return most


def exif(image: Image.Image) -> Image.Exif:
    """A picture's EXIF; empty where it has none or more than MAX_EXIF. Raises whatever Pillow does of damaged EXIF."""
    block = image.info.get("exif") or image.info.get("Raw profile type exif") or b""
    if len(block) > MAX_EXIF:
        return Image.Exif()
    return Image.Image.getexif(image)  # not PngImageFile's, which would decode the pixels to look behind them


def without_pixels(png: bytes) -> bytes:
    """A PNG's chunks except those that hold pixels, behind which there may be more texts; the first 2**17 at most."""
    kept, at = [png[:8]], 8
    for _ in range(2**17):
        end = at + 12 + int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] not in {b"IDAT", b"fcTL", b"fdAT"}:
            kept.append(png[at:end])
        at = end
        if at >= len(png):
            break
    return b"".join(kept)
