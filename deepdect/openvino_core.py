"""The one place that imports OpenVINO: telemetry declined first, threads and cache set once."""

from __future__ import annotations

import os
import sys
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openvino import CompiledModel, Core, InferRequest


class RuntimeUnavailableError(RuntimeError):
    """The wanted runtime cannot be had on this machine or in this version."""


def cache_dir(part: str = "") -> Path:
    """Folder for files that can be rebuilt (graphs, compiled models), or that part of it; created on first use.

    `DEEPDECT_CACHE` names it; otherwise `$XDG_CACHE_HOME/deepdect`, or `~/.cache/deepdect`. Raises
    RuntimeUnavailableError where it cannot be made.
    """
    chosen, caches = os.environ.get("DEEPDECT_CACHE"), os.environ.get("XDG_CACHE_HOME")
    try:
        folder = Path(chosen) if chosen else Path(caches or Path.home() / ".cache") / "deepdect"
    except RuntimeError as error:  # a user without a home
        raise RuntimeUnavailableError(
            "there is no home folder to keep a cache in: let DEEPDECT_CACHE name a folder"
        ) from error
    folder /= part
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RuntimeUnavailableError(
            f"the cache folder {folder} cannot be made ({error.strerror}): let DEEPDECT_CACHE name one that can be"
        ) from error
    return folder


def usable_cpus() -> int:
    """CPUs this process may really use: its affinity mask, lowered by a cgroup v2 or v1 quota (at least 1).

    `DEEPDECT_THREADS` overrides it (several workers on one machine share its cores that way).
    """
    chosen = os.environ.get("DEEPDECT_THREADS", "")
    if chosen.isdecimal() and int(chosen) > 0:
        return int(chosen)
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, min(cpus, int(quota + 0.5)) if quota else cpus)


def has_amx(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this CPU has AMX's bfloat16 tiles, as Linux says (OpenVINO does not)."""
    try:
        return "amx_bf16" in cpuinfo.read_text().split()
    except OSError:  # another system than Linux
        return False


def _cgroup_quota() -> float | None:
    """CPUs granted by the container's quota, or None where there is none."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        pass  # no cgroup v2 here: ask version 1
    try:
        quota = int(Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").read_text())
        period_us = int(Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
    return quota / period_us if quota > 0 else None


def openvino() -> Any:
    """The package, imported with its usage telemetry opted out."""
    # OpenVINO falls back to a silent stub when this package cannot be imported; unlike Intel's opt-out
    # file, which is written to the user's home, this says no for this process alone and cannot be undone by it.
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None means "not importable"
    import openvino

    return openvino


@lru_cache(maxsize=1)
def core() -> Core:
    """The process's `openvino.Core`."""
    found: Core = openvino().Core()
    found.set_property({"CACHE_DIR": str(cache_dir("openvino"))})
    return found


def compile_model(model: Any, precision: str = "f32", threads: int | None = None) -> CompiledModel:
    """Compile a path or `openvino.Model` for the CPU, one low-latency stream over `threads` (default: all usable)."""
    options = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": str(threads or usable_cpus()),
        # it would begin at the first core: two processes of one thread each would share that and leave the others idle
        "ENABLE_CPU_PINNING": "NO",
    }
    return core().compile_model(model, "CPU", options)


class Requests:
    """A compiled model's inference requests, one for each thread that asks.

    Write into `get().get_input_tensor().data`, then call `infer(share_outputs=True)`: `infer([array])` would check and
    copy its input, and without the flag the outputs are copied, too. For the small networks that find faces, that is
    a good part of their time.
    """

    def __init__(self, model: CompiledModel) -> None:
        self._model = model
        self._local = threading.local()

    def get(self) -> InferRequest:
        """The calling thread's; its output tensors are overwritten by its next pass."""
        if not hasattr(self._local, "request"):
            self._local.request = self._model.create_infer_request()
        request: InferRequest = self._local.request
        return request
