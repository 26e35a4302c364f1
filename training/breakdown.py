"""What one figure over everything hides: errors by the people's labels, by face size, by confidence, by many faces.

Every function takes calibrated logits or fake probabilities [n] and labels [n] of 0 and 1, and gives rows that
`markdown` prints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepdect.verdict import Calibration
from training.items import Item
from training.metrics import auc, bootstrap

AGES = ((0, 9), (10, 19), (20, 39), (40, 59), (60, 120))
SIDES = ((0, 64), (64, 96), (96, 128), (128, 160), (160, 256))  # native pixels of the crop, from up to below
FACES = (1, 2, 5, 10)
COVERAGES = (0.5, 0.75, 0.9, 1.0)


@dataclass(frozen=True)
class Share:
    """`count` of `total`, with Wilson's 95 % interval (Wilson, 1927): low and high in 0..1."""

    name: str
    count: int
    total: int

    @property
    def interval(self) -> tuple[float, float]:
        z, n, p = 1.96, self.total, self.count / self.total
        middle, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))


def age_band(age: str) -> str:
    """ "20-39" for "27"; "" for what is no number."""
    if not age.isdecimal():
        return ""
    return next((f"{low}-{high}" for low, high in AGES if low <= int(age) <= high), "")


def accused_by_label(items: Sequence[Item], probabilities: np.ndarray, calibration: Calibration) -> list[Share]:
    """Real photos called deepfake, by the publisher's own labels of age, sex and ethnicity and by source."""
    counted: dict[str, list[bool]] = {}
    for item, probability in zip(items, probabilities, strict=True):
        if item.label:
            continue
        for label in filter(None, (item.sex, item.ethnicity, age_band(item.age))):
            counted.setdefault(f"{item.source}, {label}", []).append(bool(probability >= calibration.high))
    return [Share(name, sum(accused), len(accused)) for name, accused in sorted(counted.items())]


def auc_by_size(
    native: np.ndarray, logits: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> list[tuple[str, int, float, float, float]]:
    """(native side in pixels, crops, AUC, 95 % bootstrap interval) of every size that has 20 crops of each label."""
    rows = []
    for low, high in SIDES:
        chosen = (native >= low) & (native < high)
        if min((labels[chosen] > 0.5).sum(), (labels[chosen] < 0.5).sum()) >= 20:
            interval = bootstrap(auc, logits[chosen], labels[chosen], groups[chosen])
            rows.append((f"{low}-{high - 1}", int(chosen.sum()), auc(logits[chosen], labels[chosen]), *interval))
    return rows


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> list[tuple[float, float, int]]:
    """(mean fake probability, share of fakes, crops) of every equal-width bin that is not empty (Murphy, 1977)."""
    which = np.minimum((probabilities * bins).astype(int), bins - 1)
    return [
        (float(probabilities[which == b].mean()), float(labels[which == b].mean()), int((which == b).sum()))
        for b in range(bins)
        if (which == b).any()
    ]


def risk_coverage(probabilities: np.ndarray, labels: np.ndarray) -> list[tuple[float, float]]:
    """(share judged, accuracy on it), the surest first (El-Yaniv & Wiener, 2010)."""
    order = np.argsort(-np.abs(probabilities - 0.5), kind="stable")
    right = ((probabilities >= 0.5) == (labels > 0.5))[order]
    return [(share, float(right[: max(1, round(share * len(right)))].mean())) for share in COVERAGES]


def false_alarms_of_many(
    probabilities: np.ndarray, labels: np.ndarray, sources: np.ndarray, calibration: Calibration
) -> list[tuple[int, float]]:
    """(faces in a picture, chance that at least one of so many real faces is called deepfake), sources weighted alike.

    Faces are taken to be independent: a picture is as fake as its most suspicious face.
    """
    real = labels < 0.5
    rates = [float((probabilities[real & (sources == s)] >= calibration.high).mean()) for s in np.unique(sources[real])]
    return [(faces, float(np.mean([1 - (1 - rate) ** faces for rate in rates]))) for faces in FACES]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]
    return "\n".join(lines)
