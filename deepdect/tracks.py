"""Faces followed from frame to frame, so that every person of a video is one track.

Greedy matching by place and size: what a crop shows of a person changes from frame to frame, where it is hardly does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepdect.faces import Face

REACH = 0.8  # how far a face may move between two looks, in its own sides
GROWTH = 1.8  # by how much its side may change
PATIENCE = 2.0  # seconds out of sight after which a track has ended
LOOKS = 2.5  # the same in looks, where these are further apart


@dataclass
class _Track:
    number: int
    t: float
    centre: np.ndarray
    side: float


class Tracker:
    """Gives every face the number of its person, from 0. apart: seconds between two looks."""

    def __init__(self, apart: float = 0.0) -> None:
        self._patience = max(PATIENCE, LOOKS * apart)
        self._tracks: list[_Track] = []
        self._people = 0

    def follow(self, t: float, faces: list[Face]) -> list[int]:
        """The persons of a frame's faces, in their order. t: seconds, rising from call to call."""
        live = [track for track in self._tracks if t - track.t <= self._patience]
        places = [(np.array([x + w / 2, y + h / 2]), max(w, h)) for x, y, w, h in (face.box for face in faces)]
        pairs = []
        for i, (centre, side) in enumerate(places):
            for track in live:
                distance = float(np.linalg.norm(centre - track.centre)) / max(side, track.side)
                ratio = max(side, track.side) / min(side, track.side)
                if distance <= REACH and ratio <= GROWTH:
                    pairs.append((distance + 0.5 * (ratio - 1), i, track))
        found: dict[int, _Track] = {}
        for _, i, track in sorted(pairs, key=lambda pair: pair[0]):
            if i not in found and track not in found.values():
                found[i] = track
        for i, (centre, side) in enumerate(places):
            if i not in found:
                found[i] = _Track(self._people, t, centre, side)
                self._people += 1
                live.append(found[i])
            found[i].t, found[i].centre, found[i].side = t, centre, side
        self._tracks = live
        return [found[i].number for i in range(len(faces))]
