"""Closed-form, signed, additive Grad-CAM for a network that ends in GlobalAveragePooling and a ReLU head.

Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391, eq. 1-2) weighs every feature channel by its mean gradient,

    alpha[k] = 1/HW * sum_ij d logit / d A[i,j,k]        (eq. 1)
    E[i,j]   = sum_k alpha[k] * A[i,j,k]                 (eq. 2, without its ReLU)

and HiResCAM (Draelos & Carin 2020, arXiv 2011.08891) multiplies gradient and activation place by place instead,
E[i,j] = sum_k d logit / d A[i,j,k] * A[i,j,k]. Under global average pooling d logit / d A[i,j,k] = g[k] / HW at every
place, so the two are one map, it needs no gradient tape, and it adds up: sum(E) + bias == logit. The ReLU of eq. 2 is
left out on purpose: negative cells are the evidence for the other class, "real".
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float32Array = NDArray[np.float32]


def evidence(features: ArrayLike, gradient: ArrayLike, temperature: float = 1.0) -> Float32Array:
    """What every place of the feature map adds to the logit.

    E[i,j] = 1/HW * sum_k g[k] * A[i,j,k] / temperature: Grad-CAM and HiResCAM at once (see the module's text).
    `sum(E[n]) + bias[n] / temperature == logit[n] / temperature`; an offset of the calibration belongs to the bias.

    Args:
        features: [n, h, w, c], the activations A that the head was given.
        gradient: [n, c], d logit / d pooled features g, from `deepdect.head.Head.linearize`.
        temperature: what the raw logit is divided by in calibration (> 0).

    Returns:
        float32 [n, h, w] in logits; positive cells argue for deepfake, negative ones for real.

    Raises:
        ValueError: shapes that do not fit one another, or a temperature that is not a positive number.
    """
    activations = np.asarray(features, dtype=np.float32)
    weights = np.asarray(gradient, dtype=np.float32)
    if activations.ndim != 4 or 0 in activations.shape[1:3]:
        raise ValueError(f"expected features [n, h, w, c], received shape {activations.shape}")
    n, h, w, c = activations.shape
    if weights.shape != (n, c):
        raise ValueError(f"expected gradient ({n}, {c}) to fit features {activations.shape}, received {weights.shape}")
    if not (np.isfinite(temperature) and temperature > 0):
        raise ValueError(f"expected a temperature above 0, received {temperature}")
    alpha = weights / np.float32(h * w * temperature)
    # not matmul, whose threads spin on afterwards and slow the network's next pass: see `deepdect.head`
    return np.einsum("nhwc,nc->nhw", activations, alpha)


def upsample(evidence: ArrayLike, size: int) -> Float32Array:
    """Smooth map of a small one, with the same sum: U = M_h E M_w^T.

    The columns of each M are bilinear tents (half-pixel centres, edges replicated) scaled to sum to 1, so every cell's
    evidence is spread around its own place and none is gained or lost. Linear in E. A pixel holds logits per pixel:
    multiply by (size / h) * (size / w) for logits per cell.

    Args:
        evidence: [h, w], logits per cell.
        size: side of the result in pixels, at least h and w.

    Returns:
        float32 [size, size].

    Raises:
        ValueError: evidence that is not a finite 2-D map, or a size smaller than it.
    """
    cells = np.asarray(evidence, dtype=np.float32)
    if cells.ndim != 2 or cells.size == 0 or not np.isfinite(cells).all():
        raise ValueError(f"expected a finite evidence map [h, w], received shape {cells.shape}: {cells}")
    if size < max(cells.shape):
        raise ValueError(f"expected a size of at least {max(cells.shape)} for {cells.shape} cells, received {size}")
    h, w = cells.shape
    rows, columns = _spreading_matrix(size, h), _spreading_matrix(size, w)
    spread = np.einsum("hy,yx->hx", rows, cells)  # not @, as above
    # so turned, the pixels of a row lie next to one another in memory, which NumPy multiplies faster
    return np.einsum("hx,xw->hw", spread, np.ascontiguousarray(columns.T)).astype(np.float32, copy=False)


@lru_cache(maxsize=32)
def _spreading_matrix(size: int, cells: int) -> Float32Array:
    """[size, cells]; column j says how the evidence of cell j spreads over the pixels of one axis (sums to 1)."""
    centres = (np.arange(size) + 0.5) * cells / size - 0.5
    centres = np.clip(centres, 0, cells - 1)
    tents = np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(cells)))
    matrix = (tents / tents.sum(axis=0)).astype(np.float32)
    matrix.flags.writeable = False
    return matrix
