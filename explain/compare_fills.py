"""Which fill hides a patch with the least trace of its own: `python -m explain.compare_fills DATA_FOLDER`.

Random patches of real faces are hidden. A good fill moves the logit little, keeps the features near those of photos,
and leaves nothing of what it hid; a fill that kept the picture as it was would win the first two, hence the third.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import ArrayLike, NDArray

from explain.fills import FILLS
from explain.noise_floor import BATCH, random_patch
from explain.occlusion import UInt8Array, occlude

AREAS = (0.03, 0.06, 0.12, 0.3)


@dataclass(frozen=True)
class Trace:
    """One fill's traces, each a mean over the faces.

    drop: |logit before - after|. shift: the logit before minus after, with its sign; what is not 0 pushes every verdict
    the same way. moved: distance of the features to those of the same face undisturbed, as a share of the distance
    between two faces. off: distance to the nearest other undisturbed face, over that of the undisturbed face itself;
    1 is as near to photos as a photo. kept: how much of the patch's fine detail is left; 0 is hidden, 1 all of it.
    """

    drop: float
    shift: float
    moved: float
    off: float
    kept: float


def detail_kept(before: UInt8Array, after: UInt8Array, mask: NDArray[np.bool_]) -> float:
    """How much of a picture's detail is left after a change, within the mask: 0 none, 1 all; 0 where there was none.

    The slope of the regression of the differences between neighbouring pixels after, on those before.
    """
    grey = [np.asarray(picture, float).mean(axis=2) for picture in (before, after)]
    inside = mask[1:, 1:] & mask[:-1, 1:] & mask[1:, :-1]
    across, down = ([np.diff(g, axis=axis) for g in grey] for axis in (1, 0))
    first, second = (np.concatenate([across[i][1:][inside], down[i][:, 1:][inside]]) for i in (0, 1))
    detail = float((first**2).sum())
    return float((first * second).sum()) / detail if detail else 0.0


def feature_traces(undisturbed: ArrayLike, hidden: ArrayLike) -> tuple[float, float]:
    """`moved` and `off` of Trace from pooled features, both [n, c] and of the same faces in the same order; n >= 3."""
    photos, filled = np.asarray(undisturbed, float), np.asarray(hidden, float)
    between, after = _distances(photos, photos), _distances(filled, photos)
    others = ~np.eye(len(photos), dtype=bool)
    moved = np.diag(after).mean() / between[others].mean()
    nearest = [np.where(others, table, np.inf).min(axis=1) for table in (between, after)]
    return float(moved), float(nearest[1].mean() / nearest[0].mean())


def _distances(rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = (rows**2).sum(1)[:, None] + (columns**2).sum(1) - 2 * rows @ columns.T
    return np.sqrt(np.maximum(squares, 0))


def main(
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    faces: Annotated[int, typer.Option(min=3, help="How many real faces to take, spread over the sources.")] = 100,
    cache: Annotated[Path, typer.Option(help="Where the aligned crops are kept.")] = Path("runs/crops"),
    runtime: Annotated[str | None, typer.Option(help="Default: DEEPDECT_RUNTIME, or auto.")] = None,
    seed: Annotated[int, typer.Option(help="Of the choice of faces and of the patches.")] = 0,
) -> None:
    """Compare the fills on real faces of Validation."""
    from deepdect import Detector, weights
    from explain.progress import follow
    from explain.sampling import spread
    from training.data import load_crops
    from training.inputs import chosen_runtime

    detector = Detector(chosen_runtime(runtime))
    head = weights.load().head
    crops = load_crops(data, "Validation", cache)
    random = np.random.default_rng(seed)
    pictures = np.asarray(crops.pixels[spread(crops.sources, faces, random, among=crops.labels < 0.5)])

    def judge(batch: UInt8Array) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Calibrated logits and pooled features."""
        parts = [detector.runtime.run(batch[i : i + BATCH]) for i in range(0, len(batch), BATCH)]
        raw = np.concatenate([head.logit(part) for part in parts])
        pooled = np.concatenate([part.mean(axis=(1, 2)) for part in parts])
        return np.array([detector.calibration.logit(float(value)) for value in raw]), pooled

    before, photos = judge(pictures)
    print("| area | fill | \\|drop\\| | shift | moved | off | detail kept |\n|---|---|---|---|---|---|---|")
    for area in AREAS:
        masks = [random_patch(pictures.shape[1], area, random) for _ in pictures]
        for fill in follow(list(FILLS), f"{area:.0%} hidden"):
            hidden = np.stack([occlude(crop, mask, fill) for crop, mask in zip(pictures, masks, strict=True)])
            after, features = judge(hidden)
            drops = before - after
            moved, off = feature_traces(photos, features)
            kept = np.mean([detail_kept(*pair) for pair in zip(pictures, hidden, masks, strict=True)])
            trace = Trace(float(np.abs(drops).mean()), float(drops.mean()), moved, off, float(kept))
            print(f"| {area:.0%} | {fill} | " + " | ".join(f"{value:.3f}" for value in astuple(trace)) + " |")


if __name__ == "__main__":
    from training.inputs import command

    command(main)
