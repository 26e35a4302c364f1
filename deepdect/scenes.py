"""A video's most suspicious moments: which are kept, and their surroundings as files, to be explained later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from deepdect import Analysis, Detector, FaceAnalysis, images, pictures, report, video
from deepdect.images import ImageError

MOST = 12  # moments of a video
APART = 1.0  # seconds between two moments of one person: neighbours look alike
SURROUNDINGS = 2.5  # crop sides around a face that are kept of its frame: more than is shown or measured of it
MEMORY = 64 * 2**20  # bytes of what is held until the video is done
THUMBNAIL = 240  # pixels a side


@dataclass
class Scene:
    """One person at t seconds. picture: the analysis of that face alone, without pixels, in pixels of the file.

    The picture's regions may be checked later; the rest stays.
    """

    person: int
    t: float
    picture: Analysis
    file: Path
    thumbnail: Image.Image

    def checked(self, picture: Analysis) -> None:
        """Keep what hiding the regions found."""
        self.picture = picture

    def photo(self) -> np.ndarray | None:
        """The face and what is around it, uint8 RGB [h, w, 3]; None where it has been deleted."""
        try:
            return images.load(self.file)
        except ImageError:
            return None

    def verify(self, detector: Detector) -> np.ndarray | None:
        """Check its regions, unless that was done; returns its `photo`, without which they stay unchecked."""
        photo = self.photo()
        if photo is not None and not self.picture.faces[0].checked:
            self.checked(replace(self.picture, faces=[report.verified(detector, self.picture, photo, 0)]))
        return photo


@dataclass(frozen=True, eq=False)
class _Candidate:
    person: int
    t: float
    picture: Analysis
    photo: np.ndarray
    logit: float


class Scenes:
    """Collects the moments with the highest logits while a video goes on, everybody's first of all."""

    def __init__(self) -> None:
        self._best: list[_Candidate] = []

    def add(self, look: video.Look) -> None:
        """One more frame, with its pixels."""
        photo = look.picture.photo
        assert photo is not None or not look.picture.faces  # what had a face has pixels
        for face, person in zip(look.picture.faces, look.people, strict=True):
            near = [old for old in self._best if old.person == person and abs(old.t - look.t) < APART]
            if photo is None or any(old.logit >= face.logit for old in near):
                continue
            part, moved = cut(photo, face)
            alone = replace(
                look.picture,
                faces=[moved],
                verdict=face.verdict,
                fake_probability=face.fake_probability,
                width=part.shape[1],
                height=part.shape[0],
                photo=None,
            )
            self._best = [old for old in self._best if old not in near]
            self._best.append(_Candidate(person, look.t, alone, part, face.logit))
            while len(self._best) > 1 and not self._fit():
                self._best.remove(min(self._best, key=lambda one: (self._only(one), one.logit)))

    def _fit(self) -> bool:
        return len(self._best) <= MOST and sum(one.photo.nbytes for one in self._best) <= MEMORY

    def _only(self, one: _Candidate) -> bool:
        return sum(other.person == one.person for other in self._best) == 1

    def keep(self, folder: Path) -> list[Scene]:
        """Writes the moments into that folder; the most suspicious one first."""
        kept = []
        for number, one in enumerate(sorted(self._best, key=lambda one: -one.logit)):
            file = folder / f"{number}.png"
            Image.fromarray(one.photo).save(file, compress_level=1)
            small = Image.fromarray(pictures.before_after(one.photo, one.picture.faces[0])[1])
            small.thumbnail((THUMBNAIL, THUMBNAIL))
            picture = report.without_pixels(one.picture)
            kept.append(Scene(one.person, one.t, picture, file, small))
        return kept


def cut(photo: np.ndarray, face: FaceAnalysis) -> tuple[np.ndarray, FaceAnalysis]:
    """A copy of the photo around a face, at its edges no larger than it, and the face in the copy's pixels.

    By whole pixels, so that the same crop comes out of it to the last bit.
    """
    reach = face.crop.size * SURROUNDINGS / 2
    centre = np.array([face.crop.x, face.crop.y]) + face.crop.size / 2
    low = np.clip(np.floor(centre - reach).astype(int), 0, np.array(photo.shape[1::-1]) - 1)
    high = np.clip(np.ceil(centre + reach).astype(int), low + 1, photo.shape[1::-1])
    (left, top), (right, bottom) = low.tolist(), high.tolist()
    x, y, width, height = face.face.box
    moved = replace(
        face,
        face=replace(face.face, box=(x - left, y - top, width, height), landmarks=face.face.landmarks - low),
        crop=replace(face.crop, x=face.crop.x - left, y=face.crop.y - top),
    )
    return photo[top:bottom, left:right].copy(), moved
