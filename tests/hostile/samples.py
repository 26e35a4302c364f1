"""Pictures made by hand, so that the right pixels are known without a decoder, and the means to spoil them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pillow_heif
from PIL import Image, ImageCms

COLOURS = {"R": (255, 0, 0), "G": (0, 255, 0), "B": (0, 0, 255), "Y": (255, 255, 0), "K": (0, 0, 0), "W": (255,) * 3}
GREYS = np.array([[0, 10], [200, 255]], np.uint8)


def blocks(layout: str, height: int = 16, width: int = 16) -> np.ndarray:
    """ "RG/BY" -> red and green above blue and yellow, each block height x width."""
    cells = np.array([[COLOURS[letter] for letter in row] for row in layout.split("/")], np.uint8)
    return cells.repeat(height, axis=0).repeat(width, axis=1)


def grey_blocks(values: np.ndarray) -> np.ndarray:
    return values.repeat(16, axis=0).repeat(16, axis=1)


PICTURE = blocks("RG/BY")
PHOTO = Image.fromarray(PICTURE)


def encode(image: Image.Image, file_format: str, **options) -> bytes:
    file = io.BytesIO()
    if file_format == "HEIF":
        pillow_heif.from_pillow(image).save(file, quality=-1, **options)
    else:
        image.save(file, file_format, **options)
    return file.getvalue()


def png(width: int, height: int, depth: int, colour_type: int, rows: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG without filters: ``rows`` are the packed samples of all rows, big-endian."""
    stride = len(rows) // height if rows else 0
    raw = b"".join(b"\0" + rows[y * stride : (y + 1) * stride] for y in range(height if rows else 0))
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    packed = (struct.pack(">I", len(c)) + t + c + struct.pack(">I", zlib.crc32(t + c)) for t, c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def tiff(data: bytes, width: int = 32, height: int = 32, **other: int) -> bytes:
    """A grey little-endian TIFF of one strip, ``data``; ``other`` sets further tags or replaces these (t259=8)."""
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: len(data)}
    tags |= {int(tag[1:]): value for tag, value in other.items()}
    data += b"\0" * (len(data) % 2)
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()) if value >= 0)
    count = sum(value >= 0 for value in tags.values())
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", count) + entries + b"\0" * 4


SAMPLES = {
    "JPEG": encode(PHOTO, "JPEG", quality=95, subsampling=0),
    "JPEG progressive": encode(PHOTO, "JPEG", quality=95, subsampling=0, progressive=True),
    "MPO": encode(PHOTO, "MPO", quality=95, subsampling=0, save_all=True, append_images=[PHOTO.rotate(90)]),
    "PNG": encode(PHOTO, "PNG"),
    "APNG": encode(PHOTO, "PNG", save_all=True, append_images=[PHOTO.rotate(90)]),
    "WebP": encode(PHOTO, "WEBP", quality=100),
    "WebP lossless": encode(PHOTO, "WEBP", lossless=True),
    "WebP animated": encode(PHOTO, "WEBP", lossless=True, save_all=True, append_images=[PHOTO.rotate(90)]),
    "AVIF": encode(PHOTO, "AVIF", quality=100, subsampling="4:4:4"),
    "AVIF animated": encode(PHOTO, "AVIF", quality=100, save_all=True, append_images=[PHOTO.rotate(90)]),
    "HEIC": encode(PHOTO, "HEIF", chroma=444),
    "GIF": encode(PHOTO, "GIF"),
    "GIF animated": encode(PHOTO, "GIF", save_all=True, append_images=[PHOTO.rotate(90)]),
    "BMP": encode(PHOTO, "BMP"),
    "BMP palette": encode(PHOTO.quantize(4), "BMP"),
    "PPM": encode(PHOTO, "PPM"),
    "TIFF": encode(PHOTO, "TIFF"),
    "TIFF LZW": encode(PHOTO, "TIFF", compression="tiff_lzw"),
    "TIFF deflate": encode(PHOTO, "TIFF", compression="tiff_adobe_deflate"),
    "TIFF BigTIFF": encode(PHOTO, "TIFF", big_tiff=True),
    "TIFF pages": encode(PHOTO, "TIFF", save_all=True, append_images=[PHOTO.rotate(90)]),
}
LOSSY = ("JPEG", "MPO", "WebP", "AVIF", "HEIC")


# What lies in the file when its EXIF orientation is the key and the picture, seen upright, is RG/BY: by the standard,
# 6 means that row 0 is the visual right side and column 0 the visual top.
STORED = {1: "RG/BY", 2: "GR/YB", 3: "YB/GR", 4: "BY/RG", 5: "RB/GY", 6: "GY/RB", 7: "YG/BR", 8: "BR/YG"}
UPRIGHT = blocks("RG/BY", 16, 24)


