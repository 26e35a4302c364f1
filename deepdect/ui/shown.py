"""What a visitor looks at on a tab, kept in the page's state, and what is found out about it while they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deepdect import Analysis, Detector, ImageError, images
from deepdect.messages import Message
from deepdect.report import Entry, verified
from deepdect.texts import DEFAULT


@dataclass
class Shown:
    """An analysis without pixels (None where it failed, or is still to come), and the file to take them from.

    Kept up to date in place, because a check takes a while and must end on what is looked at by then. chosen: the face.
    code: the language. left: whether something else is shown by now. instead: the card that took its place. origin:
    what the file says about itself. moment: person and seconds, where the picture is a frame of a video. waiting: the
    analysis is still to come. keep: what is to be done with the analysis once more of it is checked. sha256: the file's
    when it was judged, where it is to be reported.
    """

    analysis: Analysis | None
    file: Path
    chosen: int = 0
    code: str = DEFAULT
    left: bool = False
    instead: str = ""
    origin: tuple[Message, ...] = ()
    moment: tuple[int, float] | None = None
    waiting: bool = False
    keep: Callable[[Analysis], None] | None = None
    sha256: str | None = None

    def take(self, result: Shown) -> None:
        """What was waited for has come. In place: what the page's state holds may be another photo's by now."""
        kept = ("left", "instead")
        vars(self).update({name: value for name, value in vars(result).items() if name not in kept})

    def checked(self, number: int) -> bool:
        """Whether that face is there, and its regions have been hidden."""
        return self.analysis is not None and bool(self.analysis.faces) and self.analysis.faces[number].checked

    def check(self, detector: Detector, number: int, photo: np.ndarray | None = None) -> None:
        """Hide that face's regions in turn, unless that was done. A file that is gone leaves it unchecked.

        photo: its pixels, where they are at hand.
        """
        if self.analysis is None or not self.analysis.faces or self.checked(number):
            return
        try:
            photo = images.load(self.file) if photo is None else photo
        except ImageError:  # deleted meanwhile
            return
        checked = verified(detector, self.analysis, photo, number)
        known = [*self.analysis.faces]  # a check of another face may have ended meanwhile
        known[number] = checked
        self.analysis = replace(self.analysis, faces=known)
        if self.keep:
            self.keep(self.analysis)

    def entry(self) -> Entry | None:
        """For a report, as far as it is known; None where there is no analysis."""
        return None if self.analysis is None else Entry(self.analysis, self.file, self.sha256, self.origin)

    def checked_entry(self, detector: Detector) -> Entry | None:
        """The same with every face checked; None, too, where the file is gone, or something else is shown by now."""
        entry = self.entry()
        photo = entry.photo() if entry else None
        if entry is None or photo is None:
            return None
        for number in range(len(entry.analysis.faces)):
            if self.left:
                return None
            self.check(detector, number, photo)
        return self.entry()
