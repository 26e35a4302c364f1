"""Which pictures of a split Train shows, too, and what that is worth: `python -m training.overlap DATA_FOLDER`.

Groups never cross a split, but publishers share photographs: a portrait of one collection is the original of another
one's composite. Crops are compared as 32 x 32 thumbnails, mirrored, too, by the correlation of their pixels; what is
found is counted by source, and the figures are given with and without it. Among frames of videos, whose people,
rooms and cameras recur, such a likeness says less.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from deepdect import Detector
from deepdect.runtime import RuntimeName
from training.breakdown import markdown
from training.data import CropSet, load_crops
from training.evaluate import score
from training.inputs import chosen_runtime, command
from training.metrics import accuracy, auc, sigmoid

SIDE = 32
ALIKE = 0.95  # correlation from which two crops show one photograph, or nearly


def thumbnails(crops: CropSet) -> np.ndarray:
    """The crops reduced, uint8 [n, SIDE, SIDE, 3]."""
    return np.stack([cv2.resize(np.asarray(crop), (SIDE, SIDE), interpolation=cv2.INTER_AREA) for crop in crops.pixels])


def likeness(some: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How like each of `some` thumbnails uint8 [n, s, s, 3] its nearest of `others` [m, s, s, 3] is, and which that is.

    Returns the correlation of their pixels, -1..1 [n], the greater of the other's as it is and mirrored, and the
    other's position [n].
    """
    mine = _standardised(some)
    found = np.maximum(mine @ _standardised(others).T, mine @ _standardised(others[:, :, ::-1]).T)
    return found.max(axis=1), found.argmax(axis=1)


def _standardised(pictures: np.ndarray) -> np.ndarray:
    """Rows of mean 0 and length 1, float32 [n, pixels]; a picture of one colour is all 0."""
    rows = pictures.reshape(len(pictures), -1).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def row(name: str, logits: np.ndarray, labels: np.ndarray, known: np.ndarray) -> list[str]:
    """A line of the table from calibrated logits, labels and whether Train shows the crop, each [n]."""

    def figures(chosen: np.ndarray) -> tuple[str, str]:
        area = auc(logits[chosen], labels[chosen])
        right = f"{accuracy(sigmoid(logits[chosen]), labels[chosen]):.1%}" if chosen.any() else "–"
        return "–" if np.isnan(area) else f"{area:.3f}", right

    (area, right), (area_new, right_new) = figures(np.ones(len(known), bool)), figures(~known)
    return [name, str(len(known)), str(int(known.sum())), area, area_new, right, right_new]


def main(
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    alike: Annotated[float, typer.Option(min=0, max=1, help="Correlation from which it is the same.")] = ALIKE,
    pairs: Annotated[bool, typer.Option("--pairs", help="Name the pictures, too.")] = False,
    cache: Annotated[Path, typer.Option(help="Where the aligned crops are kept.")] = Path("runs/crops"),
    runtime: Annotated[RuntimeName | None, typer.Option(help="Default: DEEPDECT_RUNTIME, or auto.")] = None,
) -> None:
    """Print the shipped weights' figures on Test with and without the pictures that Train shows, too."""
    detector = Detector(chosen_runtime(runtime))
    train = load_crops(data, "Train", cache)
    scored = score(detector, data, cache, "Test")
    found, nearest = likeness(thumbnails(scored.crops), thumbnails(train))
    known, labels, sources = found >= alike, scored.crops.labels, scored.crops.sources
    chosen = {str(name): sources == name for name in np.unique(sources)} | {"pooled": scored.seen}
    header = ("source", "crops", f"in Train (correlation ≥ {alike:g})", "AUC", "without", "accuracy at .5", "without")
    print(f"Test, weights {detector.model['sha256'][:16]}, {detector.runtime.name}\n")
    print(markdown(header, [row(name, scored.logits[c], labels[c], known[c]) for name, c in chosen.items() if c.any()]))
    for i in np.flatnonzero(known) if pairs else ():
        print(f"{found[i]:.3f} {scored.crops.items[i].path} {train.items[nearest[i]].path}")


if __name__ == "__main__":
    command(main)
