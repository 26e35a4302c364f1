"""What the maps are measured on: the detector's parts, Test's crops, and forgeries of known place made of them.

Imports TensorFlow when a `Bench` is made, for the gradients and the randomised networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepdect import Detector, network, weights
from deepdect.runtime import RuntimeName
from explain import gradcam, occlusion, regions
from explain.baselines import Case, Gradients
from explain.progress import follow
from explain.sampling import spread
from explain.trials import Features, cases, explainers
from training.data import CropSet, load_crops
from training.landmarks import load_landmarks
from training.pseudo_fakes import TRANSPLANTED, Forgery, region_swap, self_blended

OUTSIDE = regions.REGIONS.index("outside_face")
SEAMS, SWAPS = "self-blended faces (the seam)", "region swaps (the region)"  # what is forged, and the mask to point at


@dataclass(frozen=True, eq=False)
class Made:
    """A forgery of known place: its case, the mask to point at, the face, its landmarks, group and swapped region."""

    case: Case
    mask: NDArray[np.float32]
    face: NDArray[np.bool_]
    landmarks: NDArray[np.float32]
    group: str
    region: str


class Bench:
    """The detector's parts, and Test's crops with their landmarks."""

    def __init__(self, data: Path, cache: Path, runtime: RuntimeName, seed: int) -> None:
        self.detector = Detector(runtime)
        self.calibration = self.detector.calibration
        self.head = weights.load().head
        self.floor, self.no_floor = weights.noise_floor(weights.FOLDER, self.detector.model["sha256"])
        self.features: Features = self.detector.runtime.run
        self.model = network.build()
        network.load_weights(self.model, weights.load().file)
        self.maps = explainers(self.detector.score, keras_gradients(self.model), seed)
        self.crops: CropSet = load_crops(data, "Test", cache, both=True)
        self.landmarks = load_landmarks(self.crops, cache, "Test")
        self.groups = np.array([item.group for item in self.crops.items])
        self.random = np.random.default_rng(seed)

    def cases(self, pixels: ArrayLike, signs: ArrayLike | None = None) -> list[Case]:
        return cases(np.asarray(pixels), self.features, self.head, signs)

    def logits(self, found: Sequence[Case]) -> NDArray[np.float64]:
        """Calibrated logits [n]."""
        raw = [float(self.head.logit(case.features[None])[0]) for case in found]
        return np.array([self.calibration.logit(value) for value in raw])

    def regions(self, case: Case, landmarks: ArrayLike, logit: float) -> list[regions.RegionEvidence]:
        """The face's regions, verified."""
        cells = gradcam.evidence(case.features[None], case.gradient[None], self.calibration.temperature)[0]
        labels = regions.partition(landmarks)
        found = regions.attribute(cells, labels)
        return occlusion.verify(found, case.crop, labels, logit, self.detector.score, self.floor)


def keras_gradients(model: Any) -> Gradients:
    """d raw logit / d crops of the Keras network, by TensorFlow."""
    import tensorflow as tf

    @tf.function(reduce_retracing=True)
    def gradients(crops: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(crops)
            logits = model(crops, training=False)
        return tape.gradient(logits, crops)

    return lambda crops: np.asarray(gradients(tf.constant(crops, tf.float32)), np.float32)


def forge(bench: Bench, count: int) -> dict[str, list[Made]]:
    """Self-blended faces and region swaps, at most `count` of each, made of real Test faces."""
    pixels, marks, random = bench.crops.pixels, bench.landmarks, bench.random
    # shuffled: the first few of them, too, are to be of all sources
    reals = random.permutation(spread(bench.crops.sources, count, random, among=bench.crops.labels < 0.5))
    blended: list[tuple[int, str, Forgery]] = []
    swaps: list[tuple[int, str, Forgery]] = []
    for turn, (i, j) in enumerate(follow(_pairs(reals, bench.crops.sources, random), "forgeries")):
        crop, donor = np.asarray(pixels[i]), np.asarray(pixels[j])
        blended.append((i, "", self_blended(crop, marks[i], random)))
        region = TRANSPLANTED[turn % len(TRANSPLANTED)]
        if (regions.partition(marks[i]) == regions.REGIONS.index(region)).any():  # a profile may hide it
            swaps.append((i, region, region_swap(crop, marks[i], donor, marks[j], region, random)))
    return {
        SEAMS: _made(bench, blended, [forgery.boundary for _, _, forgery in blended]),
        SWAPS: _made(bench, swaps, [forgery.mask for _, _, forgery in swaps]),
    }


def _made(bench: Bench, forged: Sequence[tuple[int, str, Forgery]], masks: Sequence[ArrayLike]) -> list[Made]:
    """Those whose mask meets the face; one that misses it leaves no place to point at."""
    found = bench.cases(np.stack([forgery.pixels for _, _, forgery in forged]), np.ones(len(forged), int))
    made = []
    for case, mask, (i, region, _) in zip(found, masks, forged, strict=True):
        face = regions.partition(bench.landmarks[i]) != OUTSIDE
        if (np.asarray(mask) * face).max() > 0:
            one = Made(case, np.asarray(mask, np.float32), face, bench.landmarks[i], bench.groups[i], region)
            made.append(one)
    return made


def _pairs(reals: NDArray[np.int64], sources: ArrayLike, random: np.random.Generator) -> list[tuple[int, int]]:
    """Each real face with another one, of its own source where there is one."""
    names = np.asarray(sources)[reals]
    pairs = []
    for own, name in zip(reals, names, strict=True):
        same = reals[(names == name) & (reals != own)]
        pairs.append((int(own), int(random.choice(same if len(same) else reals[reals != own]))))
    return pairs
