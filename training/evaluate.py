"""Measure the shipped weights: `python -m training.evaluate DATA_FOLDER` prints the Test table.

Figures are per source, and pooled over the sources that training also saw; a source found in Test alone is a
cross-data-set test and stands beside the pooled figure. Intervals are bootstrapped over groups, since frames of one
video (or a fake and its original) are not independent.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import track

from deepdect import Detector
from deepdect.runtime import RuntimeName
from deepdect.verdict import Calibration
from training import breakdown, plots
from training.data import CropSet, load_crops
from training.inputs import check_output, chosen_runtime, command
from training.items import Split, read_items
from training.metrics import (
    accuracy,
    auc,
    average_precision,
    bootstrap,
    brier,
    calibration_error,
    decided_rightly,
    equal_error_rate,
    sigmoid,
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
    decided: float | None
    decided_accuracy: float | None
    false_alarms: float | None
    recall: float | None
    ece: float | None
    brier: float | None


def raw_scores(detector: Detector, crops: CropSet, description: str) -> np.ndarray:
    """Calibrated logits [n] of a split's crops."""
    starts = range(0, len(crops.items), BATCH)
    return np.concatenate(
        [detector.score(np.asarray(crops.pixels[i : i + BATCH])) for i in track(starts, description=description)]
    )


def measure(
    source: str, logits: np.ndarray, labels: np.ndarray, groups: np.ndarray, no_face: int, calibration: Calibration
) -> Line:
    """One line from calibrated logits [n], labels [n] of 0 and 1 and group names [n]; n may be 0."""
    if not len(logits):
        return Line(source, 0, 0, no_face, *[None] * 12)
    probabilities = sigmoid(logits)
    fake = labels > 0.5
    accused = probabilities >= calibration.high
    decided, right = decided_rightly(probabilities, labels, calibration.low, calibration.high)
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
        decided,
        right if decided > 0 else None,
        float(accused[~fake].mean()) if (~fake).any() else None,
        float(accused[fake].mean()) if fake.any() else None,
        calibration_error(probabilities, labels),
        brier(probabilities, labels),
    )


def evaluate(detector: Detector, root: Path, cache: Path, split: str) -> dict[str, Line]:
    """All lines of a split: each source, `pooled` over those that training saw, and cross-data-set sources."""
    return lines_of(score(detector, root, cache, split), detector.calibration)


@dataclass(frozen=True)
class Scored:
    """A split's crops with their calibrated logits [n]; missed: how many files of each source had no face.

    trained_on: the sources of Train, also those that have no crop here.
    """

    crops: CropSet
    logits: np.ndarray
    missed: dict[str, int]
    trained_on: frozenset[str]

    @property
    def seen(self) -> np.ndarray:
        """Whether training saw the crops' sources, bool [n]."""
        return np.isin(self.crops.sources, list(self.trained_on))

    @property
    def groups(self) -> np.ndarray:
        """Group names [n]."""
        return np.array([item.group for item in self.crops.items])


def score(detector: Detector, root: Path, cache: Path, split: str) -> Scored:
    """Run the detector's network over a split's crops."""
    crops = load_crops(root, split, cache)
    every = read_items(root)
    trained_on = {item.source for item in every if item.split == "Train"}
    source_of = {item.path: item.source for item in every}
    missed = Counter(source_of[path] for path in crops.missed)
    return Scored(crops, raw_scores(detector, crops, split), dict(missed), frozenset(trained_on))


def lines_of(scored: Scored, calibration: Calibration) -> dict[str, Line]:
    """The table's lines by name; no `pooled` where training saw none of the sources."""
    seen, labels, sources = scored.seen, scored.crops.labels, scored.crops.sources

    def line(name: str, chosen: np.ndarray, missed: int) -> Line:
        return measure(name, scored.logits[chosen], labels[chosen], scored.groups[chosen], missed, calibration)

    missed = sum(n for source, n in scored.missed.items() if source in scored.trained_on)
    lines = {"pooled": line("pooled", seen, missed)} if seen.any() else {}
    for source in sorted({*sources, *scored.missed}, key=lambda name: (name not in scored.trained_on, name)):
        name = source if source in scored.trained_on else f"{source} (cross-data-set)"
        lines[name] = line(name, sources == source, scored.missed.get(source, 0))
    return lines


