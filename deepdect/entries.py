"""A picture file's entries as text: EXIF, PNG texts and XMP. What they mean is `origin`'s.

Whoever sent the file may mean harm: a small file can hold entries that take minutes or gigabytes to read or to search.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import ExifTags, Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from deepdect import boxes, formats

LONGEST = 2**18  # characters of all entries together that are looked at, and bytes of XMP
EXIF_NAMES = (
    *("Make", "Model", "Software", "DateTimeOriginal", "DateTimeDigitized"),
    *("ImageDescription", "UserComment", "Artist"),
)
TEXT_TYPES = (1, 2, 7)  # TIFF's: bytes, letters, anything
XMP_PACKET = "XML:com.adobe.xmp"  # what PNG calls it
# Neither ever goes back over what it has read (`++`), so that a packet takes time in proportion to its length.
_TAG = re.compile(r"""<((?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+)>([^<]*+)""")
_NAMES = r"(CreatorTool|DigitalSourceType|Credit)"
_ELEMENT = re.compile(rf"(/?)(?:[^\s/:=]++:)?{_NAMES}(?![^\s/])")
_ATTRIBUTE = re.compile(rf"""[\s:]{_NAMES}\s*+=\s*+(?:"([^"]*+)"|'([^']*+)')""")
_RESOURCE = re.compile(r"""[\s:]resource\s*+=\s*+(?:"([^"]*+)"|'([^']*+)')""")


@dataclass(frozen=True)
class Entries:
    """A file's entries by name ("EXIF Software", "PNG parameters", "XMP CreatorTool"), as text."""

    texts: Mapping[str, str]

    def first(self, *names: str) -> str:
        """The first of these that is there and not blank, else ""."""
        return next((self.texts[name].strip() for name in names if self.texts.get(name, "").strip()), "")


def read(image: Image.Image, data: bytes, kind: str) -> Entries:
    """The entries as far as they can be read, no more than LONGEST characters of them.

    image: the file's header, by `images.header`; data: the file; kind: of `formats.FORMATS`.
    """
    if kind == "PNG":
        image = _whole_png(image, data)
    texts: dict[str, str] = {}
    for part in (_png, _exif, _xmp):
        try:
            texts |= part(image, data, kind)
        except Exception:  # hostile bytes draw nearly any type from decoders; what is damaged says nothing
            continue
    return Entries(_cut(texts))


def _cut(texts: Mapping[str, str]) -> dict[str, str]:
    """LONGEST characters in all, names among them: long texts give way to short ones, whichever came first."""
    left, kept = LONGEST, {}
    for name in sorted(texts, key=lambda name: len(name) + len(texts[name])):
        if len(name) >= left:
            continue
        kept[name] = texts[name][: left - len(name)]
        left -= len(name) + len(kept[name])
    return {name: kept[name] for name in texts if name in kept}


def _whole_png(image: Image.Image, data: bytes) -> Image.Image:
    """The header with the entries behind the pixels, too; as it was where there are none, or damaged ones."""
    bare = formats.without_pixels(data)
    if bare is None:
        return image
    try:
        return formats.open_header(bare, "PNG")
    except Exception:  # as above
        return image


def _png(image: Image.Image, data: bytes, kind: str) -> dict[str, str]:
    """PNG's texts but XMP, of which the descriptions of what is in the picture are no origin."""
    if kind != "PNG":
        return {}
    words = {key: value for key, value in image.info.items() if isinstance(value, str) and key != XMP_PACKET}
    return {f"PNG {key}": value[:LONGEST] for key, value in words.items() if len(key) < LONGEST}


def _exif(image: Image.Image, data: bytes, kind: str) -> dict[str, str]:
    """Of EXIF_NAMES those that are there: only they are decoded, since a tag of 64 kB of fractions becomes 1 MB; not
    those longer than MAX_EXIF, as a TIFF's may be."""
    if kind in {"AVIF", "HEIC"}:
        exif = Image.Exif()
        exif.load(boxes.exif(data, formats.MAX_EXIF))
    else:
        exif = formats.exif(image)
    own: ImageFileDirectory_v2 | None = None  # EXIF's own directory, behind TIFF's
    if isinstance(offset := exif.get(ExifTags.IFD.Exif), int):
        own = ImageFileDirectory_v2(exif.head, group=ExifTags.IFD.Exif)
        exif.fp.seek(offset)
        if isinstance(exif.fp, formats.Metered):  # a TIFF, whose directories may be of any length
            exif.fp.reads = min(exif.fp.reads, 2 * formats.MOST_TAGS)
        own.load(exif.fp)
    texts = {}
    for name in EXIF_NAMES:
        tag = ExifTags.Base[name]
        inside = own is not None and own.tagtype.get(tag) in TEXT_TYPES
        value = own[tag] if own is not None and inside else exif.get(tag)
        if not isinstance(value, (bytes, str)) or len(value) > formats.MAX_EXIF:
            continue
        if isinstance(value, bytes):  # UserComment: eight bytes that name the coding, then the text
            coding, value = value[:8], value[8:]
            utf16 = coding.startswith(b"UNICODE")
            value = value.decode(_utf16(value, exif.endian) if utf16 else "utf-8", "replace")
        texts[f"EXIF {name}"] = value.strip("\0 \ufeff")
    return texts


def _utf16(text: bytes, endian: str | None) -> str:
    """Which UTF-16 that is: by its mark, by where the zeros of Latin letters are, or by EXIF's own order ("<", ">").

    Programs write either, whatever the order of the EXIF around it.
    """
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16-le" if text.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    first, second = text[::2].count(0), text[1::2].count(0)
    little = endian == "<" if first == second else second > first
    return "utf-16-le" if little else "utf-16-be"


def _xmp(image: Image.Image, data: bytes, kind: str) -> dict[str, str]:
    """The first that is not blank of each of _NAMES, and every DigitalSourceType, since a picture's ingredients have
    theirs: an attribute, an element or its resource, whatever the namespace is called."""
    packet = image.info.get("xmp") or image.info.get(XMP_PACKET) or b""
    packet = packet[:LONGEST] if isinstance(packet, bytes) else str(packet)[:LONGEST].encode()
    found: dict[str, list[str]] = {}
    waiting = ""  # the element whose text has not come yet
    for tag, text in _TAG.findall(packet.decode("utf-8", "replace")):
        if tag.startswith("![CDATA[") and tag.endswith("]]"):
            tag, text = "", tag[8:-2] + text
        said = [(name, double or single) for name, double, single in _ATTRIBUTE.findall(tag)]
        if element := _ELEMENT.match(tag):
            waiting = "" if element[1] or tag.endswith("/") else element[2]
            if not element[1] and (resource := _RESOURCE.search(tag)):
                said.append((element[2], resource[1] or resource[2] or ""))
        for name, value in [*said, (waiting, text)]:
            if name and value.strip():
                found.setdefault(f"XMP {name}", []).append(value.strip())
    return {name: " ".join(values if name == "XMP DigitalSourceType" else values[:1]) for name, values in found.items()}
