"""Results to keep: JSON, CSV and (`deepdect.pdf`) PDF, all with the same figures."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepdect import Analysis, Detector, FaceAnalysis, ImageError, faces, images, origin
from deepdect.messages import Message
from explain.regions import REGIONS

_NOTHING = np.zeros((0, 0, 3), np.uint8)
COLUMNS = (
    "file status message file_sha256 width height face faces verdict fake_probability logit bias "
    "box_x box_y box_width box_height detection_score warnings strongest_region "
    f"{' '.join(f'evidence_{name}' for name in REGIONS)} model model_version model_sha256 runtime origin"
).split()


@dataclass(frozen=True)
class Entry:
    """One picture of a report: its analysis without pixels, so that thousands fit into memory, and its file.

    sha256: `digest` of the file when it was judged; None where it could not be read. origin: what it says about itself.
    """

    analysis: Analysis
    file: Path
    sha256: str | None
    origin: tuple[Message, ...] = ()

    @staticmethod
    def of(analysis: Analysis, file: Path) -> Entry:
        """An entry that keeps no pixels; `photo` reads them again."""
        return Entry.hashed(analysis, file, digest(file))

    @staticmethod
    def hashed(analysis: Analysis, file: Path, sha256: str | None) -> Entry:
        """`of` a file whose digest was taken before it was judged."""
        said = tuple(origin.read_file(file)) if analysis.status in ("ok", "no_face") else ()
        return Entry(without_pixels(analysis), file, sha256, said)

    def photo(self) -> np.ndarray | None:
        """The picture's pixels, uint8 RGB [h, w, 3], None where the file is gone, or another one by now."""
        try:
            data = images.read(str(self.file), self.file.name)
            return images.load(data) if hashlib.sha256(data).hexdigest() == self.sha256 else None
        except ImageError:
            return None


def verified(detector: Detector, analysis: Analysis, photo: np.ndarray, number: int) -> FaceAnalysis:
    """One face of an analysis without pixels, its regions hidden in turn (`Detector.verify`).

    photo: the picture's pixels, uint8 RGB [h, w, 3]. number: the face's, from 0.
    """
    face = analysis.faces[number]
    restored = replace(face, crop=faces.crop(photo, face.face))
    [checked] = detector.verify(replace(analysis, faces=[restored])).faces
    return replace(face, regions=checked.regions, warnings=checked.warnings)


def without_pixels(analysis: Analysis) -> Analysis:
    """The same analysis with neither its photo's pixels nor its crops'."""
    bare = [replace(face, crop=replace(face.crop, pixels=_NOTHING)) for face in analysis.faces]
    return replace(analysis, photo=None, faces=bare)


def digest(file: Path) -> str | None:
    """The file's SHA-256 in hexadecimal, None where it is no regular file that can be read."""
    try:
        with images.opened(str(file), file.name) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except ImageError:
        return None


def to_json(results: Iterable[dict[str, Any]]) -> str:
    """A JSON array of results, each as `deepdect analyze --json` or `deepdect video --json` prints it."""
    return json.dumps(list(results), ensure_ascii=False, indent=1) + "\n"


def to_csv(entries: Iterable[Entry]) -> str:
    """A table with a row a face (a picture without a verdict gets one too), the columns being `COLUMNS`.

    origin: what the file says about itself, in sentences. strongest_region: by the size of its evidence, whatever it
    argues for; none of an undecided face. Figures are the JSON's. Begins with a byte order mark,
    without which spreadsheets take UTF-8 for something else.
    """
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for entry in entries:
        for row in _rows(entry):
            writer.writerow({name: _harmless(value) for name, value in row.items()})
    return "\ufeff" + table.getvalue()


def _rows(entry: Entry) -> Iterable[dict[str, Any]]:
    picture = entry.analysis.to_json()
    shared = {
        "file": picture["path"],
        "status": picture["status"],
        "message": picture["message"],
        "file_sha256": entry.sha256,
        "width": picture["width"],
        "height": picture["height"],
        "faces": len(picture["faces"]),
        "model": picture["model"]["name"],
        "model_version": picture["model"]["version"],
        "model_sha256": picture["model"]["sha256"],
        "runtime": picture["runtime"],
        "origin": " ".join(entry.origin),
    }
    if not picture["faces"]:
        yield shared
    for number, face in enumerate(picture["faces"], start=1):
        regions = {region["name"]: region["evidence"] for region in face["regions"]}
        strongest = () if face["verdict"] == "inconclusive" else regions
        yield shared | {
            "face": number,
            **{name: face[name] for name in ("verdict", "fake_probability", "logit", "bias", "detection_score")},
            **{f"box_{name}": value for name, value in face["box"].items()},
            "warnings": "; ".join(face["warnings"]),
            "strongest_region": max(strongest, key=lambda name: abs(regions[name]), default=""),
            **{f"evidence_{name}": value for name, value in regions.items()},
        }


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula is marked as text; file names come from strangers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
