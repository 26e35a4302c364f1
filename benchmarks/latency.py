"""One photo: the whole analysis, its stages, the network alone in every runtime, and what size and faces cost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks import onnx_backbone
from benchmarks.measure import Timing, interleaved, timed
from benchmarks.pictures import group, jpeg, portrait
from deepdect import Detector, faces, images, weights
from deepdect.openvino_core import usable_cpus
from deepdect.runtime import RuntimeName, RuntimeUnavailableError, open_runtime
from explain import gradcam, regions

RUNTIMES: tuple[RuntimeName, ...] = ("openvino-int8", "openvino-bf16", "openvino-f32", "tensorflow")
SIZES = (0.1, 0.25, 1.0, 4.0, 12.0, 24.0)  # megapixels
FACES = (1, 2, 5, 10, 20)


def networks(detector: Detector, with_tensorflow: bool = True) -> dict[str, Callable[[], Any]]:
    """One crop through the bare backbone, by runtime; those that this machine lacks are left out and said so."""
    crop = faces.crop(portrait(0.25), faces.find(portrait(0.25))[0]).pixels[None]
    model = weights.load()
    calls: dict[str, Callable[[], Any]] = {}
    for name in RUNTIMES:
        if name == "tensorflow" and not with_tensorflow:
            continue
        try:
            runtime = open_runtime(name, model.file, model.sha256)
        except RuntimeUnavailableError as error:
            print(error)
            continue
        calls[name] = partial(runtime.run, crop)
    try:
        with np.load(model.file, allow_pickle=False) as arrays:
            run = onnx_backbone.runner(arrays, usable_cpus())
        calls["onnxruntime"] = partial(run, crop)
    except ModuleNotFoundError as error:
        print(f"{error}: pip install -r requirements-dev.txt to compare with it")
    return calls


def side_by_side(detector: Detector, runs: int, with_tensorflow: bool = True) -> dict[str, Timing]:
    """`analyze` of a one-face JPEG of .25 and 1 megapixel beside the bare backbones, in turns."""
    calls = networks(detector, with_tensorflow)
    for megapixels in (0.25, 1.0):
        file = jpeg(portrait(megapixels))
        calls[f"analyze {megapixels:g} MP"] = partial(detector.analyze, file)
    return interleaved(calls, runs)


def stages(detector: Detector, runs: int, megapixels: float = 1.0) -> dict[str, Timing]:
    """The parts of one analysis of a one-face JPEG."""
    file = jpeg(portrait(megapixels))
    rgb = images.load(file)
    found = faces.find(rgb)
    crop = faces.crop(rgb, found[0])
    batch = crop.pixels[None]
    features = detector.runtime.run(batch)
    model = weights.load()

    def explain() -> None:
        head = model.head.linearize(features)
        maps = gradcam.evidence(features, head.gradient, model.calibration.temperature)
        regions.attribute(maps[0], regions.partition(crop.to_crop(found[0].landmarks)))

    analysis = detector.analyze(file)
    return {
        "decode": timed(lambda: images.load(file), runs),
        "find faces": timed(lambda: faces.find(rgb), runs),
        "crop": timed(lambda: faces.crop(rgb, found[0]), runs),
        "network": timed(lambda: detector.runtime.run(batch), runs),
        "head alone": timed(lambda: model.head.logit(features), runs),
        "head and explanation": timed(explain, runs),
        "JSON": timed(analysis.to_json, runs),
    }


def by_size(detector: Detector, runs: int, sizes: tuple[float, ...] = SIZES) -> dict[str, Timing]:
    """`analyze` of a one-face JPEG by megapixels."""
    files = {f"{size:g} MP": jpeg(portrait(size)) for size in sizes}
    return {name: timed(partial(detector.analyze, file), runs) for name, file in files.items()}


def by_faces(detector: Detector, runs: int, counts: tuple[int, ...] = FACES) -> dict[str, tuple[int, Timing]]:
    """`analyze` of a 2.6-megapixel scene by its number of faces, with the number that was found."""
    measured = {}
    for count in counts:
        file = jpeg(group(count))
        found = len(detector.analyze(file).faces)
        measured[f"{count} faces"] = (found, timed(partial(detector.analyze, file), runs))
    return measured


def additivity(detector: Detector) -> float:
    """|sum(evidence) + bias - logit| of the portrait: that what was timed is the real explanation."""
    face = detector.analyze(portrait(0.25)).faces[0]
    return abs(float(np.sum(face.evidence, dtype=np.float64)) + face.bias - face.logit)
