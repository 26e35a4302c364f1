"""Runs the backbone: crops uint8 RGB [n, 256, 256, 3] -> features float32 [n, 8, 8, 2048].

OpenVINO serves; TensorFlow is the reference it is held to. The int8 graph is shipped. The others' is built from the
`.npz` once (`deepdect.graph`) and kept in the cache folder under the weights' sha256.
"""

from __future__ import annotations

import os
import platform
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from deepdect import openvino_core
from deepdect import weights as shipped
from deepdect.graph import save_graph
from deepdect.openvino_core import RuntimeUnavailableError

RuntimeName = Literal["auto", "openvino-int8", "openvino-bf16", "openvino-f32", "tensorflow"]
RUNTIMES: tuple[RuntimeName, ...] = ("auto", "openvino-int8", "openvino-bf16", "openvino-f32", "tensorflow")
CROP_SHAPE = (256, 256, 3)
GRAPH_VERSION = 3  # of what `deepdect.graph` writes: a cached graph of another one is not used
MAX_BATCH = 16  # crops a pass; more would only cost memory


class Runtime(Protocol):
    """What a backbone runtime offers; `name` is what the JSON's `runtime` says."""

    name: str

    def run(self, crops: np.ndarray) -> np.ndarray:
        """uint8 RGB [n, 256, 256, 3] -> features float32 [n, 8, 8, 2048]. Raises ValueError for anything else."""


def wanted(name: str | None) -> str:
    """That name; without one what `DEEPDECT_RUNTIME` says, else "auto". Not checked: see `open_runtime`."""
    return name or os.environ.get("DEEPDECT_RUNTIME") or "auto"


def open_runtime(name: RuntimeName, weights: Path, sha256: str, threads: int | None = None) -> Runtime:
    """The runtime of that name over these weights.

    `auto` takes bf16 where the CPU multiplies matrices in it (AMX), int8 where it computes in that and its graph is
    shipped, else bf16 where it has that, else f32.
    Raises ValueError for an unknown name, RuntimeUnavailableError for one that cannot be had, WeightsError for a
    damaged int8 graph.
    """
    if name not in RUNTIMES:
        raise ValueError(f"runtime must be one of {', '.join(RUNTIMES)}; received {name!r}")
    if name == "tensorflow":
        return TensorFlowRuntime(weights)
    if name == "openvino-int8" or (name == "auto" and _int8_is_fastest()):
        graph = shipped.int8_graph(weights.parent, sha256)
        if graph:
            # what the graph leaves in float is computed in float: bfloat16 would round the stem
            return OpenVinoRuntime(graph, "int8", threads)
        if name == "openvino-int8":
            raise RuntimeUnavailableError(
                f"openvino-int8: no int8 backbone lies beside {weights}; use auto or openvino-f32"
            )
    has_bf16 = "BF16" in openvino_core.core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if name == "openvino-bf16" and not has_bf16:
        raise RuntimeUnavailableError("openvino-bf16: this CPU does not compute in bfloat16; use auto or openvino-f32")
    precision = "bf16" if name == "openvino-bf16" or (name == "auto" and has_bf16) else "f32"
    return _from_cache(weights, sha256, precision, threads)


def _from_cache(weights: Path, sha256: str, precision: str, threads: int | None) -> OpenVinoRuntime:
    """The runtime over the cached graph; one that does not compile, damaged as it must be, is built anew once."""
    graph = graph_file(weights, sha256)
    try:
        return OpenVinoRuntime(graph, precision, threads)
    except RuntimeError:  # the only type that OpenVINO raises
        _remove(graph)
    graph = graph_file(weights, sha256)
    try:
        return OpenVinoRuntime(graph, precision, threads)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise RuntimeUnavailableError(f"openvino-{precision}: {graph} cannot be compiled: {reason}") from error


def _int8_is_fastest() -> bool:
    """Whether int8 is this CPU's fastest: with VNNI by far, with AVX2 alone still by half.

    With AMX it is not: there bf16 costs as little, and the int8 graph's changes between float and int8 come on top.
    """
    capabilities = openvino_core.core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "INT8" in capabilities and platform.machine() in ("x86_64", "AMD64") and not openvino_core.has_amx()


class OpenVinoRuntime:
    """The compiled graph; one inference request a thread."""

    def __init__(self, graph: Path, precision: str = "f32", threads: int | None = None) -> None:
        self.name = f"openvino-{precision}"
        hint = "f32" if precision == "int8" else precision
        self._requests = openvino_core.Requests(openvino_core.compile_model(graph, hint, threads))

    def run(self, crops: np.ndarray) -> np.ndarray:
        _check(crops)
        request = self._requests.get()
        parts = []
        for start in range(0, len(crops), MAX_BATCH):
            request.infer([crops[start : start + MAX_BATCH]], share_outputs=True)
            parts.append(np.array(request.get_output_tensor(0).data, dtype=np.float32))
        return np.concatenate(parts) if parts else np.empty((0, 8, 8, 2048), np.float32)


class TensorFlowRuntime:
    """The Keras network itself: the reference, slow to start. Imports TensorFlow."""

    name = "tensorflow"

    def __init__(self, weights: Path) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its start-up banter would drown our own messages
        import tensorflow as tf

        from deepdect import network

        model = network.build()
        network.load_weights(model, weights)
        backbone = network.backbone(model)
        self._run: Any = tf.function(lambda rgb: backbone(tf.cast(rgb, tf.float32), training=False))

    def run(self, crops: np.ndarray) -> np.ndarray:
        _check(crops)
        parts = [self._run(crops[start : start + MAX_BATCH]).numpy() for start in range(0, len(crops), MAX_BATCH)]
        return np.concatenate(parts) if parts else np.empty((0, 8, 8, 2048), np.float32)


def graph_file(weights: Path, sha256: str) -> Path:
    """The OpenVINO graph (.xml beside its .bin) of these weights, built on first use.

    Raises RuntimeUnavailableError where the weights are no archive of this network's or the cache cannot hold it.
    """
    target = openvino_core.cache_dir() / f"backbone-{GRAPH_VERSION}-{sha256[:16]}.xml"
    if target.is_file():
        return target
    # a private name, then a rename: two processes that start together must not read each other's half-written graph
    partial = target.with_name(f"{target.stem}.{os.getpid()}.xml")
    try:
        save_graph(weights, partial)
        os.replace(partial.with_suffix(".bin"), target.with_suffix(".bin"))
        os.replace(partial, target)
    except (OSError, RuntimeError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        # RuntimeError: OpenVINO's, where the disk is full or the folder cannot be written to
        raise RuntimeUnavailableError(
            f"the OpenVINO graph could not be built from {weights} in {target.parent}: {' '.join(str(error).split())}"
        ) from error
    finally:
        _remove(partial)
    return target


def _remove(graph: Path) -> None:
    """Of a graph, whatever is there and can be removed."""
    for file in (graph, graph.with_suffix(".bin")):
        with suppress(OSError):
            file.unlink()


def _check(crops: np.ndarray) -> None:
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != CROP_SHAPE:
        raise ValueError(f"expected crops uint8 [n, 256, 256, 3], received {crops.dtype} {list(crops.shape)}")
