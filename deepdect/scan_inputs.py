"""Which files to scan: a folder's pictures or a list of paths, one after another, never all in memory."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from deepdect.scan_rows import ScanError

STDIN = "-"
SUFFIXES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".avif", ".avifs", ".heic", ".heif", ".hif"),
    *(".tif", ".tiff", ".gif", ".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm"),
}


class Inputs:
    """The paths of a source: a folder, a text file with one path a line, or "-" for such lines on standard input.

    Lists are bytes: a path need not be UTF-8, empty lines are passed over, a path that is listed twice counts twice.
    Folders are searched to the bottom for names that end like a picture's, links to folders included (but for one that
    leads back up). A folder whose name ends like a picture's, or one that cannot be listed, counts as a file too: its
    row says what is wrong with it.

    Raises ScanError for a source that cannot be read or is neither, and for a folder without any picture.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        if source != STDIN and not os.path.lexists(source):
            raise ScanError(f"{source}: no such folder or list. Give a folder, a text file with one path a line, or -.")

    def paths(self) -> Iterator[str]:
        """Every path, as given in the list or with the folder as given in front."""
        try:
            if os.path.isdir(self.source) and self.source != STDIN:
                paths = _walk(self.source, os.scandir(self.source))
                first = next(paths, None)
                if first is None:
                    raise ScanError(f"{self.source}: no file here or below has a picture's name (.jpg, .png, …).")
                return chain([first], paths)
            stream = sys.stdin.buffer if self.source == STDIN else open(self.source, "rb")  # noqa: SIM115  # `_lines` closes it
        except OSError as error:
            raise ScanError(f"{self.source}: cannot be read ({error.strerror}). Check path and permissions.") from error
        if isinstance(stream, io.BufferedReader) and b"\0" in stream.peek(4096)[:4096]:
            what = "standard input" if self.source == STDIN else self.source
            raise ScanError(f"{what}: is not a text file with one path a line. Pictures are judged by `analyze`.")
        return _lines(stream)

    def count(self) -> int | None:
        """How many paths there are, or None where finding out would use them up (standard input, a pipe)."""
        if self.source == STDIN or not (os.path.isdir(self.source) or os.path.isfile(self.source)):
            return None
        return sum(1 for _ in self.paths())


def _lines(stream: BinaryIO) -> Iterator[str]:
    with stream:
        for number, line in enumerate(stream):
            path = line.rstrip(b"\r\n")
            if number == 0:
                path = path.removeprefix(codecs.BOM_UTF8)
            if path:
                yield os.fsdecode(path)


def _walk(folder: str, entries: Iterator[os.DirEntry[str]]) -> Iterator[str]:
    """Depth first with the open folders on a stack: a flat folder of a million files costs no more memory than one."""
    open_folders = [(folder, entries, _identity(folder))]
    while open_folders:
        folder, entries, _ = open_folders[-1]
        try:
            entry = next(entries, None)
        except OSError:  # listing broke off: the row of the folder itself says so
            entry = None
            yield folder
        if entry is None:
            open_folders.pop()
            continue
        if os.path.splitext(entry.name)[1].lower() in SUFFIXES:
            yield entry.path
        if not _is_folder(entry):
            continue
        identity = _identity(entry.path)
        if identity is not None and any(identity == above for _, _, above in open_folders):
            continue  # a link back up
        try:
            open_folders.append((entry.path, os.scandir(entry.path), identity))
        except OSError:
            if os.path.splitext(entry.name)[1].lower() not in SUFFIXES:
                yield entry.path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that goes in circles
        return False


def _identity(folder: str) -> tuple[int, int] | None:
    """What tells a folder from all others, whatever its name; None where that cannot be found out."""
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return found.st_dev, found.st_ino
