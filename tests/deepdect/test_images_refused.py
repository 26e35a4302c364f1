"""What is no picture, or too much of one: refused with its name, what is wrong with it and what was received."""

import io
import os
import pickle
import struct
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from deepdect import formats, images
from deepdect.images import ImageError, Limits, load, printable
from tests.hostile.contract import refused
from tests.hostile.samples import (
    BOMBS,
    PHOTO,
    PICTURE,
    SAMPLES,
    encode,
    tiff,
)


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


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize(("kind", "most"), [(5, 10_485), (3, 2**20), (4, 2**20)])
def test_a_tiff_tag_of_more_numbers_than_any_picture_needs_is_refused(kind, most, order, big) -> None:
    def with_orientation(count: int, claimed: int = 0) -> bytes:
        pixels, values = bytes(1024), bytes(count * {5: 8, 3: 2, 4: 4}[kind])
        first = 16 if big else 8
        tags = {256: 32, 257: 32, 258: 8, 259: 1, 262: 1, 273: first, 277: 1, 278: 32, 279: 1024}
        entries = [(tag, 4, 1, struct.pack(f"{order}I", value)) for tag, value in tags.items()]
        place = struct.pack(f"{order}{'Q' if big else 'I'}", first + len(pixels))
        entries.append((274, kind, claimed or count, place))
        table = b"".join(
            struct.pack(f"{order}HH{'Q8s' if big else 'I4s'}", *entry) for entry in sorted(entries, key=lambda e: e[0])
        )
        name, at = b"II" if order == "<" else b"MM", first + len(pixels) + len(values)
        head = struct.pack(f"{order}HHHQ", 43, 8, 0, at) if big else struct.pack(f"{order}HI", 42, at)
        count_of_tags = struct.pack(f"{order}{'Q' if big else 'H'}", len(entries))
        return name + head + pixels + values + count_of_tags + table + bytes(8)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow wonders at the number of values
        assert load(with_orientation(100)).shape == (32, 32, 3)
        assert load(with_orientation(1, claimed=2**31)).shape == (32, 32, 3)  # there is no such data to decode
        formats.open_header(with_orientation(most), "TIFF")
        refused(with_orientation(most + 1), "unreadable", "complicated")


def test_big_endian_bigtiff_is_unreadable() -> None:
    """Pillow takes it for an ordinary TIFF, and so must the count of numbers in its tags."""
    data = bytearray(encode(PHOTO, "TIFF", big_tiff=True))
    assert load(bytes(data)).shape == (32, 32, 3)
    data[:4] = b"MM\0+"
    refused(bytes(data), "unreadable")


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


def test_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(ImageError("too_large", "a.jpg: has too much. Send less.")))
    assert (error.status, error.message, str(error)) == ("too_large", "a.jpg: has too much. Send less.", error.message)


def test_the_decoded_size_is_checked_too():
    class Growing:
        size, mode, info = (32, 32), "RGB", {}

        def load(self):
            self.size = (60_000, 60_000)

    with pytest.raises(images.ImageError) as raised:
        images._decode(Growing(), "a", images.DEFAULT_LIMITS)
    assert raised.value.status == "too_large"


def test_the_largest_size_that_a_heic_claims_counts():
    box = b"ispe\0\0\0\0" + struct.pack(">II", 60_000, 60_000)
    refused(SAMPLES["HEIC"] + struct.pack(">I4s", 8 + len(box), b"free") + box, "too_large", "60000 x 60000")


def test_names_are_not_endless():
    assert printable("a" * 300 + "b" * 300) == "a" * 100 + "…" + "b" * 100
