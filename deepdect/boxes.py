"""Where EXIF lies in AVIF and HEIC files: ISO base media boxes, read no further than that takes.

Pillow parses EXIF of any length when it opens such a file, so `formats.open_header` hides it; this finds it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

MOST = 2**16  # boxes in one box, and items, that are looked at


class _Reader:
    """Big-endian numbers one after the other. Raises ValueError at the end of the data."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self.at = data, at

    def number(self, size: int) -> int:
        """The next `size` bytes, 0 to 8."""
        return int.from_bytes(self.bytes(size), "big")

    def bytes(self, size: int) -> bytes:
        self.at += size
        if self.at > len(self._data):
            raise ValueError("a box ends too early")
        return self._data[self.at - size : self.at]


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Each box between two places of the file: its type, and where its content begins and ends."""
    while at + 8 <= end:
        reader = _Reader(data, at)
        size, kind = reader.number(4), reader.bytes(4)
        if size == 1:
            size = reader.number(8)
        after = at + size if size else end  # 0: as far as there is anything
        if not reader.at <= after <= end:
            return
        yield kind, reader.at, after
        at = after


def _inside(data: bytes, at: int, end: int) -> dict[bytes, tuple[int, int]]:
    """The first box of each type: where its content begins and ends."""
    found: dict[bytes, tuple[int, int]] = {}
    for kind, start, after in islice(_boxes(data, at, end), MOST):
        found.setdefault(kind, (start, after))
    return found


def exif(data: bytes, longest: int) -> bytes:
    """The first EXIF item, from its TIFF header on; b"" where there is none or it is longer than that many bytes.

    data: an AVIF or HEIC file. Raises ValueError where its boxes end too early.
    """
    meta = _inside(data, 0, len(data)).get(b"meta")
    boxes = _inside(data, meta[0] + 4, meta[1]) if meta else {}  # 4 bytes: version and flags
    if not {b"iinf", b"iloc"} <= boxes.keys():
        return b""
    item = _exif_item(data, *boxes[b"iinf"])
    places = _places(data, boxes[b"iloc"][0], item, boxes.get(b"idat", (0, 0))[0]) if item is not None else []
    if sum(size for _, size in places) > longest or not all(size for _, size in places):
        return b""
    block = b"".join(data[start : start + size] for start, size in places)
    before = int.from_bytes(block[:4], "big")  # how much lies before the TIFF header; some programs write rubbish
    return block[4 + before :] or block[4:]


def _exif_item(data: bytes, start: int, end: int) -> int | None:
    """The number of the first item of type Exif, by the box iinf."""
    entries = start + (8 if data[start : start + 1] > b"\0" else 6)
    for kind, at, _ in islice(_boxes(data, entries, end), MOST):
        reader = _Reader(data, at)
        version = reader.number(4) >> 24
        item, _ = reader.number(4 if version == 3 else 2), reader.number(2)
        if kind == b"infe" and version in (2, 3) and reader.bytes(4) == b"Exif":
            return item
    return None


def _places(data: bytes, start: int, wanted: int, idat: int) -> list[tuple[int, int]]:
    """Where the parts of an item lie in the file and how long they are (0: as far as there is anything), by iloc."""
    reader = _Reader(data, start)
    version, sizes, more = reader.number(4) >> 24, reader.number(1), reader.number(1)
    offset_size, length_size, base_size, index_size = sizes >> 4, sizes & 15, more >> 4, more & 15 if version else 0
    wide = 4 if version == 2 else 2
    for _ in range(min(MOST, reader.number(wide))):
        item, method = reader.number(wide), reader.number(2) & 15 if version else 0
        reader.number(2)  # the file in which it lies, always this one
        base, parts = reader.number(base_size), reader.number(2)
        if item != wanted:
            reader.bytes(parts * (index_size + offset_size + length_size))
            continue
        if method > 1:  # made of other items
            return []
        found = []
        for _ in range(parts):
            reader.number(index_size)
            offset, size = reader.number(offset_size), reader.number(length_size)
            found.append((base + offset + (idat if method else 0), size))
        return found
    return []
