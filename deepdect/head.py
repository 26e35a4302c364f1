"""The network's dense head in NumPy: features -> logit, and the exact linear form the explanation is made of.

    features [n, h, w, c] -> GlobalAveragePooling -> Dense(units, ReLU) -> Dropout (identity here) -> Dense(1) -> logit

Running it apart from the backbone keeps the explanation exact for the logit that is reported: whichever runtime
produced the features (float32, bfloat16 or int8), logit, gradient and bias all come from them, in float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float32Array = NDArray[np.float32]

HIDDEN_KERNEL = "head_dense/kernel"
HIDDEN_BIAS = "head_dense/bias"
LOGIT_KERNEL = "head_logit/kernel"
LOGIT_BIAS = "head_logit/bias"


class HeadOutput(NamedTuple):
    """The head at one batch of features, as a function that is linear around them.

    `pooled . gradient + bias == logit` (to float32 rounding), pooled being the features' mean over height and width.

    Attributes:
        logit: float32 [n], uncalibrated; positive means deepfake.
        gradient: float32 [n, c], d logit / d pooled.
        bias: float32 [n], what the head's own biases contribute to the logit under the active ReLU units.
    """

    logit: Float32Array
    gradient: Float32Array
    bias: Float32Array


@dataclass(frozen=True, eq=False)
class Head:
    """Weights of the head, kept as float32 (other float types are converted).

    Attributes:
        w1: [c, units], kernel of the hidden layer (2048 x 1024 in the shipped network).
        b1: [units], bias of the hidden layer.
        w2: [units], kernel of the logit layer.
        b2: bias of the logit layer.

    Raises:
        ValueError: shapes that do not fit one another, or values that are not finite.
    """

    w1: Float32Array
    b1: Float32Array
    w2: Float32Array
    b2: float
    _by_unit: Float32Array = field(init=False, repr=False)  # w1 transposed: what one unit needs lies together

    def __post_init__(self) -> None:
        for name in ("w1", "b1", "w2"):
            array = np.ascontiguousarray(getattr(self, name), dtype=np.float32)
            if not np.isfinite(array).all():
                raise ValueError(f"head weight {name} contains NaN or infinity; the weights file is damaged")
            object.__setattr__(self, name, array)
        object.__setattr__(self, "b2", float(self.b2))
        if not np.isfinite(self.b2):
            raise ValueError(f"head weight b2 must be finite, received {self.b2}")
        shapes = f"w1 {self.w1.shape}, b1 {self.b1.shape}, w2 {self.w2.shape}"
        if self.w1.ndim != 2 or 0 in self.w1.shape:
            raise ValueError(f"head weights: expected w1 [channels, units], received {shapes}")
        units = self.w1.shape[1]
        if self.b1.shape != (units,) or self.w2.shape != (units,):
            raise ValueError(f"head weights: expected b1 and w2 of shape ({units},) to fit w1, received {shapes}")
        object.__setattr__(self, "_by_unit", np.ascontiguousarray(self.w1.T))

    @classmethod
    def from_weights(cls, weights: Mapping[str, Any]) -> Head:
        """The head of a weights mapping such as an open `.npz` file.

        Args:
            weights: has `head_dense/kernel` [c, units], `head_dense/bias` [units], `head_logit/kernel` [units, 1] and
                `head_logit/bias` [1], float16 or float32; other keys are not looked at.

        Raises:
            ValueError: a key is missing, or a shape is not the one above.
        """
        missing = [key for key in (HIDDEN_KERNEL, HIDDEN_BIAS, LOGIT_KERNEL, LOGIT_BIAS) if key not in weights]
        if missing:
            head_keys = sorted(key for key in weights if key.startswith("head"))
            raise ValueError(
                f"not a Deep Dect weights file: {', '.join(missing)} missing; "
                f"received {len(weights)} arrays, of the head {head_keys or 'none'}"
            )
        kernel, bias = np.asarray(weights[LOGIT_KERNEL]), np.asarray(weights[LOGIT_BIAS])
        if kernel.ndim != 2 or kernel.shape[1] != 1 or bias.shape != (1,):
            raise ValueError(
                f"expected {LOGIT_KERNEL} [units, 1] and {LOGIT_BIAS} [1], received {kernel.shape} and {bias.shape}"
            )
        return cls(np.asarray(weights[HIDDEN_KERNEL]), np.asarray(weights[HIDDEN_BIAS]), kernel[:, 0], float(bias[0]))

    def logit(self, features: ArrayLike) -> Float32Array:
        """Raw, uncalibrated logit of each image; positive means deepfake.

        Args:
            features: [n, h, w, c], the backbone's last activation; c must be w1's first dimension.

        Returns:
            float32 [n].

        Raises:
            ValueError: features of another shape, or not finite.
        """
        return self._output(self._hidden(features))

    def linearize(self, features: ArrayLike) -> HeadOutput:
        """Logit with its exact gradient and bias, in one pass.

        A ReLU network is affine on the set of inputs that share its active units (Montufar et al. 2014, "On the Number
        of Linear Regions of Deep Neural Networks"). With m = [hidden > 0]: gradient = w1 (m * w2) and
        bias = b1 . (m * w2) + b2. The bias is computed from the weights, never as what is left of the logit, so that
        additivity is a property that can be tested.

        Args:
            features: [n, h, w, c], as for `logit`.

        Raises:
            ValueError: as for `logit`.
        """
        hidden = self._hidden(features)
        active_w2 = np.where(hidden > 0, self.w2, np.float32(0))
        bias = _product(active_w2, self.b1) + np.float32(self.b2)
        return HeadOutput(self._output(hidden), self._gradient(active_w2), bias)

    def _gradient(self, active_w2: Float32Array) -> Float32Array:
        """w1 . active_w2, [n, c], reading only what belongs to active units: few are, and w1 is larger than caches."""
        gradient = np.empty((len(active_w2), self.w1.shape[0]), np.float32)
        for row, weights in zip(gradient, active_w2, strict=True):
            units = np.flatnonzero(weights)
            row[:] = _product(weights[None, units], self._by_unit[units])[0]
        return gradient

    def _hidden(self, features: ArrayLike) -> Float32Array:
        """Activations of the hidden layer, [n, units]."""
        array = np.asarray(features, dtype=np.float32)
        channels = self.w1.shape[0]
        if array.ndim != 4 or array.shape[3] != channels or 0 in array.shape[1:3]:
            raise ValueError(f"expected features [n, h, w, {channels}], received shape {array.shape}")
        pooled = array.mean(axis=(1, 2), dtype=np.float32)
        # One bad activation would otherwise vanish behind the ReLU and leave a plausible score.
        if not np.isfinite(pooled).all():
            bad = np.flatnonzero(~np.isfinite(pooled).all(axis=1)).tolist()
            raise ValueError(f"features contain NaN or infinity in images {bad} of the batch; no score can be given")
        return np.maximum(_product(pooled, self.w1) + self.b1, np.float32(0))

    def _output(self, hidden: Float32Array) -> Float32Array:
        """Logits [n] of hidden activations [n, units]."""
        return _product(hidden, self.w2) + np.float32(self.b2)


def _product(one: Float32Array, other: Float32Array) -> Float32Array:
    """one [n, c] @ other [c, ...], on this thread alone.

    `@` would take all cores for it, and OpenBLAS keeps them spinning for some 30 ms after: the network's next pass,
    which needs them, took nearly twice its time on two cores.
    """
    return np.einsum("nc,c...->n...", one, other)
