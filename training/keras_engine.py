"""The training step in Keras 3, on whichever backend `KERAS_BACKEND` names (TensorFlow, JAX or PyTorch)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deepdect import network
from training import data_parallel


class KerasEngine:
    """Holds network, optimizer and a running average of the weights (Polyak), and takes steps.

    frozen: stages kept as they are, with their batch-norm statistics. rates: learning rate factor by stage (default 1).
    After `data_parallel.over_all_devices()` every batch is shared by all devices.
    """

    def __init__(
        self,
        frozen: tuple[str, ...] = (),
        rates: Mapping[str, float] | None = None,
        weight_decay: float = 0.05,
        average: float = 0.998,
        head_units: int = 1024,
        width: float = 1.0,
        blocks: tuple[int, ...] = network.RESNET50,
        seed: int = 0,
    ) -> None:
        import keras

        keras.utils.set_random_seed(seed)
        self.network = network.build(None, head_units, width, blocks)
        self._average = average
        self._slowed: list[tuple[Any, float]] = []
        for layer in self.network.layers:
            stage = network.stage_of(layer.name)
            layer.trainable = stage not in frozen
            factor = (rates or {}).get(stage, 1.0)
            self._slowed += [(variable, factor) for variable in layer.trainable_variables if factor != 1]
        self._optimizer = keras.optimizers.AdamW(1e-3, weight_decay=weight_decay, global_clipnorm=2.0)
        # JAX is XLA; elsewhere, on a CPU, XLA compiles for a minute and trains no faster
        compiled = keras.backend.backend() == "jax"
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        self.network.compile(self._optimizer, loss=loss, jit_compile=compiled)
        self._optimizer.build(self.network.trainable_variables)  # else the first step is traced twice
        self._averaged: dict[str, np.ndarray] | None = None
        self._steps = 0
        self._replicas = data_parallel.replicas()

    def load(self, given: Mapping[str, np.ndarray]) -> list[str]:
        """Set weights by Keras name; returns the names that were not given."""
        self._averaged = None
        return network.load_weights(self.network, given, partial=True)

    def step(self, pixels: np.ndarray, labels: np.ndarray, rate: float, places: np.ndarray | None = None) -> float:
        """One AdamW step at learning rate `rate`; pixels uint8 [n, s, s, 3], labels [n] in 0..1. Returns the loss.

        places: not used here (the recipe's attention is for the torch engines).
        Raises ValueError where several devices cannot share n equally.
        """
        data_parallel.check_divisible(len(pixels), self._replicas)
        self._optimizer.learning_rate = rate
        self.network.reset_metrics()  # the loss it returns is a mean since the last reset
        before = [network.to_numpy(variable.value).copy() for variable, _ in self._slowed]
        loss = self.network.train_on_batch(pixels.astype(np.float32), labels[:, None])
        # AdamW's step and its weight decay are both proportional to the rate, so a share of the step is a step at a
        # share of the rate; Keras optimizers themselves know one rate only
        for (variable, factor), old in zip(self._slowed, before, strict=True):
            variable.assign(old + factor * (network.to_numpy(variable.value) - old))
        self._steps += 1
        if self._steps % 4 == 0:
            self._update_average()
        return float(np.asarray(loss))

    def logits(self, pixels: np.ndarray, batch: int = 32) -> np.ndarray:
        """Raw logits [n] of uint8 crops with the averaged weights."""
        current = network.weights(self.network)
        network.load_weights(self.network, self._averaged or current)
        parts = []
        for at in range(0, len(pixels), batch):
            part = data_parallel.padded(pixels[at : at + batch].astype(np.float32), self._replicas)
            parts.append(np.asarray(self.network.predict_on_batch(part))[:, 0])
        network.load_weights(self.network, current)
        return np.concatenate(parts)[: len(pixels)]

    def averaged_weights(self) -> dict[str, np.ndarray]:
        """The averaged weights by Keras name, float32."""
        return dict(self._averaged or network.weights(self.network))

    def state(self) -> dict[str, np.ndarray]:
        """Everything that a later run needs to go on: weights, average, optimizer moments, dropout's random state."""
        state = {f"weights/{name}": value for name, value in network.weights(self.network).items()}
        state |= {f"average/{name}": value for name, value in (self._averaged or {}).items()}
        state |= {f"optimizer/{i}": network.to_numpy(v.value) for i, v in enumerate(self._optimizer.variables)}
        state |= {f"random/{i}": network.to_numpy(v.value) for i, v in enumerate(self._random_variables())}
        return state | {"steps": np.array(self._steps)}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `state()`."""
        named = {key.partition("/")[2]: value for key, value in state.items() if key.startswith("weights/")}
        network.load_weights(self.network, named)
        averaged = {key.partition("/")[2]: np.array(v) for key, v in state.items() if key.startswith("average/")}
        self._averaged = averaged or None
        for index, variable in enumerate(self._optimizer.variables):
            variable.assign(state[f"optimizer/{index}"])
        for index, variable in enumerate(self._random_variables()):
            variable.assign(state[f"random/{index}"])
        self._steps = int(state["steps"])

    def _random_variables(self) -> list[Any]:
        return [v for v in self.network.non_trainable_variables if "seed" in v.path]

    def _update_average(self) -> None:
        weights = network.weights(self.network)
        if self._averaged is None:
            self._averaged = weights
            return
        keep = min(self._average, (1 + self._steps) / (20 + self._steps)) ** 4
        # in this form frozen weights stay the same to the last bit
        self._averaged = {k: value + (1 - keep) * (weights[k] - value) for k, value in self._averaged.items()}
