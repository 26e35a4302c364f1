"""Measure the noise floor of `explain.occlusion`: `python -m explain.noise_floor DATA_FOLDER`.

On real faces of Validation there is nothing to be found, so what hiding a random patch does to their logit is what
hiding does by itself. A region's drop must exceed the 90 % quantile of that for its own area: with the sign asked for
as well, about one in twenty random patches would pass for a verified region.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from explain.occlusion import FILL, Score, UInt8Array, occlude

AREAS = (0.01, 0.03, 0.06, 0.12, 0.2, 0.35)  # shares of the crop; the regions have 0.03 to 0.35
QUANTILE = 0.9
LONGEST = 2.5  # a patch is at most this much longer than wide
BATCH = 16


def random_patch(size: int, area: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """A mask [size, size] of exactly that share of a crop: an ellipse anywhere, cut off where it leaves the crop."""
    centre, turn = random.uniform(0, size, 2), random.uniform(0, np.pi)
    longer = np.sqrt(random.uniform(1, LONGEST))
    y, x = np.mgrid[:size, :size] + 0.5
    along = (x - centre[0]) * np.cos(turn) + (y - centre[1]) * np.sin(turn)
    across = (y - centre[1]) * np.cos(turn) - (x - centre[0]) * np.sin(turn)
    distance = (along / longer) ** 2 + (across * longer) ** 2
    pixels = max(1, round(area * size * size))
    nearest = np.argpartition(distance.ravel(), pixels - 1)[:pixels]
    mask = np.zeros(size * size, bool)
    mask[nearest] = True
    return mask.reshape(size, size)


def random_drops(
    crops: Iterable[UInt8Array],
    areas: tuple[float, ...],
    score: Score,
    random: np.random.Generator,
    fill: str = FILL,
) -> NDArray[np.float64]:
    """Logit before minus logit after hiding one random patch of each area in each crop, [crops, areas].

    crops: each uint8 RGB [s, s, 3]; they are scored in batches of at most BATCH, each with its hidden copies.
    """
    drops: list[NDArray[np.float64]] = []
    waiting: list[UInt8Array] = []
    width = 1 + len(areas)
    per_batch = max(1, BATCH // width)

    def settle() -> None:
        logits = np.asarray(score(np.stack(waiting)), float).reshape(-1, width)
        drops.append(logits[:, :1] - logits[:, 1:])
        waiting.clear()

    for crop in crops:
        crop = np.asarray(crop)
        waiting.append(crop)
        waiting += [occlude(crop, random_patch(len(crop), area, random), fill) for area in areas]
        if len(waiting) >= per_batch * width:
            settle()
    if waiting:
        settle()
    return np.concatenate(drops) if drops else np.empty((0, len(areas)))


def main(
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    faces: Annotated[int, typer.Option(min=10, help="How many real faces to take, spread over the sources.")] = 300,
    cache: Annotated[Path, typer.Option(help="Where the aligned crops are kept.")] = Path("runs/crops"),
    runtime: Annotated[str | None, typer.Option(help="Default: DEEPDECT_RUNTIME, or auto.")] = None,
    seed: Annotated[int, typer.Option(help="Of the choice of faces and of the patches.")] = 0,
    output: Annotated[Path | None, typer.Option(help="Where to write the table (default: beside the weights).")] = None,
) -> None:
    """Measure the noise floor of the shipped weights on real faces of Validation and write it beside them."""
    from deepdect import Detector, weights
    from explain.occlusion import NoiseFloor
    from explain.progress import follow
    from explain.sampling import spread
    from training.data import load_crops
    from training.inputs import check_output, chosen_runtime

    check_output("--output", output)
    detector = Detector(chosen_runtime(runtime))
    crops = load_crops(data, "Validation", cache)
    random = np.random.default_rng(seed)
    chosen = spread(crops.sources, faces, random, among=crops.labels < 0.5)
    pictures = (np.asarray(crops.pixels[i]) for i in follow(chosen.tolist(), "real faces"))
    drops = random_drops(pictures, AREAS, detector.score, random)
    floor = NoiseFloor(
        sha256=detector.model["sha256"],
        fill=FILL,
        quantile=QUANTILE,
        areas=AREAS,
        drops=tuple(np.quantile(np.abs(drops), QUANTILE, axis=0).tolist()),
        measured_on=f"Validation, {len(drops)} real faces, {detector.runtime.name}",
    )
    target = output or weights.FOLDER / weights.NOISE_FLOOR_FILE
    target.write_text(json.dumps(floor.to_json(), indent=2) + "\n")
    print(f"| area hidden | median drop | {QUANTILE:.0%} of drops within ± |\n|---|---|---|")
    for area, limit, median in zip(AREAS, floor.drops, np.median(drops, axis=0), strict=True):
        print(f"| {area:.0%} | {median:+.3f} | {limit:.3f} |")
    print(f"{target}: {floor.measured_on}, weights {floor.sha256[:16]}")


if __name__ == "__main__":
    from training.inputs import command

    command(main)
