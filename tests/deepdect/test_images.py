"""Every picture here is made by hand: four blocks of known colour, so the right pixels are known without a decoder."""

import io
import os
import pickle
import struct
import threading
import tracemalloc
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

from deepdect import images
from deepdect.images import ImageError, Limits, load
from tests.hostile.samples import (
    BOMBS,
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


def refused(source, status: str, *words: str, **options) -> ImageError:
    with pytest.raises(ImageError) as caught:
        load(source, **options)
    assert caught.value.status == status, caught.value.message
    for word in words:
        assert word in caught.value.message
    assert str(caught.value) == caught.value.message
    assert caught.value.message.endswith(".")
    return caught.value


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


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((3, 32, 33)), ["[3, 32, 33]", "float64", "[h, w, 3]"]),
        (np.zeros((32, 32, 2), np.uint8), ["[32, 32, 2]"]),
        (np.zeros((1, 32, 32, 3), np.uint8), ["[1, 32, 32, 3]"]),
        (np.zeros(32, np.uint8), ["[32]"]),
        (np.zeros((32, 32), np.int64), ["int64", "uint8"]),
        (np.zeros((32, 32), np.int8), ["int8"]),
        (np.zeros((32, 32), complex), ["complex128"]),
        (np.zeros((32, 32), object), ["object"]),
        (np.full((32, 32), np.nan), ["nan to nan"]),
        (np.full((32, 32), np.inf), ["inf"]),
        (np.full((32, 32), 255.0), ["255 to 255", "within 0 to 1"]),
        (np.full((32, 32), -0.1), ["-0.1"]),
        (np.zeros((0, 32, 3), np.uint8), ["32 x 0"]),
        (np.zeros((15, 64, 3), np.uint8), ["64 x 15", "16"]),
    ],
)
def test_refused_arrays(array: np.ndarray, words: list[str]) -> None:
    refused(array, "unsupported", "frame 7", *words, name="frame 7")


@pytest.mark.parametrize("source", [None, 3, [[1, 2]], io.BytesIO(b"x"), {"a": 1}])
def test_other_objects_are_refused(source: object) -> None:
    refused(source, "unsupported", type(source).__name__, "path")


def test_pillow_image_of_a_closed_file(tmp_path) -> None:
    path = tmp_path / "a.png"
    PHOTO.save(path)
    image = Image.open(path)
    image.close()
    assert refused(image, "unreadable").__cause__ is not None


def test_pillow_image_is_held_against_the_limits() -> None:
    refused(Image.new("1", (400, 300)), "too_large", "400 x 300", limits=Limits(max_pixels=100_000))
    refused(Image.new("L", (15, 300)), "unsupported", "15 x 300")


# --------------------------------------------------------------------------------------------------- what is no picture


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b"PK\x03\x04\x14\0\0\0", "ZIP"),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41", "a video"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "a video"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81", "a video"),
        (b"RIFF\0\0\0\0AVI LIST", "a video"),
        (b"<!DOCTYPE html><html><svg ></svg>", "web page"),
        (b"  <HTML>", "web page"),
        (b'<?xml version="1.0"?>\n<!-- x -->\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"<svg width='9'>", "SVG"),
        (b"the free encyclopedia", "text"),
        ("Grüße\n".encode(), "text"),
        (b"BMW is a maker of cars", "text"),
        (b"P5 is a way", "text"),
        (b"P6 " + b"# " * 500, "text"),  # must not take exponential time to tell
        (b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "camera raw"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (bytes(range(256)), "unknown kind of file"),
        (b"\0" * 5000, "unknown kind of file"),
    ],
)
def test_foreign_files_are_named(data: bytes, words: str) -> None:
    refused(data, "unsupported", "upload.jpg", words, "JPEG", "HEIC", name="upload.jpg")


@pytest.mark.parametrize(
    "file_format", ["EPS", "PDF", "ICO", "ICNS", "TGA", "PCX", "SGI", "DDS", "JPEG2000", "IM", "MSP"]
)
def test_decoders_not_on_the_list_are_never_reached(file_format: str) -> None:
    refused(encode(PHOTO.convert("1") if file_format == "MSP" else PHOTO, file_format), "unsupported", "Send a picture")


