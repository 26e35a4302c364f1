"""Train the network: `python -m training.train DATA_FOLDER --recipe training/recipes/NAME.yaml --output runs/NAME`.

Coarse to fine: each phase has its own picture size and number of images. The best averaged weights on Validation (mean
AUC of the sources that have both labels, and pooled) are kept; a stopped run goes on from its last checkpoint when
started again.
"""

from __future__ import annotations

import csv
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import cv2
import numpy as np
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deepdect.weights import digest
from training import data_parallel
from training.batches import Batch, Sampler, make_batch, prefetched
from training.data import CropSet, load_crops, load_twins
from training.event_log import EventLog
from training.forger import Forger
from training.inputs import InputError, command, read_weights
from training.landmarks import load_landmarks
from training.metrics import auc, per_source_auc
from training.recipe import Recipe, learning_rate, phase_at, starts

EngineName = Literal["torch", "torch-bf16", "torch-eager", "torch-cuda", "keras"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)


def make_engine(name: str, recipe: Recipe, **size: Any) -> Any:
    """The training step: `torch` (compiled), `torch-bf16` (fastest, on processors that have bfloat16), `torch-eager`,
    `torch-cuda` (a GPU, in bfloat16) or `keras` (any Keras backend).

    Raises InputError for another name, and where the recipe asks the Keras engine for what only torch's have, or the
    machine lacks what the engine needs.
    """
    if name not in ENGINES:
        raise InputError(f"engine must be one of {', '.join(ENGINES)}; received {name!r}")
    size = {"seed": recipe.seed, **size}
    if name.startswith("torch"):
        from training.torch_engine import TorchEngine

        # compiling takes a minute or two a size, and gains nothing in bfloat16
        kind: dict[str, Any] = {
            "compiled": name == "torch",
            "mixed": name in ("torch-bf16", "torch-cuda"),
            "device": "cuda" if name == "torch-cuda" else "cpu",
            "attention": recipe.attention,
            "sam": recipe.sam,
            "drop_path": recipe.drop_path,
        }
        try:
            return TorchEngine(tuple(recipe.frozen), recipe.rates, recipe.weight_decay, **kind, **size)
        except RuntimeError as error:  # no bfloat16, no GPU
            raise InputError(f"engine {name}: {error}") from error
    asked = {name: value for name in ("attention", "sam", "drop_path") if (value := getattr(recipe, name))}
    if asked:
        words = ", ".join(f"{name} ({value})" for name, value in asked.items())
        raise InputError(f"engine {name}: the recipe asks for {words}, which the torch engines alone have")
    from training.keras_engine import KerasEngine

    return KerasEngine(tuple(recipe.frozen), recipe.rates, recipe.weight_decay, **size)


def batches(
    crops: CropSet, recipe: Recipe, start: int, forger: Forger | None = None, workers: int = 0
) -> Iterator[Batch]:
    """The run's batches from the `start`-th image on; each has its own seed, so a resumed run sees the same ones.

    workers: processes that make them ahead (with PyTorch's loader); 0 makes them here, one at a time.
    """
    sampler = Sampler(crops.items, recipe.sources)

    def make(seen: int) -> Batch:
        phase, random = phase_at(recipe, seen), np.random.default_rng([recipe.seed, seen])
        assert phase is not None  # starts end with the last phase
        return make_batch(
            crops, sampler.draw(phase.batch, random), phase.size, recipe.augmentation, random, forger, recipe.mix
        )

    if workers:
        from training.torch_loader import loaded

        return loaded(make, list(starts(recipe, start)), workers)
    return map(make, starts(recipe, start))


def validate(engine: Any, crops: CropSet, count: int, size: int) -> dict[str, float]:
    """AUC by source and pooled, on `count` evenly spaced crops scaled to `size`."""
    chosen = np.unique(np.linspace(0, len(crops.items) - 1, min(count, len(crops.items))).astype(int))
    scaled = [cv2.resize(np.asarray(crops.pixels[i]), (size, size), interpolation=cv2.INTER_AREA) for i in chosen]
    logits, labels = engine.logits(np.stack(scaled)), crops.labels[chosen]
    return per_source_auc(logits, labels, crops.sources[chosen]) | {"pooled": auc(logits, labels)}


