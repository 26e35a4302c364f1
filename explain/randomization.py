"""The network with its weights forgotten from the top down (Adebayo et al. 2018, "Sanity checks for saliency maps").

A map that stays the same when the network no longer knows anything shows the picture, not the network. Imports Keras.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepdect import network

Float32Array = NDArray[np.float32]


def cascade(model: Any, crops: NDArray[np.uint8], random: np.random.Generator) -> Iterator[str]:
    """Re-initialise the stages of a model from `deepdect.network.build` in place, head first, one more at every turn.

    Kernels are drawn anew as by He et al. 2015 (arXiv 1502.01852); biases become 0. Batch norm starts afresh with the
    statistics of `crops`, as it would have learned them: with stale ones the activations would explode instead.

    Args:
        model: the network; changed for good.
        crops: uint8 RGB [n, s, s, 3].
        random: where the new weights come from.

    Yields:
        The name of each stage of `network.STAGES`, last first, as soon as it and all above it are new.
    """
    fresh: set[str] = set()
    for stage in reversed(network.STAGES):
        fresh.add(stage)
        for layer in model.layers:
            if network.stage_of(layer.name) == stage:
                for variable in layer.weights:
                    if "seed" not in variable.name:
                        variable.assign(_drawn(variable, random))
        _settle(model, crops, fresh)
        yield stage


def _drawn(variable: Any, random: np.random.Generator) -> Float32Array:
    shape = tuple(variable.shape)
    if variable.name == "kernel":
        spread = np.sqrt(2 / np.prod(shape[:-1]))
        return (spread * random.standard_normal(shape)).astype(np.float32)
    return np.full(shape, variable.name in ("gamma", "moving_variance"), np.float32)


def _settle(model: Any, crops: NDArray[np.uint8], stages: set[str]) -> None:
    """Set the running statistics of these stages' batch norms to those of the crops; the others' stay."""
    import keras

    changed = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            changed.append((layer, layer.trainable, layer.momentum))
            layer.trainable = network.stage_of(layer.name) in stages
            layer.momentum = 0.0
    network.backbone(model)(crops.astype(np.float32), training=True)
    for layer, trainable, momentum in changed:
        layer.trainable, layer.momentum = trainable, momentum
