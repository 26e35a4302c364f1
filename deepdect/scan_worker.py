"""One worker of a scan, a process with a warm Detector: `python -m deepdect.scan_worker RUNTIME`.

It speaks JSON lines. Once ready it writes {"model": ..., "runtime": ...}, or {"error": ...} where it never will be;
then, for every path it reads (a JSON string), the row. It ends when its input does, so it never outlives the scan.

Files are analysed one at a time, and not by `analyze_many`: on one thread a batch is no faster (measured: .106 s a
crop alone, .105 s as one of 16), its matrix products round differently (2 of 1,024 printed evidence cells changed by
one in the last place), and 16 decoded photos could fill the memory.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from deepdect import faces, mesh, openvino_core
from deepdect.analysis import Analysis
from deepdect.detector import Detector
from deepdect.memory import keep_large_blocks
from deepdect.runtime import RuntimeUnavailableError
from deepdect.scan_rows import Row, failed_row
from deepdect.weights import WeightsError

NAME = "deepdect.scan_worker"
ROOT = str(Path(__file__).resolve().parent.parent)
# A worker a CPU, each with one thread: more would only get in one another's way.
THREADS = ("DEEPDECT_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")


class Analyser(Protocol):
    """What a worker needs of a Detector."""

    model: dict[str, str]

    @property
    def runtime(self) -> Any:
        """Has the `name` that rows give."""

    def analyze(self, source: str) -> Analysis:
        """The analysis of the file at this path."""


def environment() -> dict[str, str]:
    """What a worker process is started with."""
    paths = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH", "")]))
    return os.environ | dict.fromkeys(THREADS, "1") | {"PYTHONPATH": paths}


def serve(open_analyser: Callable[[], Analyser]) -> None:
    """Answer standard input's paths on standard output until it ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers

    def answer(value: Any) -> None:
        answers.write(json.dumps(value).encode() + b"\n")  # ASCII, so that any path survives
        answers.flush()

    try:
        analyser = open_analyser()
    except (RuntimeUnavailableError, WeightsError, ValueError, OSError) as error:
        answer({"error": str(error)})
        return
    try:
        answer({"model": analyser.model, "runtime": analyser.runtime.name})
        for line in sys.stdin.buffer:
            answer(_row(analyser, json.loads(line)))
    except BrokenPipeError:
        os._exit(0)  # the scan is gone; closing `answers` in the ordinary way would raise this again


def open_detector(runtime: str | None) -> Detector:
    """A Detector with all its networks compiled, one worker of this machine after the other.

    The first one ever builds the graph and fills OpenVINO's cache; the others would do the same at the same time.
    """
    cv2.setNumThreads(1)
    with _alone():
        detector = Detector(runtime)  # type: ignore[arg-type]  # checked by Detector
        faces.find(np.zeros((256, 256, 3), np.uint8))
        mesh.face_mesh()
    return detector


def _row(analyser: Analyser, path: str) -> Row:
    started = time.perf_counter()
    try:
        return analyser.analyze(path).to_json()
    except Exception as error:  # a fault of ours that one file in a million brings out must not stop the others
        elapsed = (time.perf_counter() - started) * 1000
        reason = f"could not be analysed ({type(error).__name__}: {error}). Please report this."
        return failed_row(path, reason, analyser.model, analyser.runtime.name, elapsed)


@contextmanager
def _alone() -> Iterator[None]:
    with ExitStack() as stack:
        with suppress(OSError):  # a cache that cannot be written to: they compile side by side
            file = stack.enter_context((openvino_core.cache_dir() / "scan.lock").open("w"))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    keep_large_blocks()
    serve(lambda: open_detector(sys.argv[1] if len(sys.argv) > 1 else None))
