"""Does the published table hold? `python -m training.reproduce DATA_FOLDER`, or `make reproduce DATA=folder`.

From the pictures to the figures: crops are cut anew, the shipped weights judge them, and every figure of the table by
source is held against `models/metrics.json`; what else that file holds is not. Exit status 1 where one differs: other
weights, other pictures, or a change in the code between.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from deepdect import Detector, weights
from training.evaluate import lines_of, score, table
from training.inputs import command

COUNTS = ("reals", "fakes", "no_face")
TOLERANCE = 0.01  # of a share or an AUC: processors differ in how they round 8-bit sums


def differences(found: dict[str, Any], published: dict[str, Any], tolerance: float = TOLERANCE) -> list[str]:
    """What differs between two tables, each {source: {figure: value}}, in words; counts must agree exactly."""
    told = [f"{source}: published, not found" for source in published if source not in found]
    for source, line in found.items():
        if source not in published:
            told.append(f"{source}: found, not published")
            continue
        for name, value in line.items():
            expected = published[source].get(name)
            if value == expected or name == "source":
                continue
            both = isinstance(value, (int, float)) and isinstance(expected, (int, float))
            if name in COUNTS or not both or abs(value - expected) > tolerance:
                told.append(f"{source}, {name}: found {_shown(value)}, published {_shown(expected)}")
    return told


def _shown(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def main(
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    cache: Annotated[
        Path | None, typer.Option(help="Crops to take instead of cutting them anew; made there where they are not.")
    ] = None,
) -> None:
    """Measure the shipped weights on Test again and compare."""
    published = json.loads((weights.FOLDER / "metrics.json").read_text())
    detector = Detector(published["runtime"])
    if detector.model != published["model"]:
        raise typer.BadParameter(f"models/metrics.json is of {published['model']}, the weights are {detector.model}")
    with TemporaryDirectory(prefix="deepdect-") as fresh:
        scored = score(detector, data, cache or Path(fresh), published["split"])
    lines = lines_of(scored, detector.calibration)
    print(table(lines))
    told = differences({name: asdict(line) for name, line in lines.items()}, published["lines"])
    print("\n" + "\n".join(told or [f"Every figure of the published table holds, within {TOLERANCE:g}."]))
    raise typer.Exit(1 if told else 0)


if __name__ == "__main__":
    command(main)
