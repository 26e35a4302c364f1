"""Detector: a picture in, an Analysis out. The only class a library user must know."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from deepdect import faces, images, mesh, weights
from deepdect.analysis import Analysis, FaceAnalysis, Status
from deepdect.messages import Message
from deepdect.runtime import Runtime, RuntimeName, open_runtime, wanted
from deepdect.verdict import sigmoid
from explain import gradcam, occlusion, regions

SMALL_FACE = 64  # crop pixels; training saw none smaller
TURNED = 0.6  # `mesh.turn` beyond which a head shows little of its far side
CUT_OFF = 0.1  # share of the landmarks beyond the picture's edge; hardly any face of training had more
CHUNK = 16  # pictures decoded before the network sees their faces as one batch
CHUNK_PIXELS = 64_000_000  # or fewer, where they have this many pixels together: 200 MB


@dataclass
class _Job:
    """A picture between decoding and the verdict."""

    path: str
    started: float
    photo: np.ndarray | None = None
    found: list[faces.Face] = field(default_factory=list)
    crops: list[faces.Crop] = field(default_factory=list)
    status: Status = "ok"
    message: str = ""

    @property
    def pixels(self) -> int:
        """How many the picture has, 0 where it could not be read."""
        return 0 if self.photo is None else self.photo.shape[0] * self.photo.shape[1]


class Detector:
    """Finds faces, judges and explains them. Safe to share between threads; build one and keep it.

    runtime: one of `deepdect.runtime.RUNTIMES`; by default what `DEEPDECT_RUNTIME` says, else "auto".
    models: folder with the weights. Raises weights.WeightsError, runtime.RuntimeUnavailableError or ValueError.
    """

    def __init__(self, runtime: RuntimeName | None = None, models: Path = weights.FOLDER) -> None:
        self._model = weights.load(models)
        chosen: Any = wanted(runtime)
        self._runtime = open_runtime(chosen, self._model.file, self._model.sha256)
        self.model = {"name": weights.MODEL_NAME, "version": self._model.version, "sha256": self._model.sha256}
        self.calibration = self._model.calibration
        self._noise_floor, self._no_floor = weights.noise_floor(models, self._model.sha256)
        self._familiarity = weights.familiarity(models, self._model.sha256)

    @property
    def runtime(self) -> Runtime:
        """The backbone's runtime: `detector.runtime.run(crops)` gives the features."""
        return self._runtime

    def analyze(
        self, source: images.Source, name: str | None = None, *, verify: bool = False, small_faces: bool = True
    ) -> Analysis:
        """Analyse one picture: a path, a file's bytes, a PIL image or an RGB array.

        name: what the result's `path` and messages call it (default: the path itself, or "image").
        verify: as `Detector.verify`. small_faces: as `faces.find`'s `small`; without, a live picture is analysed in
        half the time.
        A picture that cannot be read raises nothing: its Analysis says so in `status` and `message`.
        """
        analysis = self._finish([self._prepare(source, name, small_faces)])[0]
        return self.verify(analysis) if verify else analysis

    def analyze_many(self, sources: Iterable[images.Source], *, verify: bool = False) -> Iterator[Analysis]:
        """Analyse many pictures, in order, in batches; one bad file never stops the rest.

        While the network judges one batch, the next one is decoded and searched for faces. What `sources` raises is
        raised after the results of those that came before.
        """
        remaining, broken = iter(sources), list[Exception]()

        def prepare() -> tuple[list[_Job], bool]:
            """The next batch, and whether there may be more."""
            jobs, pixels = list[_Job](), 0
            try:
                for source in remaining:
                    jobs.append(self._prepare(source, None))
                    pixels += jobs[-1].pixels
                    if len(jobs) == CHUNK or pixels >= CHUNK_PIXELS:
                        return jobs, True
            except Exception as error:  # what is prepared already is not lost with it
                broken.append(error)
            return jobs, False

        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prepare") as ahead:
            # here: a thread has to set up the networks that find faces, which one batch never repays
            jobs, more = prepare()
            while jobs:
                following = ahead.submit(prepare) if more else None
                for analysis in self._finish(jobs):
                    yield self.verify(analysis) if verify else analysis
                jobs, more = following.result() if following else ([], False)
        if broken:
            raise broken[0]

    def verify(self, analysis: Analysis) -> Analysis:
        """The same analysis with its regions checked: each is hidden and the face scored again, ten crops a face.

        Fills `drop` and `verified` of every region (`explain.occlusion.verify`). Where the weights' noise floor is
        not there, `verified` stays None and the faces' warnings say why. analysis: from a detector of these weights;
        raises ValueError for another's.
        """
        if analysis.model != self.model:
            raise ValueError(
                f"{analysis.path} was analysed with weights {analysis.model['sha256'][:16]}, this detector has "
                f"{self.model['sha256'][:16]}: analyse it again"
            )
        started = time.perf_counter()
        checked = [self._verify_face(face) for face in analysis.faces]
        elapsed = analysis.elapsed_ms + (time.perf_counter() - started) * 1000
        return replace(analysis, faces=checked, elapsed_ms=elapsed)

    def _verify_face(self, face: FaceAnalysis) -> FaceAnalysis:
        found = occlusion.verify(
            face.regions, face.crop.pixels, face.labels(), face.logit, self.score, self._noise_floor
        )
        notes = list(face.warnings)
        if self._no_floor and (note := Message("not_verified", reason=self._no_floor)) not in notes:
            notes.append(note)
        return replace(face, regions=found, warnings=notes)

    def score(self, crops: np.ndarray) -> np.ndarray:
        """Calibrated logits [n] of aligned crops uint8 [n, 256, 256, 3], without faces or explanation."""
        raw = self._model.head.logit(self._runtime.run(crops))
        return np.array([self.calibration.logit(float(value)) for value in raw], np.float32)

    def _prepare(self, source: images.Source, name: str | None, small_faces: bool = True) -> _Job:
        job = _Job(name or _name(source), time.perf_counter())
        try:
            job.photo = images.load(source, name=job.path)
        except images.ImageError as error:
            job.status, job.message = error.status, error.message
            return job
        job.found = faces.find(job.photo, small=small_faces)
        job.crops = [faces.crop(job.photo, face) for face in job.found]
        if not job.found:
            height, width = job.photo.shape[:2]
            job.status = "no_face"
            name = images.printable(job.path)
            job.message = Message("no_face", name=name, width=width, height=height, smallest=faces.SMALLEST_FACE)
        return job

    def _finish(self, jobs: list[_Job]) -> list[Analysis]:
        """Verdicts and explanations of prepared pictures, all their faces as one batch."""
        crops = [crop for job in jobs for crop in job.crops]
        judged: Iterator[FaceAnalysis] = iter(())
        if crops:
            features = self._runtime.run(np.stack([crop.pixels for crop in crops]))
            found = [face for job in jobs for face in job.found]
            photos = [job.photo for job in jobs if job.photo is not None for _ in job.found]
            judged = iter(self._judge(found, crops, photos, features))
        analyses = []
        for job in jobs:
            seen = list(islice(judged, len(job.crops)))
            worst = max((face.fake_probability for face in seen), default=None)
            height, width = job.photo.shape[:2] if job.photo is not None else (None, None)
            analyses.append(
                Analysis(
                    job.path,
                    job.status,
                    job.message,
                    width,
                    height,
                    None if worst is None else self.calibration.verdict(worst),
                    worst,
                    seen,
                    self.model,
                    self._runtime.name,
                    (time.perf_counter() - job.started) * 1000,
                    job.photo,
                )
            )
        return analyses

    def _judge(
        self, found: list[faces.Face], crops: list[faces.Crop], photos: list[np.ndarray], features: np.ndarray
    ) -> list[FaceAnalysis]:
        """photos: each face's own."""
        head = self._model.head.linearize(features)
        maps = gradcam.evidence(features, head.gradient, self.calibration.temperature)
        known = self._familiarity
        strange = known.unfamiliar(features, self._runtime.name) if known else np.zeros(len(crops), bool)
        judged = []
        for face, crop, photo, raw, raw_bias, evidence, unfamiliar in zip(
            found, crops, photos, head.logit, head.bias, maps, strange, strict=True
        ):
            logit = self.calibration.logit(float(raw))
            probability = sigmoid(logit)
            landmarks = crop.to_crop(face.landmarks)
            judged.append(
                FaceAnalysis(
                    face,
                    crop,
                    self.calibration.verdict(probability),
                    probability,
                    logit,
                    self.calibration.bias(float(raw_bias)),
                    evidence,
                    regions.attribute(evidence, regions.partition(landmarks)),
                    _warnings(face, crop, photo, bool(unfamiliar)),
                )
            )
        return judged


def _name(source: images.Source) -> str:
    return os.fsdecode(source) if isinstance(source, (str, os.PathLike)) else "image"


def _warnings(face: faces.Face, crop: faces.Crop, photo: np.ndarray, unfamiliar: bool) -> list[str]:
    """What makes this face harder to judge than those the model was measured on."""
    found: list[str] = []
    if crop.native < SMALL_FACE:
        found.append(Message("small_face", pixels=round(max(face.box[2:]))))
    if abs(crop.angle) > 30:
        found.append(Message("tilted_head", degrees=round(abs(crop.angle))))
    if mesh.turn(face.landmarks) > TURNED:
        found.append(Message("turned_head"))
    if mesh.share_outside(face.landmarks, *photo.shape[:2]) > CUT_OFF:
        found.append(Message("cut_off_face"))
    if unfamiliar:
        found.append(Message("unfamiliar_face"))
    return found
