"""Timing, memory, and what machine this is."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

RESNET50_MACS = 5.4e9  # multiply-adds of one 256 x 256 crop: 4.1e9 at 224 x 224 (He et al., 2016), times (256 / 224)^2


@dataclass(frozen=True)
class Timing:
    """Milliseconds a call over `runs` calls."""

    median: float
    p95: float
    runs: int


def timed(call: Callable[[], Any], runs: int, warm: int = 3) -> Timing:
    """Time `call` after `warm` unmeasured calls."""
    for _ in range(warm):
        call()
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1000)
    return Timing(float(np.median(taken)), float(np.percentile(taken, 95)), runs)


def interleaved(calls: dict[str, Callable[[], Any]], runs: int, warm: int = 3) -> dict[str, Timing]:
    """Time several calls in turns, so that a noisy spell of the machine falls on all of them alike.

    In its turn, a call is made once before it is timed: it finds its own weights in the cache, not the last one's.
    """
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(warm + runs):
        for name, call in calls.items():
            call()
            start = time.perf_counter()
            call()
            if turn >= warm:
                taken[name].append((time.perf_counter() - start) * 1000)
    return {name: Timing(float(np.median(t)), float(np.percentile(t, 95)), runs) for name, t in taken.items()}


def at_numpy_speed() -> float:
    """Milliseconds that a crop's multiply-adds would take at the speed of NumPy's product of large float32 matrices.

    What the processor is good for in plain code, and no limit: an engine's own code may be quicker.
    """
    one = np.random.default_rng(0).random((2048, 2048), np.float32)
    product = timed(lambda: one @ one, runs=7)
    return product.median * RESNET50_MACS / 2048**3


@dataclass(frozen=True)
class ColdStart:
    """A fresh process to its first line of output. seconds: until that line; memory: peak, in MiB."""

    seconds: float
    memory: float


def cold_start(picture: Path, runs: int = 3) -> ColdStart:
    """`python -m deepdect analyze PICTURE --json` in a process of its own, the median of `runs`.

    Raises subprocess.CalledProcessError where it fails.
    """
    command = [sys.executable, "-m", "deepdect", "analyze", str(picture), "--json"]
    # a process in between, so that the peak is this command's and not that of whatever ran before it
    script = (
        "import resource, subprocess, sys, time; start = time.monotonic(); "
        "p = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE); line = p.stdout.readline(); "
        "took = time.monotonic() - start; p.stdout.read(); code = p.wait(); "
        "print(took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code or not line)"
    )
    seconds, memory = [], []
    for _ in range(runs):
        done = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=True)
        took, peak = done.stdout.split()
        seconds.append(float(took))
        memory.append(float(peak) / (2**20 if sys.platform == "darwin" else 2**10))
    return ColdStart(float(np.median(seconds)), float(np.median(memory)))


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import openvino

    from deepdect.openvino_core import core, usable_cpus

    return {
        "cpu": str(core().get_property("CPU", "FULL_DEVICE_NAME")),
        "computes_in": list(core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")),
        "usable_cpus": usable_cpus(),
        "cpus": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "openvino": openvino.__version__.split("-")[0],
    }
