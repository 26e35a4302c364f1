"""The backbone for ONNX Runtime, to be timed beside OpenVINO: an ONNX graph written from the shipped weights.

Preprocessing and layers are those of `deepdect.network`; batch norm is folded into the kernels, as every server does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from deepdect.network import BATCH_NORM_EPSILON, IMAGENET_MEANS_BGR, RESNET50


def folded(weights: Mapping[str, np.ndarray], conv: str) -> tuple[np.ndarray, np.ndarray]:
    """Kernel OIHW and bias [out], float32, of a convolution and the batch norm behind it."""
    norm = conv.replace("_conv", "_bn")
    get = {key: np.asarray(weights[f"{norm}/{key}"], np.float32) for key in ("gamma", "beta", "moving_mean")}
    scale = get["gamma"] / np.sqrt(np.asarray(weights[f"{norm}/moving_variance"], np.float32) + BATCH_NORM_EPSILON)
    kernel = np.asarray(weights[f"{conv}/kernel"], np.float32) * scale
    bias = (np.asarray(weights[f"{conv}/bias"], np.float32) - get["moving_mean"]) * scale + get["beta"]
    return np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)), bias


def graph(weights: Mapping[str, np.ndarray], blocks: tuple[int, ...] = RESNET50) -> bytes:
    """Serialised ONNX model: uint8 RGB [n, s, s, 3] -> float32 features [n, s / 32, s / 32, channels]."""
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    constants: list[Any] = []

    def constant(name: str, value: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(value, name))
        return name

    def add(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def conv(x: str, name: str, stride: int = 1, relu: bool = True) -> str:
        kernel, bias = folded(weights, name)
        if name == "conv1_conv":  # RGB in, where the weights expect BGR
            kernel = np.ascontiguousarray(kernel[:, ::-1])
        half = kernel.shape[2] // 2
        inputs = [x, constant(f"{name}_kernel", kernel), constant(f"{name}_bias", bias)]
        x = add("Conv", inputs, name, strides=[stride] * 2, pads=[half] * 4)
        return add("Relu", [x], f"{name}_relu") if relu else x

    means = np.array(IMAGENET_MEANS_BGR[::-1], np.float32)
    x = add("Cast", ["rgb"], "float", to=TensorProto.FLOAT)
    x = add("Sub", [x, constant("means", means)], "centred")
    x = conv(add("Transpose", [x], "nchw", perm=[0, 3, 1, 2]), "conv1_conv", 2)
    x = add("MaxPool", [x], "pool1", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for stage, depth in enumerate(blocks, start=2):
        for block in range(1, depth + 1):
            name, stride = f"conv{stage}_block{block}", 2 if block == 1 and stage > 2 else 1
            shortcut = conv(x, f"{name}_0_conv", stride, relu=False) if block == 1 else x
            x = conv(conv(x, f"{name}_1_conv", stride), f"{name}_2_conv")
            x = add("Add", [conv(x, f"{name}_3_conv", relu=False), shortcut], f"{name}_add")
            x = add("Relu", [x], f"{name}_out")
    add("Transpose", [x], "features", perm=[0, 2, 3, 1])
    description = helper.make_graph(
        nodes,
        "deepdect_backbone",
        [helper.make_tensor_value_info("rgb", TensorProto.UINT8, ["n", "s", "s", 3])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", "h", "w", "c"])],
        constants,
    )
    model = helper.make_model(description, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    serialised: bytes = model.SerializeToString()
    return serialised


def runner(
    weights: Mapping[str, np.ndarray], threads: int, blocks: tuple[int, ...] = RESNET50
) -> Callable[[np.ndarray], np.ndarray]:
    """crops uint8 [n, 256, 256, 3] -> features [n, 8, 8, 2048], by ONNX Runtime on the CPU.

    Raises ModuleNotFoundError where onnx or onnxruntime is not installed.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # its threads would go on spinning after the call and slow down whatever is measured next
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(graph(weights, blocks), options, providers=["CPUExecutionProvider"])
    return lambda crops: session.run(None, {"rgb": crops})[0]
