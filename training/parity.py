"""How much the precisions differ: `python -m training.parity DATA_FOLDER` prints one line a runtime, against f32."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import track

from deepdect import weights
from deepdect.runtime import RuntimeName, RuntimeUnavailableError, open_runtime
from deepdect.verdict import Calibration
from explain import gradcam
from training.data import CropSet, load_crops
from training.inputs import command
from training.items import Split
from training.metrics import accuracy, auc, sigmoid

BATCH = 16
REFERENCE: RuntimeName = "openvino-f32"
OTHERS: tuple[RuntimeName, ...] = ("openvino-int8", "openvino-bf16")


@dataclass(frozen=True)
class Parity:
    """One runtime against the reference on the same crops.

    mean_gap, max_gap: of |difference in probability|. agreement: share of equal verdicts. maps: median over crops of
    the correlation between the two evidence maps.
    """

    auc: float
    accuracy: float
    mean_gap: float
    max_gap: float
    agreement: float
    maps: float


def compare(
    logits: np.ndarray,
    maps: np.ndarray,
    reference_logits: np.ndarray,
    reference_maps: np.ndarray,
    labels: np.ndarray,
    calibration: Calibration,
) -> Parity:
    """From calibrated logits [n] and evidence maps [n, h, w] of the two, and labels [n]."""
    probabilities, reference = (sigmoid(x) for x in (logits, reference_logits))
    gaps = np.abs(probabilities - reference)
    same = [calibration.verdict(p) == calibration.verdict(q) for p, q in zip(probabilities, reference, strict=True)]
    pairs = zip(maps.reshape(len(maps), -1), reference_maps.reshape(len(maps), -1), strict=True)
    correlations = [float(np.corrcoef(one, other)[0, 1]) for one, other in pairs]
    return Parity(
        auc(logits, labels),
        accuracy(probabilities, labels),
        float(gaps.mean()),
        float(gaps.max()),
        float(np.mean(same)),
        float(np.median(correlations)),
    )


def _run(name: RuntimeName, model: weights.Model, crops: CropSet) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated logits [n] and evidence maps [n, 8, 8] of all crops."""
    runtime = open_runtime(name, model.file, model.sha256)
    logits, maps = [], []
    for start in track(range(0, len(crops.items), BATCH), description=name):
        features = runtime.run(np.array(crops.pixels[start : start + BATCH]))
        head = model.head.linearize(features)
        logits.append(np.array([model.calibration.logit(float(raw)) for raw in head.logit]))
        maps.append(gradcam.evidence(features, head.gradient, model.calibration.temperature))
    return np.concatenate(logits), np.concatenate(maps)


def main(
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    split: Annotated[Split, typer.Option(help="Whose crops.")] = "Test",
    cache: Annotated[Path, typer.Option(help="Where the aligned crops are kept.")] = Path("runs/crops"),
) -> None:
    """Print the table of all precisions that this machine can run."""
    model = weights.load()
    crops = load_crops(data, split, cache, both=True)
    reference = _run(REFERENCE, model, crops)
    lines = [(REFERENCE, compare(*reference, *reference, crops.labels, model.calibration))]
    for name in OTHERS:
        try:
            lines.append((name, compare(*_run(name, model, crops), *reference, crops.labels, model.calibration)))
        except RuntimeUnavailableError as error:
            print(error)
    print(f"{split}, {len(crops.items)} crops, weights {model.sha256[:16]}\n")
    print("| runtime | AUC | accuracy at .5 | mean, max difference in probability | same verdict | maps' correlation |")
    print("|---|---|---|---|---|---|")
    for name, line in lines:
        print(
            f"| {name} | {line.auc:.4f} | {line.accuracy:.1%} | {line.mean_gap:.4f}, {line.max_gap:.3f} "
            f"| {line.agreement:.1%} | {line.maps:.3f} |"
        )


if __name__ == "__main__":
    command(main)