def stored(orientation: int) -> tuple[Image.Image, Image.Exif]:
    sides = (16, 24) if orientation < 5 else (24, 16)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return Image.fromarray(blocks(STORED[orientation], *sides)), exif


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def icc(space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A version 2.4 ICC profile."""
    table, body = struct.pack(">I", len(tags)), b""
    for signature, content in tags.items():
        table += signature + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(content))
        body += content + b"\0" * (-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", 132 + 12 * len(tags) + len(body), b"", 0x02400000, b"prtr", space, connection)
    header += struct.pack(">6H4s", 2024, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + D50
    return header.ljust(128, b"\0") + table + body


D50 = struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)
# The numbers of a grey picture are light itself (gamma 1).
LINEAR_GREY = icc(
    b"GRAY", b"XYZ ", {b"wtpt": b"XYZ \0\0\0\0" + D50, b"kTRC": b"curv\0\0\0\0" + struct.pack(">IH", 1, 256)}
)


def tag_entry(profile: bytes, signature: bytes) -> int:
    """Where in the profile's table stand the offset and the size of this tag."""
    return profile.index(signature, 132, 132 + 12 * struct.unpack(">I", profile[128:132])[0]) + 4


def swapped_red_and_blue() -> bytes:
    """sRGB, but for its red primary, which is blue, and the other way round."""
    profile = bytearray(SRGB)
    red, blue = tag_entry(SRGB, b"rXYZ"), tag_entry(SRGB, b"bXYZ")
    profile[red : red + 8], profile[blue : blue + 8] = SRGB[blue : blue + 8], SRGB[red : red + 8]
    return bytes(profile)


def red_cyan_ink() -> bytes:
    """A CMYK profile of a press whose "cyan" ink is red and whose magenta and yellow are invisible."""
    paper, red = (255, 128, 128), (138, 209, 198)  # 8-bit CIELAB of white and of sRGB's red under D50
    colours = [(0, 128, 128) if corner & 1 else red if corner & 8 else paper for corner in range(16)]
    corners = b"".join(map(bytes, colours))  # cyan varies slowest, black fastest
    identity = b"".join(struct.pack(">i", 65536 * (row == column)) for row in range(3) for column in range(3))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + bytes(range(256)) * 4 + corners + bytes(range(256)) * 3
    return icc(b"CMYK", b"Lab ", {b"wtpt": b"XYZ \0\0\0\0" + D50, b"A2B0": table})


def patched(data: bytes, mark: bytes, offset: int, claim: bytes) -> bytes:
    at = data.index(mark) + offset
    return data[:at] + claim + data[at + len(claim) :]


HUGE = 60_000
BOMBS = {
    "PNG": png(HUGE, HUGE, 8, 2, b""),
    "GIF": patched(SAMPLES["GIF"], b"GIF", 6, struct.pack("<HH", HUGE, HUGE)),
    "TIFF": tiff(b"\0" * 1024, HUGE, HUGE),
    "JPEG": patched(SAMPLES["JPEG"], b"\xff\xc0", 5, struct.pack(">HH", HUGE, HUGE)),
    "JPEG progressive": patched(SAMPLES["JPEG progressive"], b"\xff\xc2", 5, struct.pack(">HH", HUGE, HUGE)),
    "BMP": patched(SAMPLES["BMP"], b"BM", 18, struct.pack("<II", HUGE, HUGE)),
    "PPM": b"P6 60000 60000 255\n" + bytes(100),
    "AVIF": patched(SAMPLES["AVIF"], b"ispe", 8, struct.pack(">II", HUGE, HUGE)),
    "HEIC": patched(SAMPLES["HEIC"], b"ispe", 8, struct.pack(">II", HUGE, HUGE)),
}


def shared_exif(tags: int, shared: int, kind: int = 7, directory: int | None = None) -> bytes:
    """EXIF from its TIFF header on: tags of that type (7: bytes, 5: fractions), all of which have the same `shared`
    bytes for their value; in the directory that this tag points to, or the first."""
    size = {5: 8, 7: 1}[kind]
    head = b"II*\0" + struct.pack("<I", 8)
    if directory is not None:
        head += struct.pack("<HHHIII", 1, directory, 4, 1, 26, 0)
    at = len(head) + 2 + 12 * tags + 4
    table = b"".join(struct.pack("<HHII", 1000 + n, kind, shared // size, at) for n in range(tags))
    return head + struct.pack("<H", tags) + table + bytes(4 + shared)


def jpeg_with(*segments: tuple[int, bytes], **options) -> bytes:
    """PHOTO as a JPEG with these segments before all others; of each the marker's second byte, and the content."""
    data = encode(PHOTO, "JPEG", **({"quality": 95, "subsampling": 0} | options))
    packed = (struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content for marker, content in segments)
    return data[:2] + b"".join(packed) + data[2:]


def with_directory(pointer: int, tags: int, numbers: int) -> bytes:
    """A black TIFF of 32 x 32 pixels; in the directory that the tag `pointer` points to, tags that share so many
    fractions."""
    values, at = bytes(8 * numbers), 8 + 1024
    table = b"".join(struct.pack("<HHII", 40_000 + n, 5, numbers, at) for n in range(tags))
    directory = struct.pack("<H", tags) + table + bytes(4)
    return tiff(bytes(1024) + values + directory, t279=1024, **{f"t{pointer}": at + len(values)})


def with_exif(file_format: str, block: bytes, **options) -> bytes:
    """PHOTO with this EXIF, from its TIFF header on. "PNG text": as ImageMagick once wrote it, a compressed text of
    hexadecimal digits. "JPEG": in segments of 60 kB, which Pillow joins."""
    if file_format == "JPEG":
        parts = [block[at : at + 60_000] for at in range(0, len(block), 60_000)]
        return jpeg_with(*((0xE1, b"Exif\0\0" + part) for part in parts), **options)
    if file_format == "PNG text":
        digits = (b"Exif\0\0" + block).hex()
        text = f"\nexif\n{len(digits) // 2:8}\n{digits}\n".encode()
        return png(32, 32, 8, 2, PICTURE.tobytes(), (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)))
    if file_format != "AVIF":
        return encode(PHOTO, file_format, exif=b"Exif\0\0" + block, **options)
    room = Image.Exif()
    room[0x927C] = b"x" * len(block)  # Pillow parses the EXIF that it writes into an AVIF
    data = encode(PHOTO, "AVIF", exif=room.tobytes(), **options)
    at = data.index(room.tobytes()[6:20])
    return data[:at] + block + data[at + len(block) :]
