"""How fast a scan is, and whether its memory stays flat: `python -m benchmarks.scan DIR --rows 20000 --workers 1,2`.

The pictures are listed over and over up to the number of rows, and the scan command runs as users run it, once for each
number of workers; what it writes is counted, and what its processes hold is read from /proc (so, on Linux only).
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deepdect.scan_inputs import Inputs
from deepdect.scan_rows import ScanError

ROOT = Path(__file__).resolve().parent.parent
SPAN = 1000  # rows at either end over which memory is averaged


@dataclass(frozen=True)
class Measurement:
    """One scan. start: seconds until the first row; rate: rows a second from then on. first, last: memory of all its
    processes in MiB (proportional set size: shared pages count once), averaged over the first and last `span` rows."""

    workers: int
    rows: int
    start: float
    rate: float
    span: int
    first: float
    last: float


def measure(pictures: list[str], rows: int, workers: int, interval: float = 0.2) -> Measurement:
    """Scan the pictures, repeated up to `rows`. interval: seconds between two looks.

    Raises ValueError for fewer than two rows or no pictures, RuntimeError where the scan fails.
    """
    if rows < 2 or not pictures:
        raise ValueError(f"expected pictures and at least 2 rows, received {len(pictures)} pictures and {rows} rows")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        output, errors = folder / "out.jsonl", folder / "errors.txt"
        with (folder / "list.txt").open("wb") as file:
            for path in itertools.islice(itertools.cycle(pictures), rows):
                file.write(os.fsencode(os.path.abspath(path)) + b"\n")
        command = [sys.executable, "-m", "deepdect", "scan", str(folder / "list.txt"), "--output", str(output)]
        began = time.perf_counter()
        with errors.open("wb") as stream:
            process = subprocess.Popen([*command, "--workers", str(workers)], cwd=ROOT, stderr=stream)
        try:
            looks = list(_watch(process, output, interval))
        finally:
            process.kill()
            process.wait()
        if process.returncode not in {0, 1} or looks[-1][1] != rows:
            raise RuntimeError(f"the scan failed (exit status {process.returncode}): {errors.read_text()[-2000:]}")
    span = min(SPAN, rows // 2)
    (first_time, first_rows, _), (end, _, _) = next(look for look in looks if look[1]), looks[-1]
    # nothing was seen between the first row and the last where the scan is shorter than the interval
    rate = (rows - first_rows) / (end - first_time) if first_rows < rows else rows / (end - began)
    memory = [
        [held for _, done, held in looks if held and low <= done < high]
        for low, high in ((1, span + 1), (rows - span, rows))
    ]
    first, last = (sum(part) / len(part) / 2**20 if part else float("nan") for part in memory)
    return Measurement(workers, rows, first_time - began, rate, span, first, last)


def _watch(process: subprocess.Popen, output: Path, interval: float) -> Iterator[tuple[float, int, int]]:
    """(time, rows so far, bytes held) again and again until the process has ended, and once after."""
    rows, position = 0, 0
    running = True
    while running:
        running = process.poll() is None
        if output.exists():
            with output.open("rb") as file:
                file.seek(position)
                while block := file.read(2**20):
                    position += len(block)
                    rows += block.count(b"\n")
        yield time.perf_counter(), rows, tree_memory(process.pid)
        time.sleep(interval if running else 0)


def tree_memory(root: int) -> int:
    """Bytes that a process and its descendants hold now (proportional set size); 0 where it has ended."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:  # it ended meanwhile
                continue
            children.setdefault(int(fields[1]), []).append(int(entry))
    total, waiting = 0, [root]
    while waiting:
        process = waiting.pop()
        waiting += children.get(process, [])
        try:
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except OSError:  # it ended meanwhile
            continue
    return total


def table(measurements: list[Measurement]) -> Table:
    """The measurements, each rate also as a multiple of the first."""
    shown = Table("workers", "rows", "start", "images/s", "ratio", "MiB, first rows", "MiB, last rows", "growth")
    for one in measurements:
        shown.add_row(
            str(one.workers),
            f"{one.rows:,}",
            f"{one.start:.1f} s",
            f"{one.rate:.2f}",
            f"{one.rate / measurements[0].rate:.2f}",
            f"{one.first:.0f} (first {one.span:,})",
            f"{one.last:.0f} (last {one.span:,})",
            f"{one.last / one.first - 1:+.1%}",
        )
    return shown


def main(
    sources: Annotated[list[str], typer.Argument(metavar="FILES_OR_DIR...", help="Pictures, or a folder of them.")],
    rows: Annotated[int, typer.Option(min=2, help="Rows a scan.")] = 20_000,
    workers: Annotated[str, typer.Option(help="Numbers of workers to compare, with commas.")] = "1,2",
) -> None:
    """Measure the speed of scans, how it grows with workers, and their memory at the beginning and the end."""
    try:
        counts = [int(count) for count in workers.split(",")]
        if min(counts) < 1:
            raise ValueError
    except ValueError as error:
        raise typer.BadParameter(
            f"expected numbers such as 1,2; received {workers!r}", param_hint="--workers"
        ) from error
    try:
        found = [Inputs(source).paths() if os.path.isdir(source) else [source] for source in sources]
        pictures = list(itertools.chain.from_iterable(found))
        for path in pictures:
            if not os.path.lexists(path):
                raise ScanError(f"{path}: no such picture or folder")
        measurements = [measure(pictures, rows, count) for count in counts]
    except (RuntimeError, ScanError, ValueError) as error:
        Console(stderr=True).print(str(error), markup=False)
        raise typer.Exit(2) from error
    Console().print(table(measurements))


if __name__ == "__main__":
    typer.run(main)
