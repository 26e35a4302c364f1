"""Every picture here is made by hand: four blocks of known colour, so the right pixels are known without a decoder."""

import io
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageCms

from deepdect import images
from deepdect.images import load
from tests.hostile.contract import refused
from tests.hostile.samples import (
    GREYS,
    LINEAR_GREY,
    LOSSY,
    PHOTO,
    PICTURE,
    SAMPLES,
    SRGB,
    STORED,
    UPRIGHT,
    blocks,
    encode,
    grey_blocks,
    png,
    red_cyan_ink,
    stored,
    swapped_red_and_blue,
    tag_entry,
    tiff,
)


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_format_gives_the_right_pixels(sample: str) -> None:
    rgb = load(SAMPLES[sample])
    assert (rgb.dtype, rgb.shape, rgb.flags.c_contiguous) == (np.uint8, (32, 32, 3), True)
    centres = np.s_[8::16, 8::16]  # lossy codecs blur the edges between blocks
    np.testing.assert_allclose(rgb[centres].astype(int), PICTURE[centres], atol=6 if sample.startswith(LOSSY) else 0)


def test_path_pathlike_and_bytes_agree(tmp_path) -> None:
    path = tmp_path / "photo.with.no.extension"
    path.write_bytes(SAMPLES["PNG"])
    data = SAMPLES["PNG"]
    for source in (path, str(path), data, bytearray(data), memoryview(data), PHOTO, PICTURE):
        np.testing.assert_array_equal(load(source), PICTURE)


# ---------------------------------------------------------------------------------------------------------- orientation


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP", "JPEG", "AVIF", "HEIF"])
def test_orientation(file_format: str, orientation: int) -> None:
    image, exif = stored(orientation)
    lossless = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}}
    data = encode(image, file_format, exif=exif.tobytes(), **lossless.get(file_format, {}))
    rgb = load(data)
    assert rgb.shape == UPRIGHT.shape
    centres = np.s_[8::16, 12::24]
    np.testing.assert_allclose(rgb[centres].astype(int), UPRIGHT[centres], atol=0 if file_format in lossless else 40)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK", "I;16", "F"])
