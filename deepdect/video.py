"""A video -> every person over time, with one verdict each and one for all.

A person's probability is that of the mean calibrated logit over the frames: single frames err in both directions, and
a mean in logits lets a few sure frames count for more than many undecided ones, yet no single frame decides.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from deepdect import faces, frames
from deepdect.analysis import Analysis, Status
from deepdect.detector import Detector
from deepdect.images import ImageError, printable
from deepdect.messages import Message
from deepdect.tracks import Tracker
from deepdect.verdict import Calibration, Verdict, sigmoid

CHUNK = 8  # frames whose faces the network sees as one batch
ENOUGH = 3  # frames that a person must be seen in to be called real or deepfake


@dataclass(frozen=True)
class Moment:
    """One face in one frame. t: seconds; logit: calibrated; box: (x, y, width, height) in frame pixels."""

    t: float
    logit: float
    box: tuple[float, float, float, float]

    @property
    def fake_probability(self) -> float:
        return sigmoid(self.logit)


@dataclass(frozen=True)
class Person:
    """One track. number: from 1, in order of appearance; moments: in order of time, at least one."""

    number: int
    moments: tuple[Moment, ...]
    calibration: Calibration

    @property
    def fake_probability(self) -> float:
        """Of the mean logit."""
        return sigmoid(float(np.mean([moment.logit for moment in self.moments])))

    @property
    def verdict(self) -> Verdict:
        """Inconclusive for who was seen in fewer than ENOUGH frames."""
        return "inconclusive" if len(self.moments) < ENOUGH else self.calibration.verdict(self.fake_probability)


@dataclass(frozen=True)
class VideoAnalysis:
    """What became of one video; `status` other than "ok" comes with a message and without a verdict.

    A video is as fake as its most suspicious person among those seen in enough frames, or else among all. A message
    beside "ok" says how much of it was looked at, where that is not all.
    """

    path: str
    status: Status
    message: str
    people: tuple[Person, ...]
    model: dict[str, str]
    runtime: str
    elapsed_ms: float

    @property
    def suspect(self) -> Person | None:
        """The person whose verdict is the video's."""
        steady = [person for person in self.people if len(person.moments) >= ENOUGH]
        return max(steady or self.people, key=lambda person: person.fake_probability, default=None)

    @property
    def verdict(self) -> Verdict | None:
        """The suspect's, None where there is nobody."""
        return self.suspect.verdict if self.suspect else None

    @property
    def fake_probability(self) -> float | None:
        """The suspect's, 0..1; None where there is nobody."""
        return self.suspect.fake_probability if self.suspect else None

    def to_json(self) -> dict[str, Any]:
        """The JSON contract of one video, as a dictionary of plain Python values."""
        return {
            "path": self.path,
            "status": self.status,
            "message": self.message,
            "verdict": self.verdict,
            "fake_probability": None if self.fake_probability is None else round(self.fake_probability, 6),
            "people": [
                {
                    "id": person.number,
                    "verdict": person.verdict,
                    "fake_probability": round(person.fake_probability, 6),
                    "frames": [
                        {
                            "t": round(moment.t, 3),
                            "fake_probability": round(moment.fake_probability, 6),
                            "box": dict(zip(("x", "y", "width", "height"), map(round, moment.box), strict=True)),
                        }
                        for moment in person.moments
                    ],
                }
                for person in self.people
            ],
            "model": self.model,
            "runtime": self.runtime,
            "elapsed_ms": round(self.elapsed_ms, 1),
        }


@dataclass(frozen=True)
class Look:
    """One frame that was looked at. t: seconds; picture: its analysis, with pixels; people: its faces' numbers."""

    t: float
    picture: Analysis
    people: tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """Where the analysis of a video has got to.

    looks: what is new since the step before; the last one has none. share: of the video, 0..1, None where it does not
    say how long it is.
    """

    analysis: VideoAnalysis
    looks: tuple[Look, ...] = ()
    share: float | None = None


def analyze(detector: Detector, path: str | os.PathLike, fps: float = 4.0, name: str | None = None) -> VideoAnalysis:
    """Judge a video file. What cannot be read raises nothing: `status` and `message` say so.

    fps: frames of a second that are looked at. name: what the result calls the file. Raises ValueError for fps out of
    range.
    """
    *_, last = steps(detector, path, fps, name)
    return last.analysis


def steps(detector: Detector, path: str | os.PathLike, fps: float = 4.0, name: str | None = None) -> Iterator[Step]:
    """The same in steps of a few frames, for who wants to watch: every step has the result so far, the last one the
    final result. At least one step comes; a video that turns out to be damaged ends with its status alone.

    Raises ValueError for fps out of range.
    """
    started, shown = time.perf_counter(), name or os.fsdecode(path)
    people, tracker, last = list[list[Moment]](), Tracker(), None

    def result(status: Status = "ok", message: str = "") -> VideoAnalysis:
        found = people if status == "ok" else []
        return VideoAnalysis(
            shown,
            status,
            message,
            tuple(Person(n, tuple(moments), detector.calibration) for n, moments in enumerate(found, start=1)),
            detector.model,
            detector.runtime.name,
            (time.perf_counter() - started) * 1000,
        )

    try:
        stream = frames.read(path, fps, name)
        while chunk := list(islice(stream, CHUNK)):
            tracker = tracker if last else Tracker(chunk[0].apart)
            last = chunk[-1]
            looks = tuple(_look(detector, chunk, tracker))
            for look in looks:
                for face, number in zip(look.picture.faces, look.people, strict=True):
                    people.extend([] for _ in range(number - len(people)))
                    people[number - 1].append(Moment(look.t, face.logit, face.face.box))
            yield Step(result(), looks, min(last.t / last.length, 1.0) if last.length else None)
    except ImageError as error:
        yield Step(result(error.status, error.message))
        return
    partly = Message("video_partly", name=printable(shown), seconds=f"{last.t:.0f}") if last and last.cut else ""
    if not people:
        height, width = last.rgb.shape[:2] if last else (0, 0)
        size = {"width": width, "height": height, "smallest": faces.SMALLEST_FACE}
        nobody = Message("no_face_video", name=printable(shown), **size)
        yield Step(result("no_face", Message("no_face_partly", nobody=nobody, partly=partly) if partly else nobody))
        return
    yield Step(result(message=partly))


def _look(detector: Detector, chunk: list[frames.Frame], tracker: Tracker) -> Iterator[Look]:
    """Some frames, the faces of all as one batch."""
    for frame, picture in zip(chunk, detector.analyze_many(frame.rgb for frame in chunk), strict=True):
        numbers = tracker.follow(frame.t, [face.face for face in picture.faces])
        yield Look(frame.t, picture, tuple(number + 1 for number in numbers))
