"""Builds the OpenVINO graph of the backbone: `python -m deepdect.graph WEIGHTS.npz GRAPH.xml`.

Run as a process of its own, because it imports TensorFlow; `deepdect.runtime` starts it on first use.
"""

from __future__ import annotations

import sys
from pathlib import Path

from deepdect import network, openvino_core


def build_graph(weights: Path, target: Path) -> None:
    """Write `target` (.xml) and its .bin: uint8 RGB [n, 256, 256, 3] -> float32 features [n, 8, 8, 2048].

    The constants stay in single precision: batch norm is folded into the kernels, which half precision would round
    once more.
    """
    openvino_core.core()  # before anything else imports OpenVINO: telemetry off
    import openvino
    import tensorflow as tf

    model = network.build()
    network.load_weights(model, weights)
    backbone = network.backbone(model)

    @tf.function(input_signature=[tf.TensorSpec([None, 256, 256, 3], tf.uint8)])
    def features(rgb: tf.Tensor) -> tf.Tensor:
        return backbone(tf.cast(rgb, tf.float32), training=False)

    graph = openvino.convert_model(features.get_concrete_function(), input=[-1, 256, 256, 3])
    openvino.save_model(graph, target, compress_to_fp16=False)


if __name__ == "__main__":
    build_graph(Path(sys.argv[1]), Path(sys.argv[2]))
