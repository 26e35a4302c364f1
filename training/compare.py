"""Which weights to ship, by Validation: `python -m training.compare DATA runs/A/best.npz runs/B/final.npz ...`.

Each file is judged as it would be served, calibrated by `training.calibrate` on the same three tiers of compression:
the AUC by source and pooled, clean and in the worst tier; the share of generated portraits that the band would call
deepfake; and how much it would decide, and how much of that rightly. `--soups` adds the mean of every two or more of
the files (`training/soup.py`).
"""

from __future__ import annotations

import tempfile
from itertools import chain, combinations
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer

from deepdect.runtime import OpenVinoRuntime
from training.breakdown import markdown
from training.calibrate import FALSE_ALARMS, RIGHT, TIERS, calibrate, degraded, raw_logits
from training.data import CropSet, load_crops
from training.inputs import command, read_network, read_weights
from training.metrics import auc, decided_rightly, per_source_auc, sigmoid
from training.soup import mean
from training.train import write_weights


def tier_logits(weights: Path, tiers: list[np.ndarray], precision: str) -> np.ndarray:
    """Raw logits [tiers, n] of crops uint8 [n, 256, 256, 3], by tier, with the weights of an `.npz`."""
    with tempfile.TemporaryDirectory() as folder:
        head = read_network(weights, Path(folder) / "graph.xml")
        backbone = OpenVinoRuntime(Path(folder) / "graph.xml", precision)
    return np.stack([raw_logits(backbone, head, pixels, weights.name) for pixels in tiers])


def judged(raw: np.ndarray, crops: CropSet) -> dict[str, float]:
    """The figures of one row, by column. raw: logits [tiers, n], the clean tier first and the worst last.

    NaN in the columns of verdicts where no threshold keeps what `training.calibrate` promises.
    """
    labels, sources = crops.labels, crops.sources
    found = per_source_auc(raw[0], labels, sources) | {"pooled": auc(raw[0], labels)}
    found["pooled, worst tier"] = auc(raw[-1], labels)
    found |= dict.fromkeys(("generated portraits caught", "decided", "right of decided", "threshold"), float("nan"))
    try:
        band = calibrate(raw, labels, sources, "compared", RIGHT, FALSE_ALARMS)
    except ValueError:  # such weights cannot be shipped, and the others are still to be compared
        return found
    probabilities = sigmoid(raw[0] / band.temperature + band.offset)
    accused = probabilities >= band.high
    generated = np.isin(sources, [s for s in np.unique(sources) if labels[sources == s].all()])
    found["generated portraits caught"] = float(accused[generated].mean()) if generated.any() else float("nan")
    found["decided"], found["right of decided"] = decided_rightly(probabilities, labels, band.low, band.high)
    found["threshold"] = band.high
    return found


def main(
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    weights: Annotated[list[Path], typer.Argument(help="Weights (.npz).")],
    soups: Annotated[bool, typer.Option("--soups", help="Also the mean of every two or more of them.")] = False,
    precision: Annotated[Literal["f32", "bf16"], typer.Option(help="bf16 where the processor has it.")] = "f32",
    cache: Annotated[Path, typer.Option(help="Where the aligned crops are kept.")] = Path("runs/crops"),
) -> None:
    """Compare weights on Validation."""
    parts = {file: read_weights(file) for file in weights}
    crops = load_crops(data, "Validation", cache, both=True)
    tiers = [degraded(crops, scale, quality) for scale, quality in TIERS]
    rows: dict[str, dict[str, float]] = {}
    sizes = range(2, len(weights) + 1) if soups else ()
    for chosen in chain(((one,) for one in weights), *(combinations(weights, size) for size in sizes)):
        name = " + ".join(str(file) for file in chosen)
        with tempfile.TemporaryDirectory() as folder:
            file = chosen[0]
            if len(chosen) > 1:
                file = Path(folder) / "soup.npz"
                write_weights(mean([parts[part] for part in chosen]), file)
            rows[name] = judged(tier_logits(file, tiers, precision), crops)
    columns = list(next(iter(rows.values())))
    print(markdown(["weights", *columns], [[name, *(f"{row[c]:.4f}" for c in columns)] for name, row in rows.items()]))


if __name__ == "__main__":
    command(main)
