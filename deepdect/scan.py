"""A million files to one JSONL or Parquet file, a row each, to be gone on with after any end.

Paths flow from the source through an engine to the output, one by one; nothing is kept but, when resuming, a hash of
each path that has its row.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from deepdect import scan_worker, weights
from deepdect.openvino_core import usable_cpus
from deepdect.scan_inputs import Inputs
from deepdect.scan_outputs import open_output
from deepdect.scan_pool import Pool
from deepdect.scan_rows import Finished, Row, ScanError

__all__ = ["ENGINES", "Outcome", "ScanError", "scan"]
ENGINES = ("local", "ray")


@dataclass(frozen=True)
class Outcome:
    """What the output holds in the end, earlier scans' rows included.

    failed: rows with a status other than "ok". others: rows of an earlier scan, of files that this source has not.
    """

    rows: int
    failed: int
    others: int = 0


def scan(
    source: str,
    output: Path,
    *,
    engine: str = "local",
    workers: int | None = None,
    resume: bool = False,
    runtime: str | None = None,
    address: str | None = None,
    worker: Sequence[str] | None = None,
) -> Outcome:
    """Analyse every file of a source and write the rows; progress goes to standard error.

    source: a folder, a text file with one path a line, or "-" (see `Inputs`). output: a path that ends in .jsonl or
    .parquet. engine: "local", worker processes on this machine (by default one a usable CPU), or "ray", on the cluster
    at `address` (by default one a CPU there; no address: this machine). resume: go on with an output that is there.
    runtime: as for Detector. worker: another worker's command line after the interpreter, for tests.

    The rows are those of `Detector.analyze`, written in the order in which they are done. Raises ScanError where it
    cannot start or go on; then, as after KeyboardInterrupt, the rows so far are kept and `resume` goes on.
    """
    if engine not in ENGINES:
        raise ScanError(f"engine must be one of {', '.join(ENGINES)}; received {engine!r}")
    if address and engine != "ray":
        raise ScanError("an address is for the engine ray only")
    if engine == "ray" and find_spec("ray") is None:
        raise ScanError("the engine ray needs Ray, which is not installed: pip install -r requirements-ray.txt")
    arguments = worker or ("-m", scan_worker.NAME, runtime or os.environ.get("DEEPDECT_RUNTIME") or "auto")
    inputs = Inputs(source)
    if Path(source).is_file() and output.exists() and os.path.samefile(source, output):
        raise ScanError(f"{output}: is the list of files itself. Write to another file.")
    paths = inputs.paths()
    sha256 = weights.load().sha256
    with open_output(output, resume, sha256) as rows_out:
        finished = rows_out.finished
        rows, failed = finished.rows, finished.failed
        todo = (path for path in paths if not finished.take(path))
        with _engine(engine, arguments, workers, address) as analyze, _progress(inputs, finished) as advance:
            for row in analyze(todo):
                if row["model"]["sha256"] != sha256:
                    raise ScanError(
                        f"a worker has other weights (sha256 {row['model']['sha256'][:16]}…) than this process "
                        f"(sha256 {sha256[:16]}…): give every machine the same models/ folder"
                    )
                rows_out.write(row)
                rows += 1
                failed += row["status"] != "ok"
                advance()
        rows_out.complete()
    return Outcome(rows, failed, finished.left)


@contextmanager
def _engine(
    engine: str, arguments: Sequence[str], workers: int | None, address: str | None
) -> Iterator[Callable[[Iterable[str]], Iterator[Row]]]:
    """A function from paths to rows, with what it needs to run for as long as the context lasts."""
    if engine == "ray":
        from deepdect.scan_ray import RayEngine  # only now: an optional extra

        with RayEngine(arguments, workers, address) as cluster:
            yield cluster.analyze
    else:
        with Pool(workers or usable_cpus(), arguments) as pool:
            yield pool.analyze


class _Pace(ProgressColumn):
    """Files a second and time left, by the whole of this scan so far (an earlier one's rows took it no time)."""

    def render(self, task: Task) -> Text:
        done = task.completed - task.fields["before"]
        if not done or not task.elapsed:
            return Text("")
        pace = done / task.elapsed
        left = "" if task.total is None else f", {timedelta(seconds=int((task.remaining or 0) / pace))} left"
        return Text(f"{pace:.1f}/s{left}", style="progress.remaining")


@contextmanager
def _progress(inputs: Inputs, finished: Finished) -> Iterator[Callable[[], None]]:
    """The bar on standard error, and the function that moves it on by one row.

    The files are counted beside the scan, so that it need not wait for the count.
    """
    count = TextColumn("{task.completed:,}/{task.fields[files]}")
    columns = (TextColumn("scan"), BarColumn(), count, TimeElapsedColumn(), _Pace())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("scan", total=None, completed=finished.rows, before=finished.rows, files="?")

        def set_total() -> None:
            try:
                total = inputs.count()
            except ScanError:  # gone since the scan began, which goes on with what it has open
                return
            if total is not None:
                progress.update(task, total=total, files=f"{total:,}")

        threading.Thread(target=set_total, name="count", daemon=True).start()
        yield lambda: progress.advance(task)