@pytest.mark.parametrize("sample", SAMPLES)
def test_truncated_files_are_unreadable(sample: str) -> None:
    data = SAMPLES[sample]
    half = len(data) // (4 if sample in {"MPO", "TIFF pages"} else 2)  # of these two, cut the first picture in half
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow grumbles about cut TIFF directories
        assert refused(data[:half], "unreadable", "photo", "damaged", name="photo").__cause__ is not None


@pytest.mark.parametrize("error", [OSError, SyntaxError, ValueError, struct.error, OverflowError, zlib.error, EOFError])
def test_whatever_a_decoder_raises_becomes_an_image_error(monkeypatch, error: type[Exception]) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: (_ for _ in ()).throw(error("oops")))
    assert isinstance(refused(SAMPLES["PNG"], "unreadable", "oops").__cause__, error)


@pytest.mark.parametrize("error", [MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning])
def test_what_does_not_fit_into_memory_is_too_large(monkeypatch, error: type[Exception]) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: (_ for _ in ()).throw(error("oops")))
    assert isinstance(refused(SAMPLES["PNG"], "too_large").__cause__, error)


# ---------------------------------------------------------------------------------------------------------------- paths


def test_missing_empty_and_folder(tmp_path) -> None:
    refused(tmp_path / "nobody.jpg", "unreadable", str(tmp_path / "nobody.jpg"), "No such file")
    (tmp_path / "empty.png").touch()
    refused(tmp_path / "empty.png", "unreadable", str(tmp_path / "empty.png"), "empty (0 bytes)")
    refused(b"", "unreadable", "empty", "upload", name="upload")
    refused(tmp_path, "unreadable", str(tmp_path), "directory")


def test_a_given_name_replaces_the_path(tmp_path) -> None:
    message = refused(tmp_path / "xyz.tmp", "unreadable", "holiday.jpg", name="holiday.jpg").message
    assert "xyz" not in message


def test_null_byte_and_unprintable_names(tmp_path) -> None:
    refused("a\0b.jpg", "unreadable", r"a\x00b.jpg")
    message = refused(tmp_path / "two\nlines\x1b[31m.jpg", "unreadable").message
    assert "\n" not in message and "\x1b" not in message
    message = refused(os.fsencode(tmp_path).decode() + "/\udcff.jpg", "unreadable").message
    message.encode()  # a path that is not UTF-8 can still be reported


