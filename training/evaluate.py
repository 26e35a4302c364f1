"""Measure the shipped weights: `python -m training.evaluate DATA_FOLDER` prints the Test table.

Figures are per source, and pooled over the sources that training also saw; a source found in Test alone is a
cross-data-set test and stands beside the pooled figure. Intervals are bootstrapped over groups, since frames of one
video (or a fake and its original) are not independent.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import track

from deepdect import Detector
from deepdect.verdict import Calibration
from training.data import CropSet, load_crops, read_items
from training.metrics import (
    accuracy,
    auc,
    average_precision,
    bootstrap,
    brier,
    calibration_error,
    equal_error_rate,
)

BATCH = 16


@dataclass(frozen=True)
class Line:
    """One row of the table. None where a figure needs the label that is absent, or no crop was decided.

    auc_low, auc_high: 95 % bootstrap interval. accuracy: at probability .5. decided: share outside the inconclusive
    band; decided_accuracy: of those. false_alarms: share of reals called deepfake; recall: share of fakes called
    deepfake. ece: expected calibration error. brier: mean squared error of the probability.
    """

    source: str
    reals: int
    fakes: int
    no_face: int
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    average_precision: float | None
    equal_error_rate: float | None
    accuracy: float | None
    decided: float
    decided_accuracy: float | None
    false_alarms: float | None
    recall: float | None
    ece: float
    brier: float


def raw_scores(detector: Detector, crops: CropSet, description: str) -> np.ndarray:
    """Calibrated logits [n] of a split's crops."""
    starts = range(0, len(crops.items), BATCH)
    return np.concatenate(
        [detector.score(np.asarray(crops.pixels[i : i + BATCH])) for i in track(starts, description=description)]
    )


def measure(
    source: str, logits: np.ndarray, labels: np.ndarray, groups: np.ndarray, no_face: int, calibration: Calibration
) -> Line:
    """One line from calibrated logits [n], labels [n] of 0 and 1 and group names [n]."""
    probabilities = 1 / (1 + np.exp(-np.clip(logits, -80, 80)))
    fake = labels > 0.5
    accused, cleared = probabilities >= calibration.high, probabilities <= calibration.low
    decided = accused | cleared
    both = fake.any() and (~fake).any()
    low, high = bootstrap(auc, logits, labels, groups) if both else (None, None)
    return Line(
        source,
        int((~fake).sum()),
        int(fake.sum()),
        no_face,
        auc(logits, labels) if both else None,
        low,
        high,
        average_precision(logits, labels) if both else None,
        equal_error_rate(logits, labels) if both else None,
        accuracy(probabilities, labels),
        float(decided.mean()),
        float((accused == fake)[decided].mean()) if decided.any() else None,
        float(accused[~fake].mean()) if (~fake).any() else None,
        float(accused[fake].mean()) if fake.any() else None,
        calibration_error(probabilities, labels),
        brier(probabilities, labels),
    )


def evaluate(detector: Detector, root: Path, cache: Path, split: str) -> dict[str, Line]:
    """All lines of a split: each source, `pooled` over those that training saw, and cross-data-set sources."""
    crops = load_crops(root, split, cache)
    logits, labels, sources = raw_scores(detector, crops, split), crops.labels, crops.sources
    groups = np.array([item.group for item in crops.items])
    every = read_items(root)
    trained_on = {item.source for item in every if item.split == "Train"}
    source_of = {item.path: item.source for item in every}
    missed = [source_of[path] for path in crops.missed]
    seen = np.isin(sources, list(trained_on))
    pooled = measure(
        "pooled", logits[seen], labels[seen], groups[seen], sum(s in trained_on for s in missed), detector.calibration
    )
    lines = {"pooled": pooled}
    for source in sorted(set(sources), key=lambda name: (name not in trained_on, name)):
        chosen = sources == source
        name = source if source in trained_on else f"{source} (cross-data-set)"
        lines[name] = measure(
            name, logits[chosen], labels[chosen], groups[chosen], missed.count(source), detector.calibration
        )
    return lines


def table(lines: dict[str, Line]) -> str:
    """The lines as a Markdown table."""

    def percent(value: float | None) -> str:
        return "–" if value is None else f"{100 * value:.1f} %"

    rows = [
        "| source | real / fake | no face | AUC (95 %) | equal error | accuracy at .5 | decided | right of decided "
        "| reals accused | fakes caught | ECE |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for line in lines.values():
        area = "–" if line.auc is None else f"{line.auc:.3f} ({line.auc_low:.3f}–{line.auc_high:.3f})"
        rows.append(
            f"| {line.source} | {line.reals} / {line.fakes} | {line.no_face} | {area} | "
            f"{percent(line.equal_error_rate)} | {percent(line.accuracy)} | "
            f"{percent(line.decided)} | {percent(line.decided_accuracy)} | {percent(line.false_alarms)} | "
            f"{percent(line.recall)} | {line.ece:.3f} |"
        )
    return "\n".join(rows)


def main(
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    split: Annotated[str, typer.Option(help="Train, Validation or Test.")] = "Test",
    cache: Annotated[Path, typer.Option(help="Where the aligned crops are kept.")] = Path("runs/crops"),
    runtime: Annotated[str, typer.Option(help="Runtime of the network.")] = "auto",
    output: Annotated[Path | None, typer.Option(help="Write the figures to this JSON file.")] = None,
) -> None:
    """Print the table of the shipped weights on a split."""
    detector = Detector(runtime)  # type: ignore[arg-type]  # checked there
    lines = evaluate(detector, data, cache, split)
    print(f"{split}, weights {detector.model['sha256'][:16]}, {detector.runtime.name}\n")
    print(table(lines))
    if output:
        figures = {
            "command": f"python -m training.evaluate DATA_FOLDER --split {split} --output {output}",
            "model": detector.model,
            "runtime": detector.runtime.name,
            "split": split,
            "lines": {name: asdict(line) for name, line in lines.items()},
        }
        rounded = json.loads(json.dumps(figures), parse_float=lambda text: round(float(text), 5))
        output.write_text(json.dumps(rounded, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
