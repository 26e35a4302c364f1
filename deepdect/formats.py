"""The kinds of picture that are read, by how their files begin, and what reads their headers.

Whoever sent a file may mean harm: only these decoders of Pillow's are ever reached (it has others, some of which start
programs), and they are kept from working on a crafted header for minutes.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from deepdect import jpeg

COMPLICATED = "its header is far too complicated"
MAX_EXIF = 2**16  # bytes; longer blocks are not parsed, because tags that share their data take its square in memory

# TIFF's types of number, and the bytes of one; Pillow makes an object of each, and four of a fraction (5, 10).
NUMBER_BYTES = {3: 2, 4: 4, 5: 8, 6: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
MOST_NUMBERS = 2**20  # in one tag: 100 megapixels in tiles of 16 x 16 have 400,000
MOST_TAGS = 2**16 - 1  # of a BigTIFF, too

# Of a JPEG before its pixels: what Pillow takes for a marker with a length, and the kinds that it makes objects of.
_JPEG_MARKER = re.compile(rb"\xff[\xc0-\xc7\xc9-\xcf\xda-\xef\xfe]")
_JPEG_TABLES = re.compile(rb"\xff[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf\xdb\xde]")
MAX_TABLES = 2**16  # bytes; usual are some hundreds
_JPEG_MOST = {(b"\xff\xe1", b"Exif\0\0"): MAX_EXIF, (b"\xff\xed", b"Photoshop 3.0\0"): 2**20}  # bytes of them together

# Of a PNG: what holds pixels, what Pillow inflates to at most 1 MB each, and what `entries` reads.
PIXELS, PACKED = {b"IDAT", b"fcTL", b"fdAT"}, {b"iCCP", b"zTXt", b"iTXt"}
ENTRIES = {b"tEXt", b"zTXt", b"iTXt", b"eXIf"}
MOST_CHUNKS, MOST_PACKED, MOST_BESIDES = 2**17, 256, 10_000  # in all, of PACKED, without pixels


class Metered(BytesIO):
    """A file that refuses to be read over and over: crafted headers of 1 MB make Pillow copy gigabytes (TIFF tags that
    share their data) or work for minutes (a GIF's comment blocks, joined in quadratic time)."""

    def __init__(self, data: bytes, reads: int) -> None:
        super().__init__(data)
        self.reads, self._bytes = reads, 4 * len(data) + 2**20

    def read(self, size: int | None = -1) -> bytes:
        block = super().read(size)
        self.reads, self._bytes = self.reads - 1, self._bytes - len(block)
        if min(self.reads, self._bytes) < 0:
            raise RuntimeError(COMPLICATED)  # an OSError, Pillow may turn into a warning
        return block


class _Jpeg(JpegImageFile):
    def getexif(self) -> Image.Exif:  # opening the file already calls this
        if len(self.info.get("exif", b"")) > MAX_EXIF:
            raise SyntaxError("EXIF is too long")
        return super().getexif()


class _FirstDirectory(Image.Exif):
    """EXIF without the directories in it, of which Pillow decodes every tag where it decodes a TIFF's pixels."""

    def get_ifd(self, tag: int) -> dict[int, Any]:
        return {}


class _Tiff(TiffImageFile):
    def _open(self) -> None:
        self._exif = _FirstDirectory()
        super()._open()


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
    "TIFF": (rb"II[*+]\0|MM\0[*+]", _Tiff),
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
    if kind == "JPEG":
        data = _lightened(data)
    if (kind == "TIFF" and _most_numbers(data) > MOST_NUMBERS) or (kind == "PNG" and _is_overloaded(data)):
        raise RuntimeError(COMPLICATED)
    return FORMATS[kind][1](Metered(data, reads=10_000 if kind == "GIF" else 1_000_000))


def _most_numbers(tiff: bytes) -> int:
    """How many numbers the longest tag of a TIFF's first directory holds, a fraction for a hundred; bytes and letters
    are none, nor is what lies beyond the file's end. Raises RuntimeError for more than MOST_TAGS tags."""
    order, big = "<" if tiff[:1] == b"I" else ">", tiff[2:3] == b"+"  # Pillow knows no big-endian BigTIFF
    entry, size, place = (f"{order}HHQ8x", 8, 8) if big else (f"{order}HHI4x", 2, 4)
    at = int.from_bytes(tiff[place : 2 * place], "little" if order == "<" else "big")
    count = int.from_bytes(tiff[at : at + size], "little" if order == "<" else "big")
    if count > MOST_TAGS:
        raise RuntimeError(COMPLICATED)
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


def _lightened(data: bytes) -> bytes:
    """A JPEG in which the segments are called something else that together are longer than _JPEG_MOST: Pillow joins
    EXIF's in quadratic time. Raises RuntimeError for more segments or tables than any picture needs."""
    sizes, tables, light = dict.fromkeys(_JPEG_MOST, 0), 0, bytearray()
    for number, (marker, start, end) in enumerate(jpeg.segments(data, _JPEG_MARKER)):
        if marker == jpeg.SCAN:
            break
        tables += end - start if _JPEG_TABLES.match(marker) else 0
        if tables > MAX_TABLES or number == jpeg.MOST_SEGMENTS - 1:
            raise RuntimeError(COMPLICATED)
        for (kind, name), most in _JPEG_MOST.items():
            if marker != kind or not data.startswith(name, start, end):
                continue
            if sizes[kind, name] > most:
                light = light or bytearray(data)
                light[start : start + 4] = b"skip"
            sizes[kind, name] += end - start - len(name)
    return bytes(light) if light else data


def _chunks(png: bytes) -> Iterator[tuple[bytes, int, int]]:
    """A PNG's chunks as far as Pillow reads them, the first MOST_CHUNKS: kind, and where they begin and end."""
    at = 8
    for _ in range(MOST_CHUNKS):
        kind, end = png[at + 4 : at + 8], at + 12 + int.from_bytes(png[at : at + 4], "big")
        if not re.fullmatch(rb"\w{4}", kind):
            return
        yield kind, at, end
        if kind == b"IEND":
            return
        at = end


def _is_overloaded(png: bytes) -> bool:
    """Whether a PNG has more chunks than any picture needs, or one over which Pillow stumbles."""
    seen: Counter[bytes] = Counter()
    for kind, at, end in _chunks(png):
        endless = kind == b"cHRM" and end - at > 12 + 8 * 4  # Pillow makes numbers of all of it
        if endless or (kind == b"fdAT" and not seen[b"IDAT"]):  # where it may lose its place, 4 bytes on
            return True
        seen[kind] += 1
    besides = seen.total() - sum(seen[kind] for kind in PIXELS)
    packed = sum(seen[kind] for kind in PACKED)
    return seen.total() == MOST_CHUNKS or besides > MOST_BESIDES or packed > MOST_PACKED


def without_pixels(png: bytes) -> bytes | None:
    """A PNG's chunks except those that hold pixels; None where no ENTRIES are behind these."""
    kept, pixels, worth = [png[:8]], False, False
    for kind, at, end in _chunks(png):
        if kind in PIXELS:
            pixels = True
        else:
            kept.append(png[at:end])
            worth |= pixels and kind in ENTRIES
    return b"".join(kept) if worth else None
