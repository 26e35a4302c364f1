"""What the files with evidence maps are called."""

from __future__ import annotations

import unicodedata
from itertools import count


class OverlayNames:
    """File names for overlays: two inputs of one stem must not overwrite each other.

    Nor two that differ in capitals or in how accents are composed, which macOS takes for one.
    """

    def __init__(self) -> None:
        self._used: set[str] = set()

    def __call__(self, stem: str) -> str:
        candidates = (f"{stem}{'' if n == 1 else f'-{n}'}.overlay.png" for n in count(1))
        name = next(candidate for candidate in candidates if self._folded(candidate) not in self._used)
        self._used.add(self._folded(name))
        return name

    @staticmethod
    def _folded(name: str) -> str:
        return unicodedata.normalize("NFC", name).casefold()
