"""Headers that make Pillow work for long: what pictures need is read as ever, more is refused or passed over."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image, TiffImagePlugin

from deepdect import formats, jpeg
from deepdect.images import load
from tests.hostile.contract import refused
from tests.hostile.samples import (
    PHOTO,
    PICTURE,
    SAMPLES,
    STORED,
    UPRIGHT,
    encode,
    jpeg_with,
    stored,
    with_directory,
    with_exif,
)


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_with(*chunks: bytes, behind: bool = False) -> bytes:
    """PICTURE with these chunks before or behind its pixels."""
    data = SAMPLES["PNG"]
    at = data.index(b"IEND" if behind else b"IDAT") - 4
    return data[:at] + b"".join(chunks) + data[at:]


PACKED = [
    chunk(b"iCCP", b"x\0\0" + zlib.compress(b"no profile")),
    chunk(b"zTXt", b"x\0\0" + zlib.compress(b"text")),
    chunk(b"iTXt", b"x\0\1\0\0\0" + zlib.compress(b"text")),
]


@pytest.mark.parametrize("behind", [False, True])
def test_a_png_of_more_packed_chunks_than_any_picture_needs_is_refused(behind: bool) -> None:
    most = PACKED * (formats.MOST_PACKED // 3) + PACKED[: formats.MOST_PACKED % 3]
    np.testing.assert_array_equal(load(png_with(*most, behind=behind)), PICTURE)
    for one in PACKED:
        refused(png_with(*most, one, behind=behind), "unreadable", "complicated")


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("one", [chunk(b"tEXt", b"x\0y"), chunk(b"abCd"), chunk(b"eXIf", b"x")])
def test_a_png_of_more_chunks_than_any_picture_needs_is_refused(one: bytes, behind: bool) -> None:
    besides = formats.MOST_BESIDES - 2  # IHDR and IEND
    np.testing.assert_array_equal(load(png_with(*[one] * besides, behind=behind)), PICTURE)
    refused(png_with(*[one] * (besides + 1), behind=behind), "unreadable", "complicated")


def test_a_png_s_pixels_may_lie_in_many_chunks_but_not_in_any_number() -> None:
    for count in (formats.MOST_BESIDES + 1, formats.MOST_CHUNKS - 10):
        np.testing.assert_array_equal(load(png_with(*[chunk(b"IDAT")] * count)), PICTURE)
    refused(png_with(*[chunk(b"IDAT")] * formats.MOST_CHUNKS), "unreadable", "complicated")


def test_what_follows_a_png_is_no_part_of_it() -> None:
    data = SAMPLES["PNG"]
    chunks = chunk(b"zTXt") * (formats.MOST_PACKED + 1)
    np.testing.assert_array_equal(load(data + chunks), PICTURE)
    unfinished = data[: data.index(b"IEND") - 4] + bytes(12 * formats.MOST_CHUNKS)
    np.testing.assert_array_equal(load(unfinished), PICTURE)


def test_a_png_of_more_chromaticities_than_there_are_is_refused() -> None:
    np.testing.assert_array_equal(load(png_with(chunk(b"cHRM", bytes(32)))), PICTURE)
    refused(png_with(chunk(b"cHRM", bytes(36))), "unreadable", "complicated")


def test_no_chunk_hides_behind_a_frame_without_a_mode() -> None:
    """Pillow reads four bytes of such a frame before it finds out, and then as many as the frame has."""
    head = png_with()[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 3, 7, 0, 0, 0))
    frame = struct.pack(">I4sI", 4, b"fdAT", 1)
    crc = zlib.crc32(frame[8:12])  # which Pillow takes for content, and looks for its checksum behind it
    lost = frame + struct.pack(">II", crc, zlib.crc32(struct.pack(">4sI", b"fdAT", crc)))
    data = head + chunk(b"fcTL", bytes(26)) + lost + SAMPLES["PNG"][8:]
    formats.FORMATS["PNG"][1](io.BytesIO(data)).close()
    refused(data, "unreadable", "complicated")


def test_exif_in_many_segments_of_a_jpeg_is_not_joined_without_end() -> None:
    segment = (0xE1, b"Exif\0\0".ljust(1000, b"x"))
    data = jpeg_with(*[segment] * 1000)
    assert formats.MAX_EXIF < len(formats.open_header(data, "JPEG").info["exif"]) < formats.MAX_EXIF + 1000
    np.testing.assert_array_equal(load(data), load(SAMPLES["JPEG"]))


@pytest.mark.parametrize(
    "before", [b"", b"\xff\xd9", b"\xff\xff", b"\xff\xf0", b"\xff\xd0\xff\xd8", b"\xff\0", b"junk"]
)
def test_no_exif_hides_where_pillow_finds_it(before: bytes) -> None:
    segment = b"\xff\xe1" + struct.pack(">H", 60_000) + b"Exif\0\0".ljust(59_998, b"x")
    data = SAMPLES["JPEG"][:20] + (before + segment) * 5 + SAMPLES["JPEG"][20:]  # behind JFIF's segment
    assert len(formats.open_header(data, "JPEG").info["exif"]) < 2 * formats.MAX_EXIF


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("size", [0, 65_000])
def test_exif_of_one_segment_and_of_two_turns_a_jpeg(orientation: int, size: int) -> None:
    lying, turn = stored(orientation)
    block = turn.tobytes().ljust(size, b"\0")
    whole = encode(lying, "JPEG", quality=100, subsampling=0, exif=block)
    assert np.abs(load(whole).astype(int) - UPRIGHT).max() < 8
    plain = encode(lying, "JPEG", quality=100, subsampling=0)
    parts = [b"Exif\0\0" + part for part in (block[6:20], block[20:])]
    packed = b"".join(b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part for part in parts)
    np.testing.assert_array_equal(load(plain[:2] + packed + plain[2:]), load(whole))


def test_exif_that_is_too_long_turns_nothing() -> None:
    block = struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, ExifTags.Base.Orientation, 3, 1, 3, 0)
    turned = load(with_exif("JPEG", block.ljust(formats.MAX_EXIF - 6, b"\0")))
    upright = load(with_exif("JPEG", block.ljust(formats.MAX_EXIF + 1, b"\0")))
    np.testing.assert_array_equal(upright, turned[::-1, ::-1])
    np.testing.assert_array_equal(upright, load(SAMPLES["JPEG"]))


def test_a_jpeg_of_more_segments_than_any_picture_needs_is_refused() -> None:
    own = next(n for n, (marker, _, _) in enumerate(jpeg.segments(SAMPLES["JPEG"])) if marker == jpeg.SCAN)
    most = jpeg.MOST_SEGMENTS - own - 1
    assert load(jpeg_with(*[(0xE5, b"")] * most)).shape == (32, 32, 3)
    refused(jpeg_with(*[(0xE5, b"")] * (most + 1)), "unreadable", "complicated")


@pytest.mark.parametrize(
    ("marker", "content"),
    [(0xDB, bytes(65) * 500), (0xC0, b"\x08\0\x20\0\x20\3" + b"\1\x11\0" * 10_000), (0xC2, bytes(30_000))],
)
def test_a_jpeg_of_more_tables_than_any_picture_needs_is_refused(marker: int, content: bytes) -> None:
    refused(jpeg_with(*[(marker, content)] * 3), "unreadable", "complicated")
    assert load(jpeg_with((0xDB, bytes(65) * 500))).shape == (32, 32, 3)


def test_photoshop_s_entries_in_a_jpeg_are_not_read_without_end() -> None:
    def segment(first: int) -> tuple[int, bytes]:
        names = range(first, first + 5000)
        return 0xED, b"Photoshop 3.0\0" + b"".join(struct.pack(">4sHHI", b"8BIM", name, 0, 0) for name in names)

    ordinary = [segment(first) for first in range(2000, 62_000, 5000)]  # 720 kB
    image = formats.open_header(jpeg_with(*ordinary), "JPEG")
    assert len(image.info["photoshop"]) == 60_000
    data = jpeg_with(*ordinary[:-1], *ordinary[:-1], ordinary[-1])
    assert len(formats.open_header(data, "JPEG").info["photoshop"]) == 55_000
    np.testing.assert_array_equal(load(data), load(SAMPLES["JPEG"]))


@pytest.mark.parametrize("pointer", [ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo])
def test_the_directories_in_a_tiff_are_not_decoded_with_its_pixels(pointer: int, monkeypatch) -> None:
    made: list[int] = []

    class Counted(TiffImagePlugin.IFDRational):
        def __init__(self, *given: int) -> None:
            made.append(1)
            super().__init__(*given)

    monkeypatch.setattr(TiffImagePlugin, "IFDRational", Counted)
    np.testing.assert_array_equal(load(with_directory(pointer, 4, 1000)), np.zeros((32, 32, 3), np.uint8))
    assert len(made) == 0


@pytest.mark.parametrize("orientation", STORED)
def test_a_tiff_with_directories_is_turned_as_ever(orientation: int) -> None:
    lying, _ = stored(orientation)
    block = Image.Exif()
    block[ExifTags.Base.Orientation] = orientation
    block.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:05:06 07:08:09"
    block.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (1.0, 2.0, 3.0)
    np.testing.assert_array_equal(load(encode(lying, "TIFF", exif=block)), UPRIGHT)


def test_a_bigtiff_of_more_tags_than_a_tiff_can_have_is_refused() -> None:
    data = bytearray(encode(PHOTO, "TIFF", big_tiff=True))
    at = struct.unpack("<Q", data[8:16])[0]
    [count] = struct.unpack("<Q", data[at : at + 8])
    table = data[at + 8 : at + 8 + 20 * count]
    spare = formats.MOST_TAGS - count
    for more, complicated in ((spare, False), (spare + 1, True)):
        extra = b"".join(struct.pack("<HHQQ", 60_000 + n % 1000, 4, 1, 7) for n in range(more))
        new = data + struct.pack("<Q", count + more) + table + extra + bytes(8)
        new[8:16] = struct.pack("<Q", len(data))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow grumbles about what is no tag
            if complicated:
                refused(bytes(new), "unreadable", "complicated")
            else:
                np.testing.assert_array_equal(load(bytes(new)), PICTURE)
