"""Untrusted pictures in, upright sRGB pixels out.

Whoever sent a file may mean harm, so only the decoders in ``deepdect.formats`` are ever reached, and what a header
claims is held against ``Limits`` before any pixel is decoded.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from typing import Any, Literal

import numpy as np
from PIL import ExifTags, Image, ImageCms
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from deepdect import formats, jpeg, profiles
from deepdect.messages import Message

Status = Literal["unreadable", "unsupported", "too_large"]


class ImageError(ValueError):
    """A picture that cannot be analysed: ``status`` is the JSON contract's word, ``message`` explains to people.

    A ``Message`` can be worded in every language; plain text stays as it is.
    """

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(status, message)  # both, so that the error survives pickling between processes
        self.status, self.message = status, message

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Limits:
    """What ``load`` accepts: bytes of a file, pixels (width x height), and pixels along the shorter side."""

    max_bytes: int = 64 * 2**20
    max_pixels: int = 100_000_000
    min_side: int = 16


DEFAULT_LIMITS = Limits()
Source = str | os.PathLike | bytes | Image.Image | np.ndarray


def load(source: Source, *, name: str | None = None, limits: Limits = DEFAULT_LIMITS) -> np.ndarray:
    """Decode a picture, turn it upright, convert it to sRGB and lay what is transparent over white.

    Args:
        source: a path; a file's bytes; a Pillow image; or an array [h, w], [h, w, 1], [h, w, 3] or [h, w, 4] (RGB,
            RGBA) of uint8 0..255, uint16 0..65535, float 0..1 or bool. Of an animation, the first frame is taken.
        name: what messages call the picture (default: the path as given, or "the picture").

    Returns:
        uint8 [height, width, 3], RGB, C-contiguous; read-only, since it may share memory with ``source``.

    Raises:
        ImageError: "unreadable" (missing, empty, damaged), "unsupported" (no format in ``formats.FORMATS``, no defined
            white, a side under ``min_side``) or "too_large" (over ``limits``).
    """
    path = os.fsdecode(source) if isinstance(source, (str, os.PathLike)) else None
    name = printable(name or path or "the picture")
    if path is not None:
        rgb = _from_bytes(read(path, name, limits), name, limits)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        rgb = _from_bytes(bytes(source), name, limits)
    elif isinstance(source, Image.Image):
        with _decoding(name, "Pillow"):
            rgb = _decode(source, name, limits)
    elif isinstance(source, np.ndarray):
        rgb = _from_array(source, name, limits)
    else:
        raise ImageError("unsupported", Message("wrong_type", name=name, type=type(source).__name__))
    rgb = np.ascontiguousarray(rgb).view()
    rgb.flags.writeable = False
    return rgb


_LONGEST = 200
STRIP_PIXELS = 2**22  # of a picture with transparency that are converted at a time


def printable(words: str) -> str:
    """A sender's words, such as a file name, as messages may show them: in one line, nothing hidden, not endless."""
    if len(words) > _LONGEST:
        words = f"{words[: _LONGEST // 2]}…{words[-_LONGEST // 2 :]}"
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in words)


@contextmanager
def opened(path: str, name: str) -> Iterator[BufferedReader]:
    """A regular file to read from; whatever goes wrong leaves as an ``ImageError``. Never waits, as for a FIFO's
    writer."""
    try:
        with open(path, "rb", opener=lambda path, flags: os.open(path, flags | getattr(os, "O_NONBLOCK", 0))) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError("a device or a pipe")
            yield file
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or error
        raise ImageError("unreadable", Message("cannot_read", name=name, reason=reason)) from error


