"""What the internet does to a picture, and to the AUC: `python -m training.robustness DATA_FOLDER`.

Each line degrades the crops at their native size, as a platform would have before the crop was cut: JPEG, blur,
down-scaling, noise, and the two tiers of messengers (reduced, then compressed hard).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.progress import track

from deepdect import Detector
from training.augment import recompress
from training.calibrate import resized
from training.data import CropSet, load_crops
from training.inputs import InputError, check_output, chosen_runtime, command
from training.items import LABELS, Split, read_items
from training.metrics import auc, sigmoid

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
BATCH = 16
# A portrait of 1,024 pixels that a platform shows at 768 or 512 has its face reduced by as much.
FULL = 1024


def jpeg(quality: int, scale: float = 1.0) -> Change:
    """Reduced by `scale`, then compressed at `quality`."""
    return lambda small, _random: recompress(resized(small, scale), quality)


def blur(sigma: float) -> Change:
    """Gaussian blur of `sigma` native pixels."""
    return lambda small, _random: cv2.GaussianBlur(small, (0, 0), sigma)


def reduced(scale: float) -> Change:
    """Fewer pixels."""
    return lambda small, _random: resized(small, scale)


def noise(sigma: float) -> Change:
    """Gaussian noise, `sigma` in 0..1 of full scale."""

    def change(small: np.ndarray, random: np.random.Generator) -> np.ndarray:
        return np.clip(small + random.normal(0, 255 * sigma, small.shape), 0, 255).astype(np.uint8)

    return change


CHANGES: dict[str, Change] = {
    "clean": lambda small, _random: small,
    "768 px + q60": jpeg(60, 768 / FULL),
    "512 px + q40": jpeg(40, 512 / FULL),
    "JPEG 80": jpeg(80),
    "JPEG 60": jpeg(60),
    "JPEG 40": jpeg(40),
    "JPEG 20": jpeg(20),
    "blur 1": blur(1),
    "blur 2": blur(2),
    "blur 3": blur(3),
    "half size": reduced(1 / 2),
    "quarter size": reduced(1 / 4),
    "noise .01": noise(0.01),
    "noise .03": noise(0.03),
    "noise .05": noise(0.05),
}


def changed(crop: np.ndarray, native: int, change: Change, random: np.random.Generator) -> np.ndarray:
    """A crop uint8 [256, 256, 3] taken back to its `native` side, changed, and enlarged again."""
    small = cv2.resize(crop, (native, native), interpolation=cv2.INTER_AREA)
    return cv2.resize(change(small, random), crop.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def scores(detector: Detector, crops: CropSet, name: str) -> np.ndarray:
    """Calibrated logits [n] of the crops after the change of that name; the seed is fixed."""
    random = np.random.default_rng(0)
    found = []
    for start in track(range(0, len(crops.items), BATCH), description=name):
        rows = range(start, min(start + BATCH, len(crops.items)))
        batch = [changed(np.asarray(crops.pixels[i]), int(crops.native[i]), CHANGES[name], random) for i in rows]
        found.append(detector.score(np.stack(batch)))
    return np.concatenate(found)


def main(
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    split: Annotated[Split, typer.Option(help="Whose crops.")] = "Test",
    every: Annotated[int, typer.Option(min=1, help="Take every n-th crop.")] = 1,
    only: Annotated[list[str] | None, typer.Option(help="Just this change; may be repeated.")] = None,
    cache: Annotated[Path, typer.Option(help="Where the aligned crops are kept.")] = Path("runs/crops"),
    output: Annotated[Path | None, typer.Option(help="Write the figures to this JSON file.")] = None,
) -> None:
    """Print AUC (pooled without cross-data-set sources, and by source), reals accused and fakes caught per change."""
    if unknown := set(only or []) - set(CHANGES):
        raise typer.BadParameter(f"expected changes of {', '.join(CHANGES)}; received {', '.join(sorted(unknown))}")
    check_output("--output", output)
    detector = Detector(chosen_runtime(None))
    trained_on = {item.source for item in read_items(data) if item.split == "Train"}
    crops = load_crops(data, split, cache, both=True)
    crops = crops.take(np.flatnonzero(np.isin(crops.sources, list(trained_on)))[::every])
    if len(set(crops.labels)) < 2:
        raise InputError(
            f"{data}, {split}, every {every}: expected {' and '.join(LABELS)} of sources that Train has, too "
            f"({', '.join(sorted(trained_on)) or 'none'}); found {len(crops.items)} crops of one label"
        )
    labels, sources = crops.labels, crops.sources
    both = [s for s in np.unique(sources) if len(np.unique(labels[sources == s])) == 2]
    print(f"{split}, {len(crops.items)} crops, weights {detector.model['sha256'][:16]}, {detector.runtime.name}\n")
    print(f"| change | pooled AUC | {' | '.join(both)} | reals accused | fakes caught |")
    print("|---|---|" + "---|" * len(both) + "---|---|")
    figures: dict[str, dict[str, float]] = {}
    for name in only or CHANGES:
        logits = scores(detector, crops, name)
        accused = sigmoid(logits) >= detector.calibration.high
        line = {"pooled": auc(logits, labels)}
        line |= {source: auc(logits[sources == source], labels[sources == source]) for source in both}
        line["reals accused"] = float(accused[labels < 0.5].mean())
        line["fakes caught"] = float(accused[labels > 0.5].mean())
        figures[name] = {key: round(value, 5) for key, value in line.items()}
        shares = " | ".join(f"{line[key]:.1%}" for key in ("reals accused", "fakes caught"))
        print(f"| {name} | {' | '.join(f'{line[key]:.3f}' for key in ('pooled', *both))} | {shares} |", flush=True)
    if output:
        chosen = "".join(f" --only {name!r}" for name in only or ())
        command = f"python -m training.robustness DATA_FOLDER --split {split} --every {every}{chosen} --output {output}"
        document = {"command": command, "model": detector.model, "runtime": detector.runtime.name, "changes": figures}
        output.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    command(main)
