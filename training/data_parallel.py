"""One batch over all of a machine's accelerators: `python -m training.train … --data-parallel`, with KERAS_BACKEND=jax.

Every device holds all weights and takes an equal share of the batch; gradients and batch norm's statistics are those of
the whole batch, so the losses are one device's (Keras' `DataParallel` over JAX, which partitions the one program).
"""

from __future__ import annotations

import numpy as np


def over_all_devices() -> int:
    """Spread what Keras makes from now on over all devices that JAX sees; returns how many.

    Raises RuntimeError on another backend: TensorFlow's strategies leave batch norm's statistics to each device.
    """
    import keras

    if keras.backend.backend() != "jax":
        raise RuntimeError(
            f"training on several devices needs Keras on JAX; received the backend {keras.backend.backend()}: "
            "set KERAS_BACKEND=jax"
        )
    devices = keras.distribution.list_devices()
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False))
    return len(devices)


def replicas() -> int:
    """How many devices share a batch now."""
    import keras

    chosen = keras.distribution.distribution()
    return 1 if chosen is None else int(chosen.device_mesh.devices.size)


def padded(pixels: np.ndarray, count: int) -> np.ndarray:
    """`pixels` [n, ...] with its last row repeated until `count` divides n."""
    missing = -len(pixels) % count
    return np.concatenate([pixels, np.repeat(pixels[-1:], missing, axis=0)]) if missing else pixels


def check_divisible(batch: int, count: int) -> None:
    """Raises ValueError where a training batch cannot be shared equally."""
    if batch % count:
        raise ValueError(f"{count} devices share each batch equally; received a batch of {batch}, not a multiple")
