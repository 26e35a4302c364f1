"""What every part of a scan speaks of: rows, as dictionaries of the JSON contract, and the error that stops a scan."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from deepdect.analysis import Analysis
from deepdect.images import printable

Row = dict[str, Any]


class ScanError(RuntimeError):
    """A scan cannot start or go on; the message says why and what to do."""


def failed_row(path: str, reason: str, model: dict[str, str], runtime: str, elapsed_ms: float = 0.0) -> Row:
    """The row of a file whose analysis did not end by itself, status "unreadable"."""
    message = f"{printable(path)}: {reason}"
    return Analysis(path, "unreadable", message, None, None, None, None, [], model, runtime, elapsed_ms).to_json()


def json_line(row: Row) -> bytes:
    """One JSON object in UTF-8 with its newline.

    A path that is not UTF-8 keeps its bytes as Python's surrogate escapes (`os.fsencode` turns them back); that row is
    written in ASCII, because UTF-8 has no lone surrogates.
    """
    try:
        return (json.dumps(row, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:
        return (json.dumps(row) + "\n").encode()


def plain_text(text: str) -> str:
    r"""Text that is valid UTF-8: lone surrogates become backslash escapes such as \udcff."""
    return text.encode("utf-8", "backslashreplace").decode()


class Finished:
    """The rows an output holds already, and for which files: 16 bytes of hash each, about 100 MB a million.

    A path that is listed twice has two rows; it is finished as often as it has rows.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.failed = 0  # rows with a status other than "ok"
        self._left: dict[bytes, int] = {}

    @property
    def left(self) -> int:
        """Rows of files that nobody asked for."""
        return sum(self._left.values())

    def add(self, path: str, status: str) -> None:
        """Note one row."""
        self.rows += 1
        self.failed += status != "ok"
        digest = _digest(path)
        self._left[digest] = self._left.get(digest, 0) + 1

    def take(self, path: str) -> bool:
        """Whether a row of this path is there and was not taken before."""
        if not self._left:
            return False
        digest = _digest(path)
        left = self._left.pop(digest, 0)
        if left > 1:
            self._left[digest] = left - 1
        return left > 0


def _digest(path: str) -> bytes:
    # of the plain text, which is all that a Parquet file can hold of a path
    return hashlib.blake2b(plain_text(path).encode(), digest_size=16).digest()
