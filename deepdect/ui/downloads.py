"""Files that a visitor may take along: of one photo, a batch or a video."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from PIL import Image

from deepdect import pdf, report
from deepdect.images import printable
from deepdect.report import Entry
from deepdect.texts import Texts
from deepdect.ui import uploads

Maker = Callable[[Sequence[Entry], Texts, Path], object]  # writes the file at the path


def make(kind: str, entries: Sequence[Entry], text: Texts) -> Path:
    """Write the photos' download of one of `KINDS` into a folder of its own in the page's temporary folder."""
    name, maker = KINDS[kind]
    path = uploads.own_folder() / name
    maker(entries, text, path)
    return path


def save(name: str, content: bytes) -> Path:
    """The same with what is made already."""
    path = uploads.own_folder() / name
    path.write_bytes(content)
    return path


def overlays(entries: Sequence[Entry], text: Texts, file: Path) -> None:
    """A ZIP with each photo under its evidence maps, as PNG; photos without a face, or gone, are left out.

    Holds one photo at a time: two hundred are more than a small server's memory.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # a PNG does not shrink any further
        for number, entry in enumerate(entries, start=1):
            photo = entry.photo() if entry.analysis.faces else None
            if photo is None:
                continue
            picture = io.BytesIO()
            Image.fromarray(replace(entry.analysis, photo=photo).overlay()).save(picture, "PNG", compress_level=3)
            archive.writestr(f"{number:03d} {_stem(entry.analysis.path)}.overlay.png", picture.getbuffer())


def _stem(path: str) -> str:
    """A file's name without its ending, as any system can have it: senders choose names, archives travel."""
    stem = PurePath(path.replace("\\", "/").replace(os.sep, "/")).stem
    return re.sub(r'[<>:"/\\|?*]', "_", printable(stem))


def _json(entries: Sequence[Entry]) -> bytes:
    return as_bytes(report.to_json(entry.analysis.to_json() for entry in entries))


def as_bytes(words: str) -> bytes:
    """UTF-8; what has no place in it, which a sender may put into a file's name, as an escape."""
    return words.encode(errors="backslashreplace")


KINDS: dict[str, tuple[str, Maker]] = {
    "csv": ("deepdect.csv", lambda entries, text, path: path.write_bytes(as_bytes(report.to_csv(entries)))),
    "json": ("deepdect.json", lambda entries, text, path: path.write_bytes(_json(entries))),
    "pdf": ("deepdect.pdf", lambda entries, text, path: path.write_bytes(pdf.to_pdf(entries, text))),
    "zip": ("deepdect-overlays.zip", overlays),
}