def test_orientation_holds_in_every_mode(mode: str) -> None:
    _, exif = stored(6)
    layout = STORED[6].translate(str.maketrans("RGBY", "KWWW"))  # upright, the black block is at the top left
    image = Image.fromarray(blocks(layout, 24, 16))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image)[..., 0].astype(np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(np.asarray(image)[..., 0].astype(np.float32) / 255)
    else:
        image = image.convert(mode)
    np.testing.assert_array_equal(load(encode(image, "TIFF", exif=exif)), blocks("KW/WW", 16, 24))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("block", [b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0rubbish", b"\x01"])
def test_damaged_exif_does_not_cost_the_photo(block: bytes) -> None:
    np.testing.assert_array_equal(load(encode(PHOTO, "PNG", exif=block)), PICTURE)


# ---------------------------------------------------------------------------------------------------------------- modes


def test_grey() -> None:
    grey = grey_blocks(GREYS)
    for file_format in ("PNG", "TIFF", "BMP", "PPM", "GIF"):
        np.testing.assert_array_equal(load(encode(Image.fromarray(grey), file_format)), np.dstack([grey] * 3))


def test_one_bit() -> None:
    bits = Image.fromarray(blocks("KW/WK")).convert("1")
    for file_format in ("PNG", "TIFF", "BMP", "PPM", "GIF"):
        np.testing.assert_array_equal(load(encode(bits, file_format)), blocks("KW/WK"))
    np.testing.assert_array_equal(load(encode(bits, "TIFF", compression="group4")), blocks("KW/WK"))


def test_alpha_is_laid_over_white() -> None:
    alpha = grey_blocks(np.array([[255, 0], [128, 51]], np.uint8))
    # 128/255 blue over white = 127, 127, 255; 51/255 = one fifth yellow over white = 255, 255, 204.
    expected = np.array([[(255, 0, 0), (255, 255, 255)], [(127, 127, 255), (255, 255, 204)]], np.uint8)
    expected = expected.repeat(16, axis=0).repeat(16, axis=1)
    rgba = np.dstack([PICTURE, alpha])
    for source in (
        rgba,
        Image.fromarray(rgba),
        encode(Image.fromarray(rgba), "PNG"),
        encode(Image.fromarray(rgba), "TIFF"),
        encode(Image.fromarray(rgba), "WEBP", lossless=True, exact=True),
    ):
        np.testing.assert_array_equal(load(source), expected)


def test_transparent_pictures_are_converted_in_strips_that_fit_together(monkeypatch) -> None:
    random = np.random.default_rng(0)
    rgba = Image.fromarray(random.integers(0, 256, (37, 21, 4), np.uint8))
    palette = encode(PHOTO.quantize(4), "PNG", transparency=1)
    whole = [load(encode(rgba, "PNG")), load(palette)]
    monkeypatch.setattr(images, "STRIP_PIXELS", 5 * 21 + 3)  # five rows, the last strip of two
    for before, source in zip(whole, (encode(rgba, "PNG"), palette), strict=True):
        np.testing.assert_array_equal(load(source), before)


def test_grey_with_alpha() -> None:
    black = Image.merge("LA", [Image.new("L", (16, 16), 0), Image.new("L", (16, 16), 51)])
    for source in (black, encode(black, "PNG"), encode(black, "TIFF"), black.convert("La").convert("LA")):
        assert np.unique(load(source)).tolist() == [204]


def test_palette() -> None:
    palette = PHOTO.quantize(4)
    for file_format in ("PNG", "TIFF", "BMP", "GIF"):
        np.testing.assert_array_equal(load(encode(palette, file_format)), PICTURE)
    index = palette.getpixel((0, 0))  # red becomes transparent, hence white
    for source in (encode(palette, "PNG", transparency=index), encode(palette, "GIF", transparency=index)):
        np.testing.assert_array_equal(load(source), blocks("WG/BY"))
    half = [255] * 4
    half[index] = 51  # one fifth red over white
    np.testing.assert_array_equal(load(encode(palette, "PNG", transparency=bytes(half)))[0, 0], (255, 204, 204))
    pa = palette.convert("PA")
    pa.putalpha(51)
    np.testing.assert_array_equal(load(pa)[0, 0], (255, 204, 204))


def test_transparent_colour_key() -> None:
    data = png(32, 32, 8, 2, PICTURE.tobytes(), (b"tRNS", struct.pack(">HHH", 255, 0, 0)))
    np.testing.assert_array_equal(load(data), blocks("WG/BY"))
    grey = grey_blocks(GREYS)
    data = png(32, 32, 8, 0, grey.tobytes(), (b"tRNS", struct.pack(">H", 10)))
    np.testing.assert_array_equal(load(data)[::16, ::16, 0], [[0, 255], [200, 255]])
    data = png(32, 32, 1, 0, b"\x00\x00\xff\xff" * 32, (b"tRNS", struct.pack(">H", 0)))
    assert np.unique(load(data)).tolist() == [255]


@pytest.mark.parametrize("file_format", ["HEIC", "AVIF"])
def test_a_size_is_looked_for_only_where_one_can_be(file_format: str) -> None:
    chance = b"ispe" + bytes([1, 2, 3, 4]) + b"\xff" * 8  # as compressed pixels may have it
    data = SAMPLES[file_format] + struct.pack(">I4s", 8 + len(chance), b"free") + chance
    np.testing.assert_array_equal(load(data), load(SAMPLES[file_format]))
    flagged = SAMPLES[file_format].replace(b"ispe\0\0\0\0", b"ispe\0\0\0\1")
    assert flagged != SAMPLES[file_format]
    np.testing.assert_array_equal(load(flagged), load(SAMPLES[file_format]))


def test_cmyk() -> None:
    inks = np.zeros((2, 2, 4), np.uint8)
    inks[0, 0, 0] = inks[0, 1, 1] = inks[1, 0, 2] = inks[1, 1, 3] = 255  # cyan, magenta / yellow, black
    image = Image.fromarray(inks.repeat(16, axis=0).repeat(16, axis=1), mode="CMYK")
    expected = [[(0, 255, 255), (255, 0, 255)], [(255, 255, 0), (0, 0, 0)]]
    for source in (
        image,
        encode(image, "TIFF"),
        encode(image, "JPEG", quality=95),
    ):  # Pillow's JPEG is Adobe's, inverted
        np.testing.assert_allclose(load(source)[8::16, 8::16].astype(int), expected, atol=3)


def test_ycbcr_and_hsv() -> None:
    for source in (PHOTO.convert("YCbCr"), PHOTO.convert("HSV"), encode(PHOTO, "TIFF", compression="jpeg", quality=95)):
        np.testing.assert_allclose(load(source)[8::16, 8::16].astype(int), PICTURE[8::16, 8::16], atol=6)
    # Pillow reads uncompressed YCbCr as if there were four bytes a pixel, so what follows becomes part of the picture.
    refused(encode(PHOTO.convert("YCbCr"), "TIFF") + bytes(1024), "unsupported", "TIFF")


def test_lab() -> None:
    # L* 0..100 as 0..255, a* and b* shifted by 128: white and black, mid grey and dull red, by CIE's formulas (D50).
    lab = np.array([[(255, 128, 128), (0, 128, 128)], [(136, 128, 128), (136, 168, 148)]], np.uint8)
    lab = lab.repeat(16, axis=0).repeat(16, axis=1)
    expected = [[(255, 255, 255), (0, 0, 0)], [(127, 127, 127), (195, 97, 95)]]
    image = Image.merge("LAB", [Image.fromarray(lab[..., channel]) for channel in range(3)])
    for source in (image, encode(image, "TIFF")):
        np.testing.assert_allclose(load(source)[::16, ::16].astype(int), expected, atol=3)


def test_sixteen_bits() -> None:
    grey, deep = grey_blocks(GREYS), grey_blocks(GREYS.astype(np.uint16) * 257)
    expected = np.dstack([grey] * 3)
    image = Image.fromarray(deep)
    assert image.mode == "I;16"
    big_endian = png(32, 32, 16, 0, deep.astype(">u2").tobytes())
    for source in (deep, image, encode(image, "PNG"), encode(image, "TIFF"), big_endian, deep.astype(">u2")):
        np.testing.assert_array_equal(load(source), expected)
    np.testing.assert_array_equal(load(tiff(deep.tobytes(), t258=16)), expected)

    colour = PICTURE.astype(np.uint16) * 257
    np.testing.assert_array_equal(load(png(32, 32, 16, 2, colour.astype(">u2").tobytes())), PICTURE)
    rgba = np.dstack([colour, np.full((32, 32), 65535, np.uint16)])
    np.testing.assert_array_equal(load(png(32, 32, 16, 6, rgba.astype(">u2").tobytes())), PICTURE)
    np.testing.assert_array_equal(load(rgba), PICTURE)


def test_uint16_rounds_to_the_nearest() -> None:
    deep = np.full((16, 16), 257 * 10 + 128, np.uint16)
    assert load(deep)[0, 0, 0] == 10
    assert load(deep + 1)[0, 0, 0] == 11


def test_float_pictures_lie_within_0_to_1() -> None:
    unit = grey_blocks(np.array([[0, 0.2], [0.6, 1]], np.float32))
    image = Image.fromarray(unit)
    for source in (image, encode(image, "TIFF"), unit, unit.astype(np.float16), unit.astype(np.float64)):
        np.testing.assert_array_equal(load(source)[::16, ::16, 0], [[0, 51], [153, 255]])
    refused(encode(Image.fromarray(unit * 255), "TIFF"), "unsupported", "0 to 255", "within 0 to 1")


def test_integers_without_a_defined_white_are_refused() -> None:
    image = Image.new("I", (32, 32), 1000)
    refused(image, "unsupported", "int32")
    refused(encode(image, "TIFF"), "unsupported", "int32")
    twelve = np.zeros(32 * 32 * 12 // 8, np.uint8).tobytes()
    refused(tiff(twelve, t258=12), "unsupported", "TIFF")
    refused(tiff(bytes(32 * 32 * 2), t258=16, t262=0), "unsupported", "TIFF")  # white is zero


@pytest.mark.parametrize(("depth", "clear"), [(1, 0), (1, 1), (2, 1), (4, 5), (8, 80), (16, 20_000)])
def test_a_grey_that_is_transparent_is_white_at_every_depth(depth: int, clear: int) -> None:
    other = 2**depth - 1 if clear * 2 < 2**depth else 0  # the right half
    row = "".join(f"{value:0{depth}b}" for value in [clear] * 16 + [other] * 16)
    rows = int(row, 2).to_bytes(32 * depth // 8, "big") * 32
    data = png(32, 32, depth, 0, rows, (b"tRNS", struct.pack(">H", clear)))
    np.testing.assert_array_equal(load(data), blocks("WW" if other else "WK", 32, 16))
    opaque = load(png(32, 32, depth, 0, rows))[0, 0]
    assert opaque.tolist() == [round(clear * 255 / (2**depth - 1))] * 3


def test_a_deep_grey_is_transparent_to_the_last_bit() -> None:
    deep = np.full((32, 32), 20_001, ">u2")
    deep[:, 16:] = 20_000
    rgb = load(png(32, 32, 16, 0, deep.tobytes(), (b"tRNS", struct.pack(">H", 20_000))))
    assert rgb[0, ::16, 0].tolist() == [78, 255]


def test_a_colour_that_is_transparent_is_white_in_sixteen_bits() -> None:
    colour = np.zeros((32, 32, 3), ">u2")
    colour[:, :16], colour[:, 16:] = (60_000, 100, 300), (0, 65_535, 0)
    clear = (b"tRNS", struct.pack(">3H", 60_000, 100, 300))
    np.testing.assert_array_equal(load(png(32, 32, 16, 2, colour.tobytes(), clear)), blocks("WG", 32, 16))
    assert load(png(32, 32, 16, 2, colour.tobytes()))[0, 0].tolist() == [60_000 >> 8, 0, 1]


# --------------------------------------------------------------------------------------------------------- ICC profiles


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP"])
def test_profile_is_applied(file_format: str) -> None:
    options = {"lossless": True} if file_format == "WEBP" else {}
    rgb = load(encode(PHOTO, file_format, icc_profile=swapped_red_and_blue(), **options))
    centres = rgb[8::16, 8::16].astype(int)
    np.testing.assert_allclose(centres[0, 0], (0, 0, 255), atol=2)
    np.testing.assert_allclose(centres[1, 0], (255, 0, 0), atol=2)


def test_profile_is_applied_to_palette_and_under_alpha() -> None:
    palette = encode(PHOTO.quantize(4), "PNG", icc_profile=swapped_red_and_blue())
    np.testing.assert_allclose(load(palette)[0, 0].astype(int), (0, 0, 255), atol=2)
    fifth = PHOTO.copy()
    fifth.putalpha(51)
    rgb = load(encode(fifth, "PNG", icc_profile=swapped_red_and_blue()))
    np.testing.assert_allclose(rgb[0, 0].astype(int), (204, 204, 255), atol=2)


def test_srgb_profile_changes_nothing() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    np.testing.assert_array_equal(load(encode(Image.fromarray(noise), "PNG", icc_profile=SRGB)), noise)
    # Makers' own sRGB profiles differ in the last digits: here red's X is 0.0005 off, which is a level in some pixels.
    entry = tag_entry(SRGB, b"rXYZ")
    at = struct.unpack(">I", SRGB[entry : entry + 4])[0]
    nearly = bytearray(SRGB)
    nearly[at + 8 : at + 12] = struct.pack(">i", struct.unpack(">i", SRGB[at + 8 : at + 12])[0] + 0x20)
    converted = ImageCms.profileToProfile(
        Image.fromarray(noise), io.BytesIO(nearly), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert 0 < np.abs(np.asarray(converted).astype(int) - noise).max() <= 2
    np.testing.assert_array_equal(load(encode(Image.fromarray(noise), "PNG", icc_profile=bytes(nearly))), noise)


def test_grey_profile() -> None:
    grey = Image.new("L", (16, 16), 128)
    # 1.055 (128/255)^(1/2.4) - 0.055 = 0.737 = 188/255, by sRGB's definition
    assert load(encode(grey, "PNG", icc_profile=LINEAR_GREY))[0, 0].tolist() == pytest.approx([188] * 3, abs=1)
    with_alpha = Image.merge("LA", [grey, Image.new("L", (16, 16), 255)])
    assert load(encode(with_alpha, "PNG", icc_profile=LINEAR_GREY))[0, 0].tolist() == pytest.approx([188] * 3, abs=1)


def test_a_profile_is_applied_to_deep_grey() -> None:
    deep = Image.fromarray(np.full((16, 16), 128 * 257, np.uint16))
    for source in (encode(deep, "PNG", icc_profile=LINEAR_GREY), encode(deep, "TIFF", icc_profile=LINEAR_GREY)):
        assert load(source)[0, 0].tolist() == pytest.approx([188] * 3, abs=1)  # as above
    half = Image.fromarray(np.full((16, 16), 128 / 255, np.float32))
    assert load(encode(half, "TIFF", icc_profile=LINEAR_GREY))[0, 0].tolist() == pytest.approx([188] * 3, abs=1)
    rows = np.full((16, 16), 128 * 257, ">u2")
    rows[0] = 7
    profile = (b"iCCP", b"grey\0\0" + zlib.compress(LINEAR_GREY))
    clear = load(png(16, 16, 16, 0, rows.tobytes(), profile, (b"tRNS", struct.pack(">H", 7))))
    assert clear[0, 0].tolist() == [255] * 3
    assert clear[1, 0].tolist() == pytest.approx([188] * 3, abs=1)


@pytest.mark.parametrize("profile", [b"rubbish", SRGB, red_cyan_ink()])
def test_a_profile_that_does_not_fit_leaves_deep_grey_as_it_was(profile: bytes) -> None:
    deep = np.random.default_rng(0).integers(0, 65_536, (32, 32), np.uint16)
    data = encode(Image.fromarray(deep), "PNG", icc_profile=profile)
    np.testing.assert_array_equal(load(data), load(deep))


def test_cmyk_profile() -> None:
    image = Image.new("CMYK", (32, 32), (255, 0, 0, 0))
    np.testing.assert_allclose(load(image)[0, 0].astype(int), (0, 255, 255), atol=3)
    for file_format in ("JPEG", "TIFF"):
        rgb = load(encode(image, file_format, icc_profile=red_cyan_ink()))
        np.testing.assert_allclose(rgb[16, 16].astype(int), (255, 0, 0), atol=8)


@pytest.mark.parametrize("profile", [b"rubbish", SRGB[:200], b"\0" * 200, LINEAR_GREY, red_cyan_ink()])
def test_unusable_profile_is_ignored(profile: bytes) -> None:
    np.testing.assert_array_equal(load(encode(PHOTO, "PNG", icc_profile=profile)), PICTURE)
    grey = Image.fromarray(grey_blocks(GREYS))
    np.testing.assert_array_equal(load(encode(grey, "PNG", icc_profile=SRGB))[..., 0], np.asarray(grey))


# ------------------------------------------------------------------------------------------- arrays and Pillow images


def test_array_shapes_and_types() -> None:
    grey = grey_blocks(GREYS)
    expected = np.dstack([grey] * 3)
    for array in (grey, grey[..., None], expected, grey / 255, expected.astype(np.uint16) * 257):
        np.testing.assert_array_equal(load(array), expected)
    np.testing.assert_array_equal(load(blocks("KW/WK")[..., 0] > 0), blocks("KW/WK"))
    mirrored = PICTURE[:, ::-1]
    rgb = load(mirrored)
    assert rgb.flags.c_contiguous
    np.testing.assert_array_equal(rgb, blocks("GR/YB"))


def test_result_is_read_only_and_the_source_stays_as_it_was() -> None:
    array = PICTURE.copy()
    rgb = load(array)
    assert np.shares_memory(rgb, array)
    assert not rgb.flags.writeable
    assert array.flags.writeable
    image, exif = stored(6)
    image = image.convert("RGBA")
    image.info["exif"] = exif.tobytes()
    before = (image.mode, image.size, image.tobytes())
    np.testing.assert_array_equal(load(image), UPRIGHT)
    assert (image.mode, image.size, image.tobytes()) == before
    for data in SAMPLES.values():
        assert not load(data).flags.writeable


def test_many_threads_at_once() -> None:
    names = ["HEIC", "JPEG", "PNG", "AVIF", "WebP", "GIF", "TIFF LZW"] * 8
    expected = {name: load(SAMPLES[name]) for name in names}
    start = threading.Barrier(8)

    def work(share: list[str]) -> list[np.ndarray]:
        start.wait()
        return [load(SAMPLES[name]) for name in share]

    with ThreadPoolExecutor(8) as pool:
        results = pool.map(work, [names[k::8] for k in range(8)])
        for k, arrays in enumerate(results):
            for name, rgb in zip(names[k::8], arrays, strict=True):
                np.testing.assert_array_equal(rgb, expected[name])


def test_a_jpeg_profile_is_applied():
    rgb = load(encode(PHOTO, "JPEG", quality=95, subsampling=0, icc_profile=swapped_red_and_blue()))
    np.testing.assert_allclose(rgb[8, 8].astype(int), (0, 0, 255), atol=8)


def test_floats_are_rounded():
    assert load(np.full((16, 16), 0.01))[0, 0, 0] == 3  # 2.55


def test_a_profile_that_moves_some_colours_is_applied():
    entry = tag_entry(SRGB, b"rXYZ")
    at = struct.unpack(">I", SRGB[entry : entry + 4])[0]
    other = bytearray(SRGB)
    other[at + 8 : at + 12] = struct.pack(">i", struct.unpack(">i", SRGB[at + 8 : at + 12])[0] + 0x400)  # a redder red
    cube = Image.fromarray(
        (np.indices((8, 8, 8)).reshape(3, 8, 64).transpose(1, 2, 0).repeat(2, 0) * 36).astype(np.uint8)
    )
    wanted = np.asarray(
        ImageCms.profileToProfile(cube, io.BytesIO(other), ImageCms.createProfile("sRGB"), outputMode="RGB")
    ).astype(int)
    moved = np.abs(wanted - np.asarray(cube))
    assert moved.max() > 4 and moved.mean() < 2
    np.testing.assert_allclose(load(encode(cube, "PNG", icc_profile=bytes(other))), wanted, atol=1)
