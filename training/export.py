"""From a run's weights to what is shipped: `python -m training.export runs/first/best.npz DATA_FOLDER --version 0.1.0`.

Writes the weights and their sha256 into the models folder, then fits calibration and band on Validation with them.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import track

from deepdect import weights
from deepdect.head import Head
from deepdect.runtime import open_runtime
from training.calibrate import TIERS, calibrate, degraded
from training.data import load_crops

BATCH = 16


def export(source: Path, models: Path) -> str:
    """Copy the weights into `models` with their checksum file; returns the sha256."""
    models.mkdir(parents=True, exist_ok=True)
    target = models / weights.WEIGHTS_FILE
    shutil.copyfile(source, target)
    with target.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    (models / weights.CHECKSUM_FILE).write_text(f"{sha256}  {weights.WEIGHTS_FILE}\n")
    return sha256


def main(
    source: Annotated[Path, typer.Argument(help="Weights of a run (best.npz).")],
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    version: Annotated[str, typer.Option(help="Version of these weights.")],
    models: Annotated[Path, typer.Option(help="Where to ship to.")] = weights.FOLDER,
    cache: Annotated[Path, typer.Option(help="Where the aligned crops are kept.")] = Path("runs/crops"),
    right: Annotated[float, typer.Option(help="How often each verdict must be right on Validation.")] = 0.9,
    false_alarms: Annotated[float, typer.Option(help="Most reals of any source that may be accused.")] = 0.1,
) -> None:
    """Ship a run's weights with their calibration."""
    crops = load_crops(data, "Validation", cache)
    sha256 = export(source, models)
    target = models / weights.WEIGHTS_FILE
    with np.load(target, allow_pickle=False) as arrays:
        head = Head.from_weights(arrays)
    runtime = open_runtime("auto", target, sha256)
    raw, labels, sources = [], [], []
    for scale, quality in TIERS:
        # every third crop speaks for a compressed tier: the fit has two parameters, and a pass over all takes minutes
        tier = crops if (scale, quality) == (1.0, None) else crops.take(np.arange(0, len(crops.items), 3))
        pixels = degraded(tier, scale, quality)
        starts = range(0, len(pixels), BATCH)
        description = f"Validation at scale {scale:g}, quality {quality or 'as is'}"
        raw += [
            head.logit(runtime.run(np.array(pixels[i : i + BATCH]))) for i in track(starts, description=description)
        ]
        labels.append(tier.labels)
        sources.append(tier.sources)
    fitted = calibrate(
        np.concatenate(raw), np.concatenate(labels), np.concatenate(sources), version, right, false_alarms
    )
    fitted.write(models / weights.CALIBRATION_FILE)
    print(f"{target} {sha256}\n{fitted}")


if __name__ == "__main__":
    typer.run(main)
