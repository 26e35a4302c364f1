"""What each change to the paper's recipe buys: `python -m training.ablation DATA --start WEIGHTS` prints the table.

Every row keeps the changes of the rows above it, sees the same number of pictures, starts from the same weights and is
measured on Test with its last averaged weights, at the size it was trained at. Short runs: they rank the changes, they
do not say how far each could get. `--without SOURCE` adds two rows with everything but that source's pictures, to be
read at that source: what generalises to a kind that training never saw, and whether pseudo-fakes help there. Rows that
are done are not run again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from deepdect import weights
from training.augment import Augmentation
from training.batches import CELL
from training.breakdown import markdown
from training.data import CropSet, load_crops
from training.forger import Forger
from training.inputs import InputError, command, read_weights
from training.items import SPLITS, Split
from training.metrics import auc, bootstrap
from training.recipe import Phase, Recipe
from training.train import EngineName, load_forger, make_engine, train

CROSS = "ffpp"  # never trained on, so left out of "pooled"
SOURCES = {
    "dfdc": 0.58, "stylegan": 0.17, "ciplab": 0.06, "openforensics": 0.08, "flux": 0.05, "sd21": 0.07, "mebeauty": 0.08,
    "utk": 0.06, "celebrity": 0.05,
}  # fmt: skip
ROBUST = Augmentation(
    move=0.4, rotation=8.0, zoom=0.1, resample=0.15, smallest=80, colour=0.4, blur=0.08, noise=0.05, compress=0.33
)


def recipes(images: int, size: int, without: list[str]) -> dict[str, Recipe]:
    """The rows by name. The paper froze all of an ImageNet backbone; here conv5 learns with the head."""
    half = Phase(max(32, size * 3 // 4 // 32 * 32), images // 2)
    paper = Recipe(
        phases=[Phase(size, images)],
        rate=8e-4,
        rates={},
        frozen=["conv1", "conv2", "conv3", "conv4"],
        warm_up=60,
        sources=SOURCES,
        augmentation=Augmentation(paper_only=True),
        validate_every=images,
        patience=99,
    )
    all_stages = replace(paper, frozen=[], rates={"conv1": 0.25, "conv2": 0.25, "conv3": 0.3, "conv4": 0.35})
    robust = replace(all_stages, augmentation=ROBUST)
    pseudo = replace(robust, pseudo_fakes=0.1)
    staged = replace(pseudo, phases=[half, Phase(size, images - half.images)])
    attentive = replace(staged, augmentation=replace(ROBUST, hide=0.12), attention=0.1)
    rows = {
        "the paper's recipe, conv1 to conv4 frozen": paper,
        "+ all stages learn": all_stages,
        "+ robust augmentation": robust,
        "+ pseudo-fakes": pseudo,
        "+ smaller pictures first": staged,
        "+ attention and hidden regions": attentive,
    }
    known = {f"without {source}": source for source in without}
    for name, source in known.items():
        left = SOURCES | {source: 0.0}
        rows[f"everything {name}"] = replace(attentive, sources=left)
        rows[f"no pseudo-fakes, {name}"] = replace(attentive, sources=left, pseudo_fakes=0.0)
    return rows


def key(name: str, recipe: Recipe, engine: str, start: str) -> str:
    """What a row's folder is called: another for another recipe, engine or start (its sha256) of the same name."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return f"{words}-{hashlib.sha256(f'{recipe!r} {engine} {start}'.encode()).hexdigest()[:8]}"


def score(logits: np.ndarray, crops: CropSet) -> dict[str, tuple[float, float, float]]:
    """AUC with its 95 % interval, by source that has both labels and pooled over all that training may see."""
    labels, sources = crops.labels, crops.sources
    groups = np.array([f"{item.source}/{item.group}" for item in crops.items])
    chosen = {str(source): sources == source for source in np.unique(sources)} | {"pooled": sources != CROSS}
    found = {}
    for name, rows in chosen.items():
        if len(set(labels[rows])) == 2:
            interval = bootstrap(auc, logits[rows], labels[rows], groups[rows])
            found[name] = (auc(logits[rows], labels[rows]), *interval)
    return found


