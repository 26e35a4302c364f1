"""From a run's weights to what is shipped: `python -m training.export runs/NAME/best.npz DATA_FOLDER --version 0.2.0`.

Copies the weights, quantises the int8 backbone on training crops, then fits calibration and band on Validation with the
runtime that serves. The models folder is touched only when all of that is done.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer

from deepdect import weights
from deepdect.runtime import RuntimeName, graph_file, open_runtime
from training.calibrate import FALSE_ALARMS, RIGHT, TIERS, calibrate, degraded, raw_logits
from training.data import CropSet, load_crops
from training.inputs import chosen_runtime, command, read_network

QUANTISED_ON = 300  # training crops


def stage(source: Path, folder: Path) -> str:
    """Copy the weights into `folder` with their checksum file; returns the sha256."""
    target = folder / weights.WEIGHTS_FILE
    shutil.copyfile(source, target)
    sha256 = weights.digest(target)
    (folder / weights.CHECKSUM_FILE).write_text(f"{sha256}  {weights.WEIGHTS_FILE}\n")
    return sha256


def ship(staged: Path, models: Path) -> None:
    """Move all files of `staged` into `models`.

    What was made of the weights before, calibration, int8 backbone and table of familiar faces, is removed first: a
    move that breaks off leaves a folder that `deepdect.weights.load` refuses.
    """
    models.mkdir(parents=True, exist_ok=True)
    graph = models / weights.INT8_GRAPH
    of_old = (
        weights.CHECKSUM_FILE,  # first to go and last to come
        weights.CALIBRATION_FILE,
        weights.INT8_CHECKSUM_FILE,
        weights.FAMILIARITY_FILE,
    )
    for stale in (*(models / name for name in of_old), graph, graph.with_suffix(".bin")):
        stale.unlink(missing_ok=True)
    for file in sorted(staged.iterdir(), key=lambda file: file.name == weights.CHECKSUM_FILE):
        shutil.move(file, models / file.name)


def export_int8(models: Path, sha256: str, crops: CropSet) -> None:
    """Quantise the backbone of the weights in `models` on evenly spread crops, and write its checksum file."""
    from training.quantize import quantize

    chosen = np.unique(np.linspace(0, len(crops.items) - 1, QUANTISED_ON).astype(int))
    graph = models / weights.INT8_GRAPH
    quantize(graph_file(models / weights.WEIGHTS_FILE, sha256), np.asarray(crops.pixels[chosen]), graph)
    files = (models / weights.WEIGHTS_FILE, graph, graph.with_suffix(".bin"))
    lines = [f"{weights.digest(file)}  {file.name}\n" for file in files]
    (models / weights.INT8_CHECKSUM_FILE).write_text("".join(lines))  # last: its presence says the graph is whole


def main(
    source: Annotated[Path, typer.Argument(help="Weights of a run (best.npz), or the shipped ones themselves.")],
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    version: Annotated[str, typer.Option(help="Version of these weights.")],
    models: Annotated[Path, typer.Option(help="Where to ship to.")] = weights.FOLDER,
    cache: Annotated[Path, typer.Option(help="Where the aligned crops are kept.")] = Path("runs/crops"),
    right: Annotated[float, typer.Option(help="Share of all verdicts that must be right on Validation.")] = RIGHT,
    false_alarms: Annotated[
        float, typer.Option(help="Most reals of any source that may be accused, any tier.")
    ] = FALSE_ALARMS,
    int8: Annotated[bool, typer.Option(help="Also ship an int8 backbone (takes nncf).")] = True,
    runtime: Annotated[
        RuntimeName | None, typer.Option(help="Runtime to calibrate with (default: DEEPDECT_RUNTIME, or auto).")
    ] = None,
) -> None:
    """Ship a run's weights with their int8 backbone and calibration."""
    with TemporaryDirectory(prefix="deepdect-") as checked, TemporaryDirectory(prefix="deepdect-") as folder:
        head = read_network(source, Path(checked) / "graph.xml")
        crops = load_crops(data, "Validation", cache, both=True)
        staged = Path(folder)
        sha256 = stage(source, staged)
        if int8:
            export_int8(staged, sha256, load_crops(data, "Train", cache))
        backbone = open_runtime(chosen_runtime(runtime), staged / weights.WEIGHTS_FILE, sha256)
        raw = [
            raw_logits(
                backbone,
                head,
                degraded(crops, scale, quality),
                f"Validation at scale {scale:g}, quality {quality or 'as is'}",
            )
            for scale, quality in TIERS
        ]
        fitted = calibrate(np.stack(raw), crops.labels, crops.sources, version, right, false_alarms)
        fitted.write(staged / weights.CALIBRATION_FILE)
        ship(staged, models)
    print(f"{models / weights.WEIGHTS_FILE} {sha256}, {backbone.name}\n{fitted}")


if __name__ == "__main__":
    command(main)
