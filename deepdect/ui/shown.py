"""What a visitor looks at on a tab, kept in the page's state, and what is found out about it while they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from deepdect import Analysis, Detector, ImageError, images
from deepdect.messages import Message
from deepdect.report import Entry, verified
from deepdect.texts import DEFAULT


@dataclass
class Shown:
    """An analysis without pixels (None where it failed, or is still to come), and the file to take them from.

    Kept up to date in place, because a check takes a while and must end on what is looked at by then. chosen: the face.
    code: the language. left: whether something else is shown by now. origin: what the file says about itself.
    moment: person and seconds, where the picture is a frame of a video. waiting: the analysis is still to come. keep:
    what is to be done with the analysis once more of it is checked. sha256: the file's when it was judged, where it is
    to be reported.
    """

    analysis: Analysis | None
    file: Path
    chosen: int = 0
    code: str = DEFAULT
    left: bool = False
    origin: tuple[Message, ...] = ()
    moment: tuple[int, float] | None = None
    waiting: bool = False
    keep: Callable[[Analysis], None] | None = None
    sha256: str | None = None

    def checked(self, number: int) -> bool:
        """Whether that face's regions have been hidden already, or there is nothing to hide."""
        if self.analysis is None or not self.analysis.faces:
            return True
        return any(region.drop is not None for region in self.analysis.faces[number].regions)

    def check(self, detector: Detector, number: int) -> bool:
        """Hide that face's regions in turn; whether that told anything. A file that is gone leaves it unchecked."""
        if self.analysis is None or self.checked(number):
            return False
        try:
            photo = images.load(self.file)
        except ImageError:  # deleted meanwhile
            return False
        checked = verified(detector, self.analysis, photo, number)
        known = [*self.analysis.faces]  # a check of another face may have ended meanwhile
        known[number] = checked
        self.analysis = replace(self.analysis, faces=known)
        if self.keep:
            self.keep(self.analysis)
        return True

    def reported(self, detector: Detector) -> Entry | None:
        """For a report, with every face checked; None where there is no analysis."""
        for number in range(len(self.analysis.faces) if self.analysis else 0):
            self.check(detector, number)
        return None if self.analysis is None else Entry(self.analysis, self.file, self.sha256, self.origin)