def run(
    recipe: Recipe,
    engine_name: str,
    start: Mapping[str, np.ndarray],
    sets: Mapping[Split, CropSet],
    forger: Forger,
    output: Path,
    workers: int = 0,
    **size: object,
) -> dict[str, tuple[float, float, float]]:
    """Train one row and score it on `sets["Test"]`. start: weights by Keras name, may be none; `size` goes to the
    engine.
    """
    engine = make_engine(engine_name, recipe, **size)
    if start:
        try:
            engine.load(start)
        except ValueError as error:
            raise InputError(f"the starting weights are of another network: {error}") from error
    forger.share = recipe.pseudo_fakes
    train(sets["Train"], sets["Validation"], recipe, engine, output, forger=forger, workers=workers)
    side, test = recipe.phases[-1].size, sets["Test"]
    parts = []
    for at in range(0, len(test.items), 64):
        batch = [
            cv2.resize(np.asarray(crop), (side, side), interpolation=cv2.INTER_AREA)
            for crop in test.pixels[at : at + 64]
        ]
        parts.append(engine.logits(np.stack(batch)))
    return score(np.concatenate(parts), test)


def table(found: dict[str, dict[str, tuple[float, float, float]]]) -> str:
    """A Markdown table, a row a run."""
    sources = list(dict.fromkeys(source for figures in found.values() for source in figures))
    header = ["recipe", *(f"{source} (cross-data-set)" if source == CROSS else source for source in sources)]
    rows = []
    for name, figures in found.items():
        cells = [f"{value:.3f} ({low:.3f}–{high:.3f})" for value, low, high in (figures[source] for source in sources)]
        rows.append([name, *cells])
    return markdown(header, rows)


def main(
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    start: Annotated[Path | None, typer.Option(help="Starting weights (.npz, Keras names; may be partial).")] = None,
    engine: Annotated[EngineName, typer.Option(help="What takes the steps.")] = "torch-eager",
    images: Annotated[int, typer.Option(help="Pictures that each row sees.")] = 12000,
    size: Annotated[int, typer.Option(help="Pixels a side, a multiple of 32.")] = 128,
    without: Annotated[list[str] | None, typer.Option(help="Also a run without this source; may be repeated.")] = None,
    only: Annotated[str, typer.Option(help="Run just the rows with this in their names.")] = "",
    workers: Annotated[int, typer.Option(help="Processes that make the batches; 0: a thread (torch engines).")] = 0,
    output: Annotated[Path, typer.Option(help="Where each row's run and figures go.")] = Path("runs/ablation"),
    cache: Annotated[Path, typer.Option(help="Where the aligned crops are kept.")] = Path("runs/crops"),
) -> None:
    """Run the rows that are not done yet, and print the table after each."""
    if size % CELL or size <= 0:
        raise typer.BadParameter(f"--size: expected a multiple of {CELL}; received {size}")
    rows = {name: recipe for name, recipe in recipes(images, size, without or []).items() if only in name}
    if not rows:
        raise typer.BadParameter(f"--only: no row has {only!r} in its name")
    if engine == "keras" and any(recipe.attention for recipe in rows.values()):
        raise typer.BadParameter("--engine keras cannot run the rows with attention: choose others by --only")
    sets = {split: load_crops(data, split, cache, both=True) for split in SPLITS}
    if unknown := set(without or ()) - set(sets["Train"].sources):
        known = ", ".join(sorted(set(sets["Train"].sources)))
        raise typer.BadParameter(f"--without: Train has {known}; received {', '.join(sorted(unknown))}")
    weights_given = read_weights(start) if start else {}
    forger = load_forger(data, sets["Train"], cache, 0.0)
    begun = weights.digest(start) if start else ""
    found = {}
    for name, recipe in rows.items():
        folder = output / f"{key(name, recipe, engine, begun)}-{images}-{size}"
        done = folder / "test.json"
        if not done.is_file():
            figures = run(recipe, engine, weights_given, sets, forger, folder, workers)
            done.write_text(json.dumps(figures, indent=1))
        found[name] = {source: tuple(values) for source, values in json.loads(done.read_text()).items()}
        print(table(found), flush=True)


if __name__ == "__main__":
    command(main)
