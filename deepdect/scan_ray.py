"""The engine for many machines: Ray Data, `map_batches` over a pool of actors.

Each actor keeps one worker process as the local engine does, so that a file which kills it costs neither the actor nor
the scan; actors that die with their machine are started again and their batches done again. Every machine needs Deep
Dect's requirements and sees the pictures under the same paths; the code and the weights are sent to it.
"""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, Self

import ray
import ray.data
import ray.exceptions

from deepdect.scan_pool import Pool
from deepdect.scan_rows import Row, ScanError
from deepdect.scan_worker import ROOT

SENT = ("deepdect", "explain", "models")  # of the checkout, to every machine
BATCH = 16  # files a task: what a dead actor costs, and what a row waits for
WINDOW = 50_000  # files a data set: bounds the driver's memory; the actors start anew with each


class RayEngine:
    """A connection to a cluster, to be used as a context.

    arguments: of the workers, as for `Pool`. workers: actors, by default one a CPU of the cluster. address: as for
    `ray.init`; None starts a cluster of this machine alone. Raises ScanError where there is no cluster.
    """

    def __init__(self, arguments: Sequence[str], workers: int | None, address: str | None) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # Ray would report to its makers
        self._arguments = list(arguments)
        excludes = [f"/{name}" for name in os.listdir(ROOT) if name not in SENT]
        # "local": not one that RAY_ADDRESS or an earlier `ray start` may name
        try:
            ray.init(
                address or "local",
                runtime_env={"working_dir": ROOT, "excludes": excludes},
                include_dashboard=None if address else False,
                logging_level="ERROR",
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ScanError(f"Ray does not start, or there is no cluster at {address}: {error}") from error
        self._workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        logging.getLogger("ray.data").setLevel("ERROR")
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False  # we have our own
        context.print_on_execution_start = False

    def analyze(self, paths: Iterable[str]) -> Iterator[Row]:
        """A row for every path, in the order in which they are done. Raises ScanError where the workers cannot start,
        or Ray gives up."""
        remaining = iter(paths)
        while window := list(islice(remaining, WINDOW)):
            # Ray promises at least once; a row is written exactly once
            due = Counter(window)
            for row in self._window(window):
                if due[row["path"]] > 0:
                    due[row["path"]] -= 1
                    yield row
            missing = due.total()
            if missing:
                raise ScanError(f"Ray lost {missing:,} of {len(window):,} files: go on with --resume")

    def _window(self, paths: list[str]) -> Iterator[Row]:
        # as JSON: Arrow's strings hold no path that is not UTF-8, and no rows of two shapes
        items = [{"path": json.dumps(path)} for path in paths]
        rows = ray.data.from_items(items, override_num_blocks=-(-len(items) // BATCH)).map_batches(
            _Actor,
            batch_size=BATCH,
            compute=ray.data.ActorPoolStrategy(size=self._workers),
            fn_constructor_args=(self._arguments, os.getcwd()),
            num_cpus=1,  # Ray Data restarts a dead actor and retries its tasks (max_restarts, max_task_retries: -1)
        )
        try:
            for row in rows.iter_rows():
                yield json.loads(row["row"])
        except ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None)
            raise ScanError(str(cause if isinstance(cause, ScanError) else error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ray.shutdown()


class _Actor:
    """Lives in the cluster: batches of paths to batches of rows, both as JSON."""

    def __init__(self, arguments: list[str], folder: str) -> None:
        # Ray puts actors into a folder of their own: relative paths begin where the scan was started
        self._pool = Pool(1, arguments, folder if os.path.isdir(folder) else None)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        rows = self._pool.analyze(json.loads(path) for path in batch["path"])
        return {"row": [json.dumps(row) for row in rows]}
