"""The model card's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deepdect.verdict import Calibration


def reliability(bins: Sequence[tuple[float, float, int]], calibration: Calibration, file: Path) -> None:
    """Reliability diagram (Murphy & Winkler, 1977): share of fakes against fake probability, the band shaded.

    bins: from `training.breakdown.reliability`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    upper.axvspan(calibration.low, calibration.high, color="#e8eaee", label="inconclusive")
    upper.plot([0, 1], [0, 1], color="#8a93a3", linewidth=1, linestyle="--", label="perfectly calibrated")
    chances, shares, counts = zip(*bins, strict=True)
    upper.plot(chances, shares, marker="o", color="#2d78d7", label="measured")
    upper.set(ylabel="share of fakes", ylim=(0, 1), xlim=(0, 1), aspect="equal")
    upper.legend(loc="upper left", frameon=False)
    lower.bar(chances, counts, width=0.06, color="#2d78d7")
    lower.set(xlabel="fake probability", ylabel="crops")
    figure.savefig(file, dpi=110)