def test_symlinks(tmp_path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    refused(tmp_path / "a", "unreadable", str(tmp_path / "a"), "symbolic links")
    (tmp_path / "photo.png").write_bytes(SAMPLES["PNG"])
    (tmp_path / "link").symlink_to(tmp_path / "photo.png")
    np.testing.assert_array_equal(load(tmp_path / "link"), PICTURE)


def test_pipes_and_devices_do_not_hang(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    refused(tmp_path / "pipe.jpg", "unreadable", "a device or a pipe")
    refused("/dev/zero", "unreadable", "a device or a pipe")


def test_no_permission(tmp_path, monkeypatch) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(SAMPLES["PNG"])

    def deny(name, flags):  # an administrator may open every file, so changing the mode would not do
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(images.os, "open", deny)
    assert isinstance(refused(path, "unreadable", str(path), "Permission denied").__cause__, PermissionError)


# --------------------------------------------------------------------------------------------------------------- limits


def test_limits_are_inclusive(tmp_path) -> None:
    data = SAMPLES["PNG"]
    path = tmp_path / "a.png"
    path.write_bytes(data)
    for source in (data, path):
        assert load(source, limits=Limits(max_bytes=len(data), max_pixels=1024, min_side=32)).shape == (32, 32, 3)
        refused(source, "too_large", f"{len(data) - 1:,} bytes", limits=Limits(max_bytes=len(data) - 1))
        refused(source, "too_large", "32 x 32", "1,023", limits=Limits(max_pixels=1023))
        refused(source, "unsupported", "32 x 32", "33", limits=Limits(min_side=33))


@pytest.mark.parametrize("kind", BOMBS)
def test_decompression_bombs_are_refused_before_decoding(kind: str, monkeypatch) -> None:
    def decode(self):
        pytest.fail("pixels were decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow's warning would be neither what protects nor what people see
        refused(BOMBS[kind], "too_large", "60000 x 60000 = 3,600,000,000 pixels", "100,000,000")


def test_webp_and_avif_claims_are_held_against_the_limit() -> None:
    for sample in ("WebP", "WebP lossless", "WebP animated", "AVIF", "MPO"):
        refused(SAMPLES[sample], "too_large", "32 x 32", limits=Limits(max_pixels=1000))
    refused(SAMPLES["HEIC"], "too_large", "64 x 64", limits=Limits(max_pixels=1000))  # coded larger, then cropped


def test_pillows_own_limit_plays_no_part(monkeypatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(load(SAMPLES["PNG"]), PICTURE)
        assert load(SAMPLES["JPEG"]).shape == (32, 32, 3)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_huge_tiles_of_a_small_tiff_are_refused() -> None:
    packed = zlib.compress(bytes(2048 * 2048))
    data = tiff(packed, t259=8, t273=-1, t278=-1, t279=-1, t322=2048, t323=2048, t324=8, t325=len(packed))
    assert load(data).shape == (32, 32, 3)
    refused(data, "too_large", "4,194,304", limits=Limits(max_pixels=2**22 - 1))


def test_camera_raw_thumbnails_are_not_taken_for_the_photo() -> None:
    refused(encode(PHOTO, "TIFF", tiffinfo={254: 1}), "unsupported", "camera raw")


def test_jpeg_of_endless_scans_is_refused() -> None:
    data = SAMPLES["JPEG progressive"]
    last_scan = data[data.rindex(b"\xff\xda") : -2]
    few, many = (data[:-2] + last_scan * count + data[-2:] for count in (50, 500))
    limits = Limits(max_pixels=2048)
    assert load(few, limits=limits).shape == (32, 32, 3)
    refused(many, "too_large", "scans", limits=limits)


def test_formats_that_only_python_loops_decode_are_refused() -> None:
    plain = b"P3 32 32 255\n" + b" ".join(b"%d" % value for value in PICTURE.ravel())
    refused(plain, "unsupported", "PPM")
    refused(b"P6 32 32 254\n" + bytes(32 * 32 * 3), "unsupported", "PPM")
    header = struct.pack("<IiiHHIIiiII", 40, 32, 32, 1, 8, 1, 0, 0, 0, 256, 0)  # compression 1 is RLE8
    bmp = b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + 1024) + header + bytes(1024) + b"\x20\x00\0\0" * 32 + b"\0\1"
    refused(bmp, "unsupported", "BMP")


def test_tiff_tags_that_share_their_data_do_not_multiply_it() -> None:
    shared = 200_000
    entries = b"".join(struct.pack("<HHII", 40_000 + k, 7, shared, 8) for k in range(500))  # 100 MB out of 200 kB
    data = b"II*\0" + struct.pack("<I", 8 + shared) + b"x" * shared + struct.pack("<H", 500) + entries + bytes(4)
    tracemalloc.start()
    refused(data, "unreadable", "complicated")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50 * shared


def test_gif_with_an_endless_comment_is_refused() -> None:
    data = SAMPLES["GIF"]
    at = data.index(b",", 13 + 3 * (2 << (data[10] & 7)))
    comment = b"!\xfe" + (b"\xff" + b"c" * 255) * 6000 + b"\0"
    refused(data[:at] + comment + data[at:], "unreadable", "complicated")
    short = b"!\xfe" + (b"\xff" + b"c" * 255) * 100 + b"\0"
    np.testing.assert_array_equal(load(data[:at] + short + data[at:]), PICTURE)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_exif_too_long_to_be_true_is_never_parsed(file_format: str, monkeypatch) -> None:
    block = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"
    if file_format == "JPEG":  # one segment holds 64 kB, but Pillow joins several
        segment = b"\xff\xe1" + struct.pack(">H", 60_002) + block.ljust(60_000, b"x")
        data = SAMPLES["JPEG"][:2] + segment * 3 + SAMPLES["JPEG"][20:]
    else:
        data = encode(PHOTO, file_format, exif=block.ljust(180_000, b"x"))
    lengths: list[int] = []
    monkeypatch.setattr(Image.Exif, "load", lambda self, content: lengths.append(len(content)))
    assert load(data).shape == (32, 32, 3)
    assert max(lengths, default=0) <= 2**16


# ------------------------------------------------------------------------------------------------------------- and more


def test_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(ImageError("too_large", "a.jpg: has too much. Send less.")))
    assert (error.status, error.message, str(error)) == ("too_large", "a.jpg: has too much. Send less.", error.message)


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