def details(scored: Scored, calibration: Calibration) -> dict[str, str]:
    """Tables of what the lines hide, in Markdown by title, over the sources that training saw."""
    seen = scored.seen
    if not seen.any():
        return {}
    crops, logits, labels = scored.crops, scored.logits[seen], scored.crops.labels[seen]
    probabilities = sigmoid(logits)
    items = [item for item, kept in zip(crops.items, seen, strict=True) if kept]
    shares = breakdown.accused_by_label(items, probabilities, calibration)
    sizes = breakdown.auc_by_size(crops.native[seen], logits, labels, scored.groups[seen])
    bins = breakdown.reliability(probabilities, labels)
    curve = breakdown.risk_coverage(probabilities, labels)
    many = breakdown.false_alarms_of_many(probabilities, labels, crops.sources[seen], calibration)
    table = breakdown.markdown
    return {
        "Real photos called deepfake, by the publishers' labels": table(
            ("source, label", "photos", "called deepfake", "95 %"),
            [
                (s.name, str(s.total), f"{s.count / s.total:.1%}", f"{s.interval[0]:.1%}–{s.interval[1]:.1%}")
                for s in shares
            ],
        ),
        "AUC by the crop's native side": table(
            ("pixels", "crops", "AUC (95 %)"),
            [(side, str(n), f"{area:.3f} ({low:.3f}–{high:.3f})") for side, n, area, low, high in sizes],
        ),
        "Reliability": table(
            ("mean fake probability", "share of fakes", "crops"), [(f"{p:.3f}", f"{f:.3f}", str(n)) for p, f, n in bins]
        ),
        "Accuracy on the surest": table(
            ("share judged", "accuracy"), [(f"{share:.0%}", f"{right:.1%}") for share, right in curve]
        ),
        "Chance that a picture of so many real faces is called deepfake": table(
            ("faces", "chance"), [(str(faces), f"{chance:.1%}") for faces, chance in many]
        ),
    }


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
            f"{percent(line.recall)} | {'–' if line.ece is None else f'{line.ece:.3f}'} |"
        )
    return "\n".join(rows)


def main(
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    split: Annotated[Split, typer.Option(help="Whose crops.")] = "Test",
    cache: Annotated[Path, typer.Option(help="Where the aligned crops are kept.")] = Path("runs/crops"),
    runtime: Annotated[RuntimeName | None, typer.Option(help="Default: DEEPDECT_RUNTIME, or auto.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write the figures to this JSON file.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the reliability diagram into this PNG file.")] = None,
) -> None:
    """Print the table of the shipped weights on a split."""
    check_output("--output", output)
    check_output("--plot", plot)
    detector = Detector(chosen_runtime(runtime))
    scored = score(detector, data, cache, split)
    lines = lines_of(scored, detector.calibration)
    print(f"{split}, weights {detector.model['sha256'][:16]}, {detector.runtime.name}\n")
    print(table(lines))
    more = details(scored, detector.calibration)
    for title, rows in more.items():
        print(f"\n{title}\n\n{rows}")
    if output:
        figures = {
            "command": f"python -m training.evaluate DATA_FOLDER --split {split} --runtime {detector.runtime.name} "
            f"--output {output}",
            "model": detector.model,
            "runtime": detector.runtime.name,
            "split": split,
            "lines": {name: asdict(line) for name, line in lines.items()},
            "details": more,
        }
        rounded = json.loads(json.dumps(figures), parse_float=lambda text: round(float(text), 5))
        output.write_text(json.dumps(rounded, indent=1) + "\n")
    if plot and scored.seen.any():
        chance = sigmoid(scored.logits)
        plots.reliability(
            breakdown.reliability(chance[scored.seen], scored.crops.labels[scored.seen]), detector.calibration, plot
        )
    elif plot:
        print(f"\n--plot {plot}: not drawn, since training saw none of these sources")


if __name__ == "__main__":
    command(main)
