"""Whether a face is like those that the network learned from: its features under a Gaussian of theirs.

A drawn, covered, badly blurred or noisy face gets a score like any other, and nothing in the score says that the
network has never seen the like. Its features do: they lie further from the training faces' mean, in units of their
spread (Mahalanobis distance; Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples", 2018,
arXiv 1807.03888, here with one Gaussian for both classes). The Gaussian is a probabilistic PCA (Tipping & Bishop,
1999): a few axes with a variance each, and one variance for all others. Features are taken at unit length: their length
says how sure the network is, and the surest fakes would be the strangest faces.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float32Array = NDArray[np.float32]
PRECISIONS = ("int8", "float")


@dataclass(frozen=True, eq=False)
class Familiarity:
    """A Gaussian of mean features at unit length.

    mean: [c]. axes: orthonormal [k, c]. variances: along them, [k]. rest: along every other direction. limits: the
    distance above which a face is unfamiliar, by the arithmetic that the features come from (`PRECISIONS`: what 8-bit
    integers round puts faces at other distances). sha256: of the weights whose features they are.

    Raises ValueError for shapes that do not fit one another, or variances and limits that are not above 0.
    """

    sha256: str
    mean: Float32Array
    axes: Float32Array
    variances: Float32Array
    rest: float
    limits: Mapping[str, float]

    def __post_init__(self) -> None:
        for name in ("mean", "axes", "variances"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float32))
        shapes = f"mean {self.mean.shape}, axes {self.axes.shape}, variances {self.variances.shape}"
        if self.axes.shape != (len(self.variances), len(self.mean)) or len(self.variances) >= len(self.mean):
            raise ValueError(f"expected mean [c], axes [k, c] and variances [k] with k < c, received {shapes}")
        if set(self.limits) != set(PRECISIONS):
            raise ValueError(f"expected limits for {' and '.join(PRECISIONS)}, received {', '.join(self.limits)}")
        values = (self.mean, self.axes, self.variances, self.rest, *self.limits.values())
        if not all(bool(np.isfinite(np.asarray(value)).all()) for value in values):
            raise ValueError("the familiarity table contains NaN or infinity")
        if not (self.variances.min(initial=1) > 0 and self.rest > 0 and min(self.limits.values()) > 0):
            raise ValueError(
                f"expected variances and limits above 0, received rest {self.rest}, limits {dict(self.limits)}"
            )

    @staticmethod
    def fit(pooled: ArrayLike, axes: int, sha256: str) -> Familiarity:
        """The Gaussian of pooled features [n, c] with n > axes; its limits are 1 until some are chosen (`replace`)."""
        features: NDArray[np.floating] = np.asarray(pooled, np.float64)
        if features.ndim != 2 or not 0 < axes < min(features.shape):
            raise ValueError(f"expected more than {axes} features [n, c], received shape {features.shape}")
        features = _unit(features)
        mean = features.mean(axis=0)
        _, singular, directions = np.linalg.svd(features - mean, full_matrices=False)
        variances = singular**2 / (len(features) - 1)
        # with fewer faces than channels, the directions that none of them has count with variance 0
        rest = variances[axes:].sum() / (features.shape[1] - axes)
        single = np.float32
        kept = directions[:axes].astype(single), variances[:axes].astype(single)
        return Familiarity(sha256, mean.astype(single), *kept, float(rest), dict.fromkeys(PRECISIONS, 1.0))

    def unfamiliar(self, features: ArrayLike, runtime: str) -> NDArray[np.bool_]:
        """Which of the faces are beyond the limit, [n]. features: [n, h, w, c] of the runtime of that name."""
        return self.distance(features) > self.limits["int8" if runtime.endswith("int8") else "float"]

    def distance(self, features: ArrayLike) -> Float32Array:
        """How far faces are from the training faces' mean, [n]; 1 is about what those themselves have.

        features: [n, h, w, c], the backbone's last activation. Root mean square over the channels of the distance in
        standard deviations.
        """
        centred = _unit(np.asarray(features, np.float32).mean(axis=(1, 2))) - self.mean
        along = np.einsum("nc,kc->nk", centred, self.axes)  # not @: see `deepdect.head`
        beyond = np.maximum(0, np.square(centred).sum(axis=1) - np.square(along).sum(axis=1))
        squared = (np.square(along) / self.variances).sum(axis=1) + beyond / self.rest
        return np.sqrt(squared / len(self.mean)).astype(np.float32)

    def save(self, file: Path) -> None:
        """Write the table as `.npz`, axes in half precision."""
        np.savez_compressed(
            file,
            sha256=np.array(self.sha256),
            mean=self.mean,
            axes=self.axes.astype(np.float16),
            variances=self.variances,
            rest=np.array(self.rest),
            limits=np.array([self.limits[name] for name in PRECISIONS]),
        )

    @staticmethod
    def read(file: Path) -> Familiarity:
        """The table in a `.npz` file. Raises OSError where it cannot be read, ValueError where it is no such table."""
        try:
            with np.load(file, allow_pickle=False) as found:
                arrays = found["mean"], found["axes"], found["variances"]
                limits = dict(zip(PRECISIONS, found["limits"].tolist(), strict=True))
                return Familiarity(str(found["sha256"]), *arrays, float(found["rest"]), limits)
        except (KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"not a familiarity table: {error}") from error


def _unit(features: NDArray[np.floating]) -> NDArray[np.floating]:
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