def train(
    train_crops: CropSet,
    validation: CropSet,
    recipe: Recipe,
    engine: Any,
    output: Path,
    minutes: float | None = None,
    forger: Forger | None = None,
    events: EventLog | None = None,
    workers: int = 0,
    by_time: bool = False,
    start: str = "",
) -> dict[str, float]:
    """Run the recipe; writes `best.npz`, `final.npz` (averaged weights at the best validation, and now), `last.npz`
    (checkpoint) and `log.csv` into `output`.

    minutes: stop after this long, checkpointed. forger: of the training crops, needed where the recipe asks for
    pseudo-fakes (ValueError where it is missing). events: gets what goes into `log.csv`, too. workers: of `batches`.
    by_time: the learning rate falls over `minutes`, all runs from the first to the last resumed one taken together,
    instead of over the recipe's images. start: what the starting weights are called, for the next paragraph's sake.

    A checkpoint in `output` is gone on from; InputError where it is of another recipe, other starting weights, another
    kind of engine or other pictures. Returns the last Validation AUCs by source, none where nothing was left to do.
    """
    if recipe.pseudo_fakes and forger is None:
        raise ValueError(f"the recipe asks for {recipe.pseudo_fakes:.0%} pseudo-fakes: pass a forger")
    if forger:
        forger.leave_out(recipe.left_out)
    if by_time and not minutes:
        raise ValueError("a schedule by time needs the minutes it is spread over")
    output.mkdir(parents=True, exist_ok=True)
    checkpoint, log = output / "last.npz", output / "log.csv"
    seen, best, stale, before = 0, -1.0, 0, 0.0
    run = identity(recipe, engine, start, train_crops, validation)
    if checkpoint.is_file():
        state = read_weights(checkpoint)
        other = [name for name, value in run.items() if str(state.pop(f"run/{name}", value)) != value]
        if other:
            words = ", another ".join(other)
            raise InputError(f"{checkpoint} is of a run with another {words}: give this one an --output of its own")
        seen, best, stale = int(state.pop("seen")), float(state.pop("best")), int(state.pop("stale"))
        before = float(state.pop("seconds", 0.0))
        engine.load_state(state)
    else:
        log.write_text("images,size,loss,rate,images_per_second,auc,aucs\n")
    mark, losses, aucs = (time.monotonic(), seen), [], {}
    began = time.monotonic() - before  # as if this run and those it goes on from were one
    stop_after = None if minutes is None else 60 * minutes + (0 if by_time else before)
    total = sum(phase.images for phase in recipe.phases)
    if seen >= total or stale >= recipe.patience or (by_time and minutes and before >= 60 * minutes):
        print(f"{checkpoint}: this run has ended, after {seen} images")
        return {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        bar = progress.add_task("training", total=total, completed=seen)
        made = batches(train_crops, recipe, seen, forger, workers)
        for pixels, labels, places in made if workers else prefetched(made):
            done = (time.monotonic() - began) / (60 * minutes) if by_time and minutes else None
            rate = learning_rate(recipe, seen, len(labels), done)
            losses.append(engine.step(pixels, labels, rate, places))
            previous, seen = seen, seen + len(labels)
            progress.update(bar, completed=seen, description=f"{pixels.shape[1]} px, loss {np.mean(losses[-50:]):.3f}")
            out_of_time = stop_after is not None and time.monotonic() - began > stop_after
            size_changes = (phase := phase_at(recipe, seen)) is None or phase.size != pixels.shape[1]
            if not (seen // recipe.validate_every > previous // recipe.validate_every or out_of_time or size_changes):
                continue
            speed = (seen - mark[1]) / (time.monotonic() - mark[0])
            aucs = validate(engine, validation, recipe.validate_on, pixels.shape[1])
            mean, loss = float(np.mean(list(aucs.values()))), float(np.mean(losses))
            detail = " ".join(f"{source}={value:.3f}" for source, value in aucs.items())
            with log.open("a", newline="") as stream:
                row = [seen, pixels.shape[1], f"{loss:.4f}", f"{rate:.2e}", f"{speed:.2f}", f"{mean:.4f}", detail]
                csv.writer(stream).writerow(row)
            if events:
                figures = {"loss": loss, "rate": rate, "images a second": speed, "AUC/mean": mean}
                events.add(seen, figures | {f"AUC/{source}": value for source, value in aucs.items()})
            progress.console.print(f"{seen} images, {speed:.1f}/s, loss {loss:.4f}, AUC {mean:.4f}: {detail}")
            # AUC at a coarser size cannot be compared: each size starts its own contest, the last one ships
            stale = 0 if mean > best else stale + 1
            if mean > best:
                best = mean
                write_weights(engine.averaged_weights(), output / "best.npz")
            if size_changes and phase is not None:
                best, stale = -1.0, 0
            counters = {"seen": seen, "best": best, "stale": stale, "seconds": time.monotonic() - began}
            kept = counters | {f"run/{name}": value for name, value in run.items()}
            save(checkpoint, engine.state() | {name: np.array(value) for name, value in kept.items()})
            write_weights(engine.averaged_weights(), output / "final.npz")
            mark, losses = (time.monotonic(), seen), []
            if out_of_time or stale >= recipe.patience:
                break
    return aucs


def identity(recipe: Recipe, engine: Any, start: str, train_crops: CropSet, validation: CropSet) -> dict[str, str]:
    """What must be the same for a run to be gone on with, each as a short digest."""
    pictures = [item.path for crops in (train_crops, validation) for item in crops.items]
    parts = {"recipe": recipe, "kind of engine": type(engine).__name__, "start": start, "choice of pictures": pictures}
    return {name: hashlib.sha256(repr(part).encode()).hexdigest()[:16] for name, part in parts.items()}


def load_forger(data: Path, crops: CropSet, cache: Path, share: float) -> Forger:
    """The forger of Train's crops, its landmarks and originals from the cache or else made now."""
    return Forger(crops, load_landmarks(crops, cache, "Train"), share, load_twins(data, crops, cache, "Train"))


def write_weights(weights: dict[str, np.ndarray], path: Path) -> None:
    """Weights as `.npz`, replaced in one step: kernels in half precision, biases and batch-norm vectors in single.

    conv1 sees 0..255 inputs, so its variances exceed what half precision can hold.
    """
    save(path, {name: value.astype(np.float16 if value.ndim > 1 else np.float32) for name, value in weights.items()})


def save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """`np.savez` that leaves the old file whole until the new one is."""
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for its own flags
    os.replace(partial, path)


def main(
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    recipe: Annotated[Path, typer.Option(help="YAML recipe.")] = Path("training/recipes/coarse-to-fine.yaml"),
    output: Annotated[Path, typer.Option(help="Where checkpoints, best weights and the log go.")] = Path("runs/first"),
    start: Annotated[Path | None, typer.Option(help="Starting weights (.npz, Keras names; may be partial).")] = None,
    imagenet: Annotated[bool, typer.Option(help="Start from Keras' ImageNet weights (downloads them).")] = False,
    engine: Annotated[EngineName, typer.Option(help="What takes the steps.")] = "keras",
    cache: Annotated[Path, typer.Option(help="Where the aligned crops are kept.")] = Path("runs/crops"),
    minutes: Annotated[float | None, typer.Option(help="Stop after this long; start again to go on.")] = None,
    by_time: Annotated[
        bool, typer.Option("--by-time", help="Spread the schedule over --minutes, not over the recipe's images.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Processes that make the batches; 0: a thread (torch engines).")] = 0,
    tensorboard: Annotated[bool, typer.Option(help="Also log for TensorBoard, into the output folder.")] = False,
    parallel: Annotated[
        bool, typer.Option("--data-parallel", help="Share each batch among all devices (engine keras on JAX).")
    ] = False,
) -> None:
    """Train from a recipe; run the same command again to resume."""
    plan = Recipe.read(recipe)
    if workers and not engine.startswith("torch"):
        raise typer.BadParameter(f"--workers needs a torch engine; received --workers {workers} --engine {engine}")
    if parallel:
        if engine != "keras":
            raise typer.BadParameter(f"--data-parallel needs --engine keras; received {engine}")
        try:
            print(f"each batch is shared by {data_parallel.over_all_devices()} devices")
        except RuntimeError as error:
            raise InputError(f"--data-parallel: {error}") from error
    if by_time and not minutes:
        raise typer.BadParameter("--by-time needs the --minutes that the schedule is spread over")
    crops, validation = (load_crops(data, split, cache, both=True) for split in ("Train", "Validation"))
    maker = make_engine(engine, plan)
    if imagenet:
        from deepdect import network

        model = network.build(None)
        network.load_imagenet(model)
        maker.load(network.weights(model))
    if start:
        try:
            missing = maker.load(read_weights(start))
        except ValueError as error:
            raise InputError(f"--start {start}: {error}") from error
        print(f"{start}: {len(missing)} weights not in it start random" + (f", first {missing[0]}" if missing else ""))
    begun = digest(start) if start else "imagenet" if imagenet else ""
    needed = plan.pseudo_fakes or plan.attention or plan.augmentation.hide
    forger = load_forger(data, crops, cache, plan.pseudo_fakes) if needed else None
    events = EventLog(output / "events") if tensorboard else None
    train(crops, validation, plan, maker, output, minutes, forger, events, workers, by_time, begun)


if __name__ == "__main__":
    command(main)
