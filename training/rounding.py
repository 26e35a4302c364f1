"""Rounds the weights of a quantised graph so that their errors cancel on what the network really sees, instead of each
to its nearest integer (GPTQ: Frantar et al., arXiv 2210.17323, algorithm 1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from training.graph_edit import convolutions, data, inputs, is_constant, replace

PLACES = 64  # of a feature map, drawn anew a batch: neighbouring ones say much the same
DAMPING = 0.01  # of the mean diagonal, GPTQ's own
LARGEST = 64  # integer, so that two products with 255 fit 16 bits, as `training.quantize` says
BLOCK = 128  # columns after which the errors are handed on to the rest, for speed alone


def round_weights(quantized: Any, model: Any, crops: np.ndarray) -> None:
    """Choose anew, in place, the integers of every convolution of `quantized` that has them; their scales stay.

    model: the float graph that it was made of, with the same names. crops: uint8 [n, 256, 256, 3]; with PLACES of each
    there should be more than a kernel has weights.
    """
    wanted = convolutions(model)
    found = {name: _integers(op) for name, op in convolutions(quantized).items()}
    integers = {name: pair for name, pair in found.items() if pair}
    for name, second_moments in _second_moments(quantized, list(integers), crops).items():
        constant, scale = integers[name]
        kernel = data(wanted[name].input_value(1))
        chosen = rounded(kernel.reshape(len(kernel), -1) / scale, second_moments)
        replace(constant, chosen.reshape(kernel.shape))


def rounded(weights: np.ndarray, second_moments: np.ndarray) -> np.ndarray:
    """int8 [rows, d], within +-LARGEST, from weights float [rows, d] in units of their scale.

    second_moments: [d, d], of what the weights are multiplied by. Column by column, the loudest input's first: what
    rounding changes is made up for, as well as can be, by the columns yet to come.
    """
    loudness = np.diag(second_moments)
    order = np.argsort(-loudness, kind="stable")
    damped = second_moments[np.ix_(order, order)].astype(np.float64)
    damped[np.diag_indices_from(damped)] += max(DAMPING * float(loudness.mean()), 1e-12)
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T.astype(np.float32)
    left = weights[:, order].astype(np.float32)
    chosen = np.empty_like(left)
    for start in range(0, left.shape[1], BLOCK):
        end = min(start + BLOCK, left.shape[1])
        errors = np.empty((len(left), end - start), np.float32)
        for i in range(start, end):
            chosen[:, i] = np.clip(np.round(left[:, i]), -LARGEST, LARGEST)
            errors[:, i - start] = (left[:, i] - chosen[:, i]) / upper[i, i]
            left[:, i + 1 : end] -= np.outer(errors[:, i - start], upper[i, i + 1 : end])
        left[:, end:] -= errors @ upper[start:end, end:]
    return chosen[:, np.argsort(order)].astype(np.int8)


def _integers(convolution: Any) -> tuple[Any, np.ndarray] | None:
    """The output of the constant int8 [out, in, h, w] behind a convolution's kernel, and its scale [out, 1]; or None
    where the kernel is in float."""
    product = convolution.input_value(1).get_node()
    if product.get_type_name() != "Multiply":
        return None
    converted, scale = product.input_value(0).get_node(), product.input_value(1)
    constant = converted.input_value(0)
    if converted.get_type_name() != "Convert" or not is_constant(constant) or not is_constant(scale):
        raise ValueError(f"{convolution.get_friendly_name()}: expected its kernel as integers times a scale")
    return constant, data(scale).reshape(-1, 1)


def _second_moments(quantized: Any, names: list[str], crops: np.ndarray) -> dict[str, np.ndarray]:
    """Sums float32 [d, d] over places and crops of x x^T, x being the d inputs under a convolution's kernel."""
    operations = convolutions(quantized)
    random = np.random.default_rng(0)
    sums: dict[str, np.ndarray] = {}
    for batch in inputs(quantized, names, crops):
        for name, values in batch.items():
            seen = _patches(values, operations[name], random)
            sums[name] = sums.get(name, 0.0) + seen.T @ seen
    return sums


def _patches(values: np.ndarray, convolution: Any, random: np.random.Generator) -> np.ndarray:
    """[n * places, c * height * width] of an input [n, c, h, w]: what the kernel covers at some of its places."""
    attributes = convolution.get_attributes()
    (top, left), (bottom, right) = attributes["pads_begin"], attributes["pads_end"]
    down, across = attributes["strides"]
    size = tuple(convolution.input_value(1).get_shape())[2:]
    padded = np.pad(values, ((0, 0), (0, 0), (top, bottom), (left, right)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size, axis=(2, 3))[:, :, ::down, ::across]
    places = random.permutation(windows.shape[2] * windows.shape[3])[:PLACES]
    rows, columns = np.divmod(places, windows.shape[3])
    return windows[:, :, rows, columns].transpose(0, 2, 1, 3, 4).reshape(len(values) * len(places), -1)
