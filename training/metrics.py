"""Figures of merit from logits and labels, in NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities of calibrated logits, for any size of logit."""
    return 1 / (1 + np.exp(-np.clip(logits, -80, 80)))


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve by ranks, ties counted half (Mann-Whitney); NaN where one label is absent."""
    scores, labels = np.asarray(scores, float), np.asarray(labels) > 0.5
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def per_source_auc(scores: np.ndarray, labels: np.ndarray, sources: np.ndarray) -> dict[str, float]:
    """AUC of every source that has both labels."""
    found = {str(source): auc(scores[sources == source], labels[sources == source]) for source in np.unique(sources)}
    return {source: value for source, value in found.items() if not np.isnan(value)}


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Share of probabilities on the right side of .5; .5 itself counts as fake."""
    return float(((probabilities >= 0.5) == (labels > 0.5)).mean())


def decided_rightly(probabilities: np.ndarray, labels: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """Share outside the band, at most `low` or at least `high`, and the share of those on their label's side of it;
    NaN where there is nothing to take a share of."""
    accused = probabilities >= high
    decided = accused | (probabilities <= low)
    right = (accused == (np.asarray(labels) > 0.5))[decided]
    share = float(decided.mean()) if len(decided) else float("nan")
    return share, float(right.mean()) if len(right) else float("nan")


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error over equal-width bins of the fake probability (Naeini et al., 2015)."""
    which = np.minimum((probabilities * bins).astype(int), bins - 1)
    counts = np.bincount(which, minlength=bins)
    gaps = np.abs(np.bincount(which, probabilities, bins) - np.bincount(which, labels, bins))
    return float(gaps.sum() / max(1, counts.sum()))


def average_precision(scores: np.ndarray, labels: np.ndarray) -> float:
    """Mean precision at the rank of each fake, ties ranked together (sum of precision times recall step)."""
    scores, labels = np.asarray(scores, float), np.asarray(labels) > 0.5
    _, inverse, counts = np.unique(-scores, return_inverse=True, return_counts=True)
    fakes = np.bincount(inverse, labels, len(counts))
    precision = np.cumsum(fakes) / np.cumsum(counts)
    return float((precision * fakes).sum() / max(1, labels.sum()))


def equal_error_rate(scores: np.ndarray, labels: np.ndarray) -> float:
    """Where the share of reals above a threshold meets the share of fakes below it: the mean of both, where closest."""
    scores, labels = np.asarray(scores, float), np.asarray(labels) > 0.5
    thresholds = np.append(np.unique(scores), np.inf)
    reals, fakes = np.sort(scores[~labels]), np.sort(scores[labels])
    alarms = 1 - np.searchsorted(reals, thresholds) / len(reals)
    misses = np.searchsorted(fakes, thresholds) / len(fakes)
    nearest = int(np.argmin(np.abs(alarms - misses)))
    return float((alarms[nearest] + misses[nearest]) / 2)


def brier(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean squared error of the fake probability (Brier, 1950)."""
    return float(np.mean((np.asarray(probabilities) - np.asarray(labels)) ** 2))


def bootstrap(
    figure: Callable[[np.ndarray, np.ndarray], float],
    scores: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    rounds: int = 500,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % interval of `figure(scores, labels)`, resampling whole groups (Efron & Tibshirani, 1993, ch. 13)."""
    random = np.random.default_rng(seed)
    _, which = np.unique(groups, return_inverse=True)
    members = np.split(np.argsort(which, kind="stable"), np.cumsum(np.bincount(which))[:-1])
    values = []
    for _ in range(rounds):
        drawn = np.concatenate([members[g] for g in random.integers(0, len(members), len(members))])
        values.append(figure(scores[drawn], labels[drawn]))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)
