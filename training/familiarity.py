"""What a familiar face is, and what the warning of an unfamiliar one is worth: `python -m training.familiarity DATA`.

Fits `deepdect.familiarity.Familiarity` on features of training crops and sets its limits so that 2 % of Validation
lie beyond each, in 8-bit integers and in float, writes it beside the weights, and prints what it does on Test: how
often faces are called unfamiliar as they are and after changes that training saw little or nothing of, and how much
worse they are judged.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import track

from deepdect import Detector, mesh, weights
from deepdect.detector import TURNED
from deepdect.familiarity import Familiarity
from deepdect.runtime import RuntimeName
from deepdect.verdict import Calibration
from training import covered
from training.breakdown import markdown
from training.data import CropSet, load_crops
from training.inputs import InputError, check_output, command
from training.items import SPLITS, read_items
from training.landmarks import load_landmarks
from training.metrics import accuracy, auc, decided_rightly, sigmoid
from training.robustness import BATCH, CHANGES, changed

AXES = 32  # 64 and 128 found fewer painted, blurred and covered faces of Validation
BEYOND = 0.02  # share of Validation beyond the limit
FITTED_ON = 1000  # training crops
SERVING: dict[str, RuntimeName] = {"int8": "openvino-int8", "float": "openvino-f32"}  # whose limits are wanted
# (crop, native side, landmarks, random) -> crop
Change = Callable[[np.ndarray, int, np.ndarray, np.random.Generator], np.ndarray]


def _degraded(name: str) -> Change:
    return lambda crop, native, _landmarks, random: changed(crop, native, CHANGES[name], random)


PICTURES: dict[str, Change] = {
    "as they are": lambda crop, _native, _landmarks, _random: crop,
    "JPEG 20": _degraded("JPEG 20"),
    "quarter size": _degraded("quarter size"),
    "blur 2": _degraded("blur 2"),
    "blur 3": _degraded("blur 3"),
    "noise .05": _degraded("noise .05"),
    "behind a mask": lambda crop, _native, landmarks, _random: covered.masked(crop, landmarks),
    "sunglasses": lambda crop, _native, landmarks, _random: covered.sunglasses(crop, landmarks),
    "painted": lambda crop, _native, landmarks, _random: covered.painted(crop, landmarks),
}


def features(detector: Detector, pictures: list[np.ndarray], words: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean features [n, 1, 1, c] and calibrated logits [n] of crops."""
    means, logits = [], []
    head = weights.load().head
    for start in track(range(0, len(pictures), BATCH), description=words):
        found = detector.runtime.run(np.stack(pictures[start : start + BATCH]))
        means.append(found.mean(axis=(1, 2), keepdims=True))
        logits += [detector.calibration.logit(float(raw)) for raw in head.logit(found)]
    return np.concatenate(means), np.array(logits)


def fit(train: np.ndarray, validation: Mapping[str, np.ndarray], sha256: str) -> Familiarity:
    """The table of training features [n, 1, 1, c], with the limits that `BEYOND` of Validation's exceed.

    validation: [n, 1, 1, c] by precision, one of `deepdect.familiarity.PRECISIONS`.
    """
    table = Familiarity.fit(train[:, 0, 0], AXES, sha256)
    limits = {name: float(np.quantile(table.distance(found), 1 - BEYOND)) for name, found in validation.items()}
    return replace(table, limits=limits)


def judged(logits: np.ndarray, labels: np.ndarray, calibration: Calibration) -> list[str]:
    """Faces, AUC, accuracy at .5, share decided and share right of those, as cells."""
    probabilities = sigmoid(logits)
    decided, right = decided_rightly(probabilities, labels, calibration.low, calibration.high)
    both = len(set(labels.tolist())) == 2
    return [
        str(len(labels)),
        f"{auc(logits, labels):.3f}" if both else "–",
        f"{accuracy(probabilities, labels):.1%}" if len(labels) else "–",
        f"{decided:.1%}" if len(labels) else "–",
        f"{right:.1%}" if decided > 0 else "–",
    ]


def _spread(count: int, wanted: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(int))


def _pictures(crops: CropSet) -> list[np.ndarray]:
    return [np.asarray(crop) for crop in crops.pixels]


@contextmanager
def _set_aside(file: Path) -> Iterator[None]:
    """Without that file meanwhile."""
    aside = file.with_name(f"{file.name}.aside")
    known = file.is_file()
    if known:
        os.replace(file, aside)
    try:
        yield
    finally:
        if known:
            os.replace(aside, file)


def main(
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    faces: Annotated[int, typer.Option(min=10, help="Test faces that are changed.")] = 240,
    cache: Annotated[Path, typer.Option(help="Where the aligned crops are kept.")] = Path("runs/crops"),
    runtime: Annotated[RuntimeName, typer.Option(help="Runtime to fit and test with.")] = "openvino-int8",
    output: Annotated[Path | None, typer.Option(help="Where to write the table (default: beside the weights).")] = None,
) -> None:
    """Fit, write and measure the warning of unfamiliar faces."""
    check_output("--output", output)
    train, validation, test = (load_crops(data, split, cache) for split in SPLITS)
    if len(train.items) <= AXES:
        raise InputError(f"{data}, Train: expected more than {AXES} faces to fit to; found {len(train.items)}")
    train = train.take(_spread(len(train.items), FITTED_ON))
    landmarks = load_landmarks(test, cache, "Test")
    target = output or weights.FOLDER / weights.FAMILIARITY_FILE
    with _set_aside(target):  # one of other weights would be refused
        detector = Detector(runtime)
        detectors = {name: Detector(serving) for name, serving in SERVING.items()}
    learned = features(detector, _pictures(train), "Train")[0]
    seen = {name: features(one, _pictures(validation), f"Validation, {name}")[0] for name, one in detectors.items()}
    table = fit(learned, seen, detector.model["sha256"])
    table.save(target)
    known = {item.source for item in read_items(data) if item.split == "Train"}
    rows = np.flatnonzero(np.isin(test.sources, list(known)))
    test, landmarks = test.take(rows), landmarks[rows]
    means, logits = features(detector, _pictures(test), "Test")
    labels, strange = test.labels, table.unfamiliar(means, detector.runtime.name)
    turned = np.array([mesh.turn(points) > TURNED for points in landmarks])
    limits = ", ".join(f"limit in {name} {limit:.3f}" for name, limit in table.limits.items())
    print(f"{target}: {detector.runtime.name}, weights {table.sha256[:16]}, {limits}\n")
    header = ("Test faces", "number", "AUC", "accuracy at .5", "decided", "right of decided")
    groups = {"familiar": ~strange, "unfamiliar": strange, "not turned": ~turned, "turned far to the side": turned}
    cells = {name: judged(logits[chosen], labels[chosen], detector.calibration) for name, chosen in groups.items()}
    print(markdown(header, [[name, *found] for name, found in cells.items()]))
    some = _spread(len(test.items), faces)
    lines = []
    for name, change in PICTURES.items():
        random = np.random.default_rng(0)
        made = [change(np.asarray(test.pixels[i]), int(test.native[i]), landmarks[i], random) for i in some]
        changed_means, changed_logits = features(detector, made, name)
        beyond = table.unfamiliar(changed_means, detector.runtime.name)
        lines.append([name, f"{beyond.mean():.1%}", *judged(changed_logits, labels[some], detector.calibration)[1:]])
    print("\n" + markdown(("changed", "unfamiliar", *header[2:]), lines))


if __name__ == "__main__":
    command(main)
