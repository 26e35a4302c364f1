"""The README's picture of speed: `python -m benchmarks.plot` draws benchmarks/results.json into docs/speed.png."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.__main__ import RESULTS

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "speed.png"
WHOLE, BARE, PRODUCT = "#e06a1b", "#2d78d7", "#8a93a3"


def bars(results: dict[str, Any]) -> list[tuple[str, float, str]]:
    """(name, median milliseconds, colour), quickest first."""
    rows = []
    for name, timing in results["side_by_side_ms"].items():
        whole = name.startswith("analyze")
        shown = f"photo of {name.split()[1]} MP: faces, verdict and map" if whole else f"network alone, {name}"
        rows.append((shown, float(timing["median"]), WHOLE if whole else BARE))
    rows.append(("as much arithmetic in NumPy, float32", float(results["arithmetic_limit_f32_ms"]), PRODUCT))
    return sorted(rows, key=lambda row: row[1])


def axis_label(results: dict[str, Any]) -> str:
    """What the bars measure."""
    [runs] = {timing["runs"] for timing in results["side_by_side_ms"].values()}
    return f"milliseconds, median of {runs} ({results['machine']['usable_cpus']} CPUs)"


def main(
    results: Annotated[Path, typer.Argument(help="What python -m benchmarks wrote.")] = RESULTS,
    output: Annotated[Path, typer.Option(help="The PNG file.")] = PICTURE,
) -> None:
    """Draw the figures of one run as bars."""
    from matplotlib.figure import Figure

    found = json.loads(results.read_text())
    rows = bars(found)
    figure = Figure(figsize=(8, 0.42 * len(rows) + 1), layout="constrained")
    axes = figure.subplots()
    names, times, colours = zip(*rows, strict=True)
    drawn = axes.barh(names, times, color=colours)
    axes.bar_label(drawn, fmt="%.0f", padding=3)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(axis_label(found))
    figure.savefig(output, dpi=110)


if __name__ == "__main__":
    typer.run(main)
