"""What became of a picture and of each of its faces, and how that is drawn and written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from deepdect import faces
from deepdect.verdict import Verdict
from explain import annotate, chart, overlay, reasons, regions

Status = Literal["ok", "no_face", "unreadable", "unsupported", "too_large"]


@dataclass(frozen=True)
class FaceAnalysis:
    """One face's verdict and its evidence, in calibrated logits.

    evidence: float32 [8, 8] over the crop, positive where it argues for deepfake; sum(evidence) + bias == logit.
    regions: the evidence by facial region, same total. crop: where the crop lies on the photo, and its pixels.
    """

    face: faces.Face
    crop: faces.Crop
    verdict: Verdict
    fake_probability: float
    logit: float
    bias: float
    evidence: np.ndarray
    regions: list[regions.RegionEvidence]
    warnings: list[str]

    @property
    def placement(self) -> overlay.CropPlacement:
        """Where the evidence lies on the photo."""
        return overlay.CropPlacement(self.crop.x, self.crop.y, self.crop.size, self.crop.angle)

    @property
    def checked(self) -> bool:
        """Whether its regions have been hidden in turn (`Detector.verify`)."""
        return any(region.drop is not None for region in self.regions)

    def labels(self, size: int = faces.CROP) -> np.ndarray:
        """The region of every pixel of the crop, uint8 [size, size] of indices into `explain.regions.REGIONS`."""
        landmarks = self.crop.to_crop(self.face.landmarks)
        return regions.partition((landmarks + 0.5) * (size / faces.CROP) - 0.5, size)

    @property
    def reason(self) -> reasons.Reason:
        """What the verdict rests on, for `explain.reasons.sentence` to put into words."""
        return reasons.find(self.verdict, self.logit, self.regions)

    def to_json(self) -> dict[str, Any]:
        """One entry of the JSON's `faces`."""
        x, y, width, height = self.face.box
        return {
            "box": {"x": round(x), "y": round(y), "width": round(width), "height": round(height)},
            "detection_score": round(self.face.score, 4),
            "verdict": self.verdict,
            "fake_probability": round(self.fake_probability, 6),
            "logit": round(self.logit, 5),
            "bias": round(self.bias, 5),
            "crop": self.crop.to_json(),
            "evidence": [[round(float(value), 6) for value in row] for row in self.evidence],
            "regions": [
                {
                    "name": region.name,
                    "evidence": round(region.evidence, 5),
                    "share": round(region.share, 4),
                    "drop": None if region.drop is None else round(region.drop, 5),
                    "verified": region.verified,
                }
                for region in self.regions
            ],
            "warnings": self.warnings,
        }


@dataclass(frozen=True)
class Analysis:
    """What became of one picture; `status` other than "ok" comes with a message and without a verdict.

    A picture is as fake as its most suspicious face. faces: largest first.
    """

    path: str
    status: Status
    message: str
    width: int | None
    height: int | None
    verdict: Verdict | None
    fake_probability: float | None
    faces: list[FaceAnalysis]
    model: dict[str, str]
    runtime: str
    elapsed_ms: float
    photo: np.ndarray | None = field(default=None, repr=False)

    @property
    def most_suspicious(self) -> int:
        """The index of the face that decides the verdict. Raises ValueError where there is no face."""
        return int(np.argmax([face.fake_probability for face in self.faces]))

    def overlay(self, *, outlines: bool = False) -> np.ndarray:
        """The photo, uint8 RGB, with every face's evidence map over it. outlines: draw the regions' borders, too.

        Raises ValueError where nothing was decoded.
        """
        if self.photo is None:
            raise ValueError(f"{self.path} has no picture to draw on: {self.message}")
        items = [(face.evidence, face.placement) for face in self.faces]
        picture = overlay.overlay_photo(self.photo, items, outline=True)
        for face in self.faces if outlines else ():
            # as fine as the photo shows it; beyond a thousand pixels no line gets any smoother
            size = int(np.clip(face.crop.size, faces.CROP // 2, 1024))
            annotate.draw_regions(picture, face.labels(size), face.placement)
        return picture

    def evidence_sheet(self) -> np.ndarray:
        """uint8 RGB: the overlay with the regions' outlines, and beside it each face's evidence as a bar chart.

        Raises ValueError where nothing was decoded.
        """
        charts = [
            chart.Bars(face.regions, face.bias, face.logit, chart.title(number, face.verdict, face.fake_probability))
            for number, face in enumerate(self.faces, start=1)
        ]
        picture = self.overlay(outlines=True)
        for number, face in enumerate(self.faces, start=1):
            if len(self.faces) > 1:
                annotate.draw_number(picture, number, face.placement)
        return chart.sheet(picture, charts)

    def to_json(self) -> dict[str, Any]:
        """The JSON contract of one image, as a dictionary of plain Python values."""
        return {
            "path": self.path,
            "status": self.status,
            "message": self.message,
            "width": self.width,
            "height": self.height,
            "verdict": self.verdict,
            "fake_probability": None if self.fake_probability is None else round(self.fake_probability, 6),
            "faces": [face.to_json() for face in self.faces],
            "model": self.model,
            "runtime": self.runtime,
            "elapsed_ms": round(self.elapsed_ms, 1),
        }
