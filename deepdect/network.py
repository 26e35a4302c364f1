"""What the model is: the paper's network as one flat functional Keras 3 graph, preprocessing included.

RGB 0..255 -> ResNet50 (He et al., 2015; Keras v1 layout) -> GlobalAveragePooling -> Dense(1024, ReLU) -> Dropout(0.5)
-> Dense(1), a raw logit. Keras is imported only here, in training and in export: serving never needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

INPUT_SIZE = 256
FEATURES = "conv5_block3_out"  # the last block's activation: after the residual addition and its ReLU
STAGES = ("conv1", "conv2", "conv3", "conv4", "conv5", "head")
# (filters, stride) of stages conv2 to conv5, and how many blocks each has
STAGE_SHAPES = ((64, 1), (128, 2), (256, 2), (512, 2))
RESNET50 = (3, 4, 6, 3)
BATCH_NORM_EPSILON = 1.001e-5
IMAGENET_MEANS_BGR = (103.939, 116.779, 123.68)


def build(
    input_size: int | None = INPUT_SIZE,
    head_units: int = 1024,
    width: float = 1.0,
    blocks: tuple[int, ...] = RESNET50,
) -> Any:
    """The network as a `keras.Model` from RGB [n, size, size, 3] in 0..255 to the raw logit [n, 1].

    input_size: None accepts any size (progressive resizing). width scales every filter count, blocks sets each stage's
    depth: tests use small ones.
    """
    import keras
    from keras import layers

    inputs = keras.Input((input_size, input_size, 3), name="rgb")
    # "caffe" preprocessing as the starting weights expect it: BGR order, ImageNet means removed, no scaling
    x = layers.Lambda(_preprocess, output_shape=(input_size, input_size, 3), name="preprocess")(inputs)
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = layers.Conv2D(_scaled(64, width), 7, strides=2, name="conv1_conv")(x)
    x = layers.BatchNormalization(epsilon=BATCH_NORM_EPSILON, name="conv1_bn")(x)
    x = layers.ReLU(name="conv1_relu")(x)
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stage, (depth, (filters, stride)) in enumerate(zip(blocks, STAGE_SHAPES, strict=True), start=2):
        for block in range(1, depth + 1):
            first = block == 1
            x = _block(x, _scaled(filters, width), stride if first else 1, first, f"conv{stage}_block{block}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(head_units, activation="relu", name="head_dense")(x)
    x = layers.Dropout(0.5, name="head_dropout")(x)
    return keras.Model(inputs, layers.Dense(1, name="head_logit")(x), name="deepdect_resnet50")


def backbone(model: Any) -> Any:
    """The part that is exported: RGB 0..255 -> features [n, h, w, channels] of the last block, sharing weights."""
    import keras

    return keras.Model(model.input, model.get_layer(FEATURES).output, name="deepdect_backbone")


def stage_of(layer_name: str) -> str:
    """The stage a layer belongs to: one of `STAGES`."""
    return layer_name.split("_")[0] if layer_name.startswith("conv") else "head"


def weights(model: Any) -> dict[str, np.ndarray]:
    """All weights as float32 arrays under `layer/variable` names, e.g. `conv1_bn/moving_mean`."""
    return {
        f"{layer.name}/{variable.name}": np.asarray(to_numpy(variable.value), np.float32)
        for layer in model.layers
        for variable in layer.weights
        if "seed" not in variable.name
    }


def load_weights(model: Any, source: Path | Mapping[str, np.ndarray], partial: bool = False) -> list[str]:
    """Set weights by name from an `.npz` or a mapping; returns the model's names that the source does not hold.

    partial: missing names keep their initial values (the starting weights end at conv4). Raises ValueError for missing
    names otherwise, and for any shape that differs.
    """
    given = dict(np.load(source, allow_pickle=False)) if isinstance(source, Path) else source
    missing = []
    for layer in model.layers:
        for variable in layer.weights:
            name = f"{layer.name}/{variable.name}"
            if name in given:
                if tuple(given[name].shape) != tuple(variable.shape):
                    raise ValueError(f"{name}: expected shape {tuple(variable.shape)}, received {given[name].shape}")
                variable.assign(np.asarray(given[name], np.float32))
            elif "seed" not in name:
                missing.append(name)
    if missing and not partial:
        raise ValueError(f"{len(missing)} weights are missing, first {missing[0]}: is this file for another network?")
    return missing


def load_imagenet(model: Any) -> None:
    """Start all five stages from Keras' ImageNet weights (`weights="imagenet"`, downloaded by Keras)."""
    import keras

    source = keras.applications.ResNet50(weights="imagenet", include_top=False)
    given = {
        f"{layer.name}/{variable.name}": to_numpy(variable.value)
        for layer in source.layers
        for variable in layer.weights
    }
    load_weights(model, given, partial=True)


def _scaled(filters: int, width: float) -> int:
    return max(1, int(filters * width))


def _preprocess(rgb: Any) -> Any:
    from keras import ops

    return ops.flip(rgb, axis=-1) - ops.convert_to_tensor(IMAGENET_MEANS_BGR, dtype=rgb.dtype)


def to_numpy(value: Any) -> np.ndarray:
    """A backend tensor as a NumPy array."""
    from keras import ops

    return np.asarray(ops.convert_to_numpy(value))


def _block(x: Any, filters: int, stride: int, project: bool, name: str) -> Any:
    """A bottleneck block of ResNet v1: 1x1 (with the stride), 3x3, 1x1, plus the shortcut."""
    from keras import layers

    shortcut = x
    if project:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(x)
        shortcut = layers.BatchNormalization(epsilon=BATCH_NORM_EPSILON, name=f"{name}_0_bn")(shortcut)
    x = layers.Conv2D(filters, 1, strides=stride, name=f"{name}_1_conv")(x)
    x = layers.BatchNormalization(epsilon=BATCH_NORM_EPSILON, name=f"{name}_1_bn")(x)
    x = layers.ReLU(name=f"{name}_1_relu")(x)
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_2_conv")(x)
    x = layers.BatchNormalization(epsilon=BATCH_NORM_EPSILON, name=f"{name}_2_bn")(x)
    x = layers.ReLU(name=f"{name}_2_relu")(x)
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    x = layers.BatchNormalization(epsilon=BATCH_NORM_EPSILON, name=f"{name}_3_bn")(x)
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_out")(x)
