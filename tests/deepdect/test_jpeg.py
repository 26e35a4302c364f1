"""The quick decoder gives Pillow's bytes, or nothing."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from deepdect import images, jpeg
from tests.hostile.samples import PHOTO, STORED, UPRIGHT, blocks, encode, stored

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (37, 53, 3), dtype=np.uint8))
VARIANTS = {
    f"q{quality} {subsampling} {'progressive' if progressive else 'baseline'}": {
        "quality": quality, "subsampling": subsampling, "progressive": progressive
    }
    for quality in (20, 90) for subsampling in ("4:4:4", "4:2:2", "4:2:0") for progressive in (False, True)
} | {
    "not converted to YCbCr": {"keep_rgb": True},
    "restart markers": {"restart_marker_blocks": 1},
    "a comment that looks like an end": {"comment": b"\xff\xd9\xff\xda\xff\xd9"},
}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_bytes_as_pillow(variant):
    data = encode(NOISE, "JPEG", **VARIANTS[variant])
    np.testing.assert_array_equal(jpeg.decode(data, NOISE.size), np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_picture_that_breaks_off_is_nothing(progressive):
    """Pillow then says what is wrong. OpenCV before version 5 would have filled it up."""
    data = encode(NOISE, "JPEG", quality=90, progressive=progressive, comment=b"\xff\xd9")
    assert jpeg.decode(data, NOISE.size) is not None
    for length in range(2, len(data)):
        assert jpeg.decode(data[:length], NOISE.size) is None, length


def test_the_first_of_two_pictures_counts():
    first, second = encode(NOISE, "JPEG"), encode(PHOTO, "JPEG")
    whole = jpeg.decode(first, NOISE.size)
    np.testing.assert_array_equal(jpeg.decode(first + second, NOISE.size), whole)
    np.testing.assert_array_equal(jpeg.decode(first + b"anything behind it", NOISE.size), whole)


def test_another_size_than_the_header_s_is_nothing():
    assert jpeg.decode(encode(NOISE, "JPEG"), (53, 36)) is None
    assert jpeg.decode(b"\xff\xd8\xff\xd9", (53, 37)) is None  # whole, and no picture


@pytest.mark.parametrize("orientation", STORED)
def test_each_orientation_is_turned_upright(orientation):
    lying, exif = stored(orientation)
    np.testing.assert_array_equal(images.turned(np.asarray(lying), orientation), UPRIGHT)
    data = encode(lying, "JPEG", quality=100, subsampling=0, exif=exif)
    assert np.abs(images.load(data).astype(int) - UPRIGHT).max() < 8
    np.testing.assert_array_equal(images.turned(UPRIGHT, 0), UPRIGHT)
    np.testing.assert_array_equal(images.turned(UPRIGHT, None), blocks("RG/BY", 16, 24))


def test_load_takes_the_quick_way_where_it_can(monkeypatch):
    taken = []
    monkeypatch.setattr(jpeg, "decode", lambda data, size: taken.append(size))
    for options in ({}, {"icc_profile": b"rubbish"}):
        images.load(encode(NOISE, "JPEG", **options))
    images.load(encode(NOISE.convert("L"), "JPEG"))
    images.load(encode(NOISE.convert("CMYK"), "JPEG"))
    assert taken == [NOISE.size]


BASELINE = encode(NOISE, "JPEG", quality=90)
SCAN = BASELINE[BASELINE.index(b"\xff\xda") : -2]
COMMENT = b"\xff\xfe" + struct.pack(">H", 6) + b"\xff\xda\xff\xd9"


def test_scans_are_counted_as_far_as_the_first_picture_goes():
    assert jpeg.scans(BASELINE) == 1
    progressive = encode(NOISE, "JPEG", progressive=True)
    usual = jpeg.scans(progressive)
    assert usual == 10  # libjpeg's script for three colours
    for appended in (progressive, b"\xff\xda" * 500, SCAN * 20):
        assert jpeg.scans(BASELINE + appended) == 1
        assert jpeg.scans(progressive + appended) == usual
    assert jpeg.scans(BASELINE[:2] + COMMENT * 3 + BASELINE[2:]) == 1
    assert jpeg.scans(encode(NOISE, "JPEG", restart_marker_blocks=1)) == 1


@pytest.mark.parametrize(
    "before",
    [
        COMMENT,  # an end that lies in a comment
        b"\xff\x00\xff\xff\x00",  # stuffed and filled
        b"\xff\xff",  # fill bytes before the marker
        b"\xff\xd3\xff\x01",  # a restart and a private marker have no length
        b"\xff\x02\xff\xff",  # libjpeg passes over an undefined marker alone where a restart should be
        b"\xff\xfe\x00\x00",  # a length shorter than itself
        b"\xff\xfe\x00\x01",
        b"\xff\xfe\x00\x02" * (jpeg.MOST_SEGMENTS + 1),  # more segments than are walked
    ],
)
def test_no_scan_hides(before):
    data = BASELINE[:-2] + (before + SCAN) * 7 + BASELINE[-2:]
    assert jpeg.scans(data) >= 8
    assert jpeg.scans(data[:-2]) >= 8  # without an end


def test_what_a_phone_appends_is_no_scan():
    limits = images.Limits(max_pixels=NOISE.width * NOISE.height)
    assert images.load(BASELINE + b"\xff\xda" * 101, limits=limits).shape == (37, 53, 3)
    with pytest.raises(images.ImageError, match="scans"):
        images.load(BASELINE[:-2] + SCAN * 100 + BASELINE[-2:], limits=limits)
