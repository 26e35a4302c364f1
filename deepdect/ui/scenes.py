"""A video's most suspicious moments: which are kept, and their frames as files, for the page to explain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from deepdect import Analysis, pictures, video
from deepdect.report import Entry
from deepdect.ui import uploads

MOST = 12  # moments of a video
APART = 1.0  # seconds between two moments of one person: neighbours look alike
MEMORY = 256 * 2**20  # bytes of the frames that are held until the video is done
THUMBNAIL = 240  # pixels a side


@dataclass(frozen=True)
class Scene:
    """One person at t seconds. picture: the frame's analysis with that face alone, without pixels; file: the frame."""

    person: int
    t: float
    picture: Analysis
    file: Path
    thumbnail: Image.Image

    def photo(self) -> np.ndarray | None:
        """The frame, uint8 RGB [h, w, 3]; None where it has been deleted."""
        return Entry(self.picture, self.file).photo()


@dataclass(frozen=True)
class _Candidate:
    person: int
    t: float
    picture: Analysis
    logit: float


class Scenes:
    """Collects the moments with the highest logits while a video goes on, everybody's first of all."""

    def __init__(self) -> None:
        self._best: list[_Candidate] = []

    def add(self, look: video.Look) -> None:
        """One more frame, with its pixels."""
        picture = look.picture
        for face, person in zip(picture.faces, look.people, strict=True):
            alone = replace(picture, faces=[face], verdict=face.verdict, fake_probability=face.fake_probability)
            self._offer(_Candidate(person, look.t, alone, face.logit))

    def _offer(self, new: _Candidate) -> None:
        near = [old for old in self._best if old.person == new.person and abs(old.t - new.t) < APART]
        if any(old.logit >= new.logit for old in near):
            return
        self._best = [old for old in self._best if old not in near] + [new]
        photo = new.picture.photo
        assert photo is not None  # it had a face
        if len(self._best) > min(MOST, max(1, MEMORY // photo.nbytes)):
            self._best.remove(min(self._best, key=lambda one: (self._only(one), one.logit)))

    def _only(self, one: _Candidate) -> bool:
        return sum(other.person == one.person for other in self._best) == 1

    def keep(self) -> list[Scene]:
        """Writes the frames into the page's temporary folder; the most suspicious moment first."""
        folder = uploads.own_folder()
        kept = []
        for number, one in enumerate(sorted(self._best, key=lambda one: -one.logit)):
            photo, face = one.picture.photo, one.picture.faces[0]
            assert photo is not None  # it had a face
            file = folder / f"{number}.png"
            Image.fromarray(photo).save(file, compress_level=1)
            small = Image.fromarray(pictures.before_after(photo, face)[1])
            small.thumbnail((THUMBNAIL, THUMBNAIL))
            kept.append(Scene(one.person, one.t, Entry.of(one.picture, file).analysis, file, small))
        return kept