def read(path: str, name: str, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The whole file at once, since it may change (or one byte over the limit). Raises ImageError where that fails."""
    with opened(path, name) as file:
        return file.read(limits.max_bytes + 1)


def header(data: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> tuple[str, Image.Image]:
    """A file's kind (of ``formats.FORMATS``) and its picture, not decoded. Raises ImageError as `load` does."""
    if len(data) > limits.max_bytes:
        raise ImageError("too_large", Message("too_many_bytes", name=name, limit=limits.max_bytes))
    if not data:
        raise ImageError("unreadable", Message("empty", name=name))
    kind = formats.kind_of(data)
    if kind is None:
        other, known = Message(formats.other_kind(data)), tuple(formats.FORMATS)
        raise ImageError("unsupported", Message("not_a_picture", name=name, kind=other, formats=known))
    with _decoding(name, kind):
        if kind in {"AVIF", "HEIC"}:  # opening these allocates
            sizes = np.frombuffer(b"".join(re.findall(rb"ispe\0.{3}(.{8})", data, re.DOTALL)), ">u4").reshape(-1, 2)
            _check_size(max(sizes.tolist(), key=lambda size: size[0] * size[1]), name, limits)
        image = formats.open_header(data, kind)
        _check_size(image.size, name, limits)
        _check_effort(image, data, name, limits)
    return kind, image


def _from_bytes(data: bytes, name: str, limits: Limits) -> np.ndarray:
    kind, image = header(data, name, limits)
    with _decoding(name, kind):
        if kind == "JPEG" and image.mode == "RGB" and not image.info.get("icc_profile"):
            rgb = jpeg.decode(data, image.size)
            if rgb is not None:
                return turned(rgb, _orientation(image))
        return _decode(image, name, limits)


@contextmanager
def _decoding(name: str, kind: str) -> Iterator[None]:
    """The one boundary between decoders and the rest: whatever goes wrong inside leaves as an ``ImageError``."""
    try:
        yield
    except ImageError:
        raise
    except (MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError("too_large", Message("cannot_decode", name=name, format=kind)) from error
    except Exception as error:  # hostile bytes draw nearly any type from decoders: a list of types would have holes
        reason = printable(" ".join(f"{type(error).__name__}: {error}".split()))  # decoders' words may hold bytes
        raise ImageError("unreadable", Message("damaged", name=name, format=kind, error=reason)) from error


def _check_size(size: Sequence[int], name: str, limits: Limits) -> None:
    width, height = size
    received: dict[str, Any] = {"name": name, "width": width, "height": height, "pixels": width * height}
    if width * height > limits.max_pixels:
        raise ImageError("too_large", Message("too_many_pixels", **received, limit=limits.max_pixels))
    if min(width, height) < limits.min_side:
        raise ImageError("unsupported", Message("too_few_pixels", **received, limit=limits.min_side))


def _check_effort(image: Image.Image, data: bytes, name: str, limits: Limits) -> None:
    """Refuse what looks small but takes minutes or gigabytes to decode, or would decode to the wrong picture."""
    codecs = {tile[0] for tile in getattr(image, "tile", ())}
    if codecs & {"ppm", "ppm_plain", "bmp_rle"}:  # loops in Python: seconds a megapixel
        raise ImageError("unsupported", Message("rare_variant", name=name, format=image.format))
    if isinstance(image, JpegImageFile):
        scans = jpeg.scans(data)  # 12 bytes may revisit every pixel; usual are 1 to 12
        if scans * image.width * image.height > 100 * limits.max_pixels:
            raise ImageError("too_large", Message("jpeg_scans", name=name, scans=scans))
    if isinstance(image, TiffImageFile):
        tags, known = image.tag_v2, ExifTags.Base
        tile_pixels = tags.get(known.TileWidth, 0) * tags.get(known.TileLength, 0)
        if tile_pixels > limits.max_pixels:
            raise ImageError("too_large", Message("tiff_tiles", name=name, pixels=tile_pixels))
        thumbnail = tags.get(known.NewSubfileType, 0) & 1  # with which camera raw files begin
        colours = tags.get(known.PhotometricInterpretation)  # 0: white is zero, 6: YCbCr; Pillow forgets that
        unscaled = image.mode[0] in "IF" and (colours == 0 or tags.get(known.BitsPerSample) == (12,))
        if thumbnail or unscaled or (colours == 6 and "raw" in codecs):
            raise ImageError("unsupported", Message("tiff_rare", name=name))


def _decode(image: Image.Image, name: str, limits: Limits) -> np.ndarray:
    _check_size(image.size, name, limits)
    clear = _transparent(image)
    image.load()
    _check_size(image.size, name, limits)  # again: a HEIC may turn out to have another size than its header says
    orientation = _orientation(image)
    if image.mode[0] in "IF":  # I;16 and F; of I (32 bits) nobody knows which value is white, so it is refused there
        rgb = _from_array(np.asarray(image), name, limits)
        if clear is None and not image.info.get("icc_profile"):
            return turned(rgb, orientation)
        image, clear = _shallow(image, rgb[..., 0]), None
    rgb = _in_strips(image, clear) if image.has_transparency_data else np.asarray(_to_rgb(image))
    return turned(rgb, orientation)


def _transparent(image: Image.Image) -> Any:
    """What Pillow is to take for transparent (palette entries, a grey, a colour), or None. Known before it is loaded:
    PNG counts in the file's own depth, the pixels become 8 bits deep."""
    clear, tiles = image.info.get("transparency"), getattr(image, "tile", None)
    depth = tiles[0][3] if tiles else ""  # of other formats, anything
    if isinstance(clear, int) and depth in ("L;2", "L;4"):
        return (clear & 3) * 85 if depth == "L;2" else (clear & 15) * 17
    if isinstance(clear, tuple) and depth == "RGB;16B":
        return tuple(value >> 8 for value in clear)  # its neighbours too: Pillow keeps only the upper half of the bits
    return clear


def _shallow(image: Image.Image, grey: np.ndarray) -> Image.Image:
    """A deep grey picture in 8 bits (`grey`, [height, width]), with its profile and with what is transparent in it."""
    shallow, clear = Image.fromarray(np.ascontiguousarray(grey)), image.info.get("transparency")
    if isinstance(clear, int):
        opaque = (np.asarray(image) != clear).astype(np.uint8) * 255
        shallow = Image.merge("LA", (shallow, Image.fromarray(opaque)))
    shallow.info["icc_profile"] = image.info.get("icc_profile")
    return shallow


def _orientation(image: Image.Image) -> int | None:
    """EXIF's, or None."""
    try:
        return formats.exif(image).get(ExifTags.Base.Orientation)
    except Exception:  # a photo with damaged metadata is still a photo
        return None


def turned(rgb: np.ndarray, orientation: int | None) -> np.ndarray:
    """The picture upright, by EXIF's orientation 1 to 8; any other is taken for 1. A view where that is possible."""
    if orientation in {5, 6, 7, 8}:
        rgb = rgb.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        rgb = rgb[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        rgb = rgb[::-1]
    return rgb


def _in_strips(image: Image.Image, clear: Any) -> np.ndarray:
    """`_to_rgb` a strip at a time: a whole picture with transparency would be in memory six times over.
    clear: by `_transparent`, or None."""
    width, height = image.size
    rgb = np.empty((height, width, 3), np.uint8)
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        if clear is not None:
            strip.info["transparency"] = clear
        rgb[top : top + rows] = np.asarray(_to_rgb(strip))
    return rgb


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any 8-bit mode to sRGB, what is transparent over white."""
    profile, alpha = image.info.get("icc_profile"), None
    if image.has_transparency_data:
        colour_mode = "L" if image.mode[0] == "L" else "RGB"  # a grey profile fits only grey pixels
        image = image.convert("RGBA")
        image, alpha = image.convert(colour_mode), image.getchannel("A")
    elif image.mode == "LAB":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    elif image.mode not in {"RGB", "L", "CMYK"}:
        image = image.convert("RGB")
    image = profiles.to_srgb(image, profile) if profile else image
    if image.mode != "RGB":
        image = image.convert("RGB")
    if alpha is not None:
        image = Image.composite(image, Image.new("RGB", image.size, "white"), alpha)
    return image


def _from_array(array: np.ndarray, name: str, limits: Limits) -> np.ndarray:
    received: dict[str, Any] = {"name": name, "shape": list(array.shape), "type": array.dtype}
    if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[2] not in {1, 3, 4}):
        raise ImageError("unsupported", Message("array_shape", **received))
    _check_size((array.shape[1], array.shape[0]), name, limits)
    if array.dtype.kind in "fb":
        low, high = float(array.min()), float(array.max())
        if not (low >= 0 and high <= 1):  # so written, NaN is refused too
            raise ImageError("unsupported", Message("array_range", **received, low=low, high=high))
        array = np.rint(array * 255).astype(np.uint8)
    elif array.dtype.kind == "u" and array.dtype.itemsize == 2:
        array = ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise ImageError("unsupported", Message("array_type", **received))
    if array.ndim == 2 or array.shape[2] == 1:
        return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    return np.asarray(_to_rgb(Image.fromarray(array))) if array.shape[2] == 4 else array
