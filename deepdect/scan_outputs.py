"""Where the rows go: a JSONL file that a later scan can go on with, whenever this one ended."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from deepdect.scan_rows import Finished, Row, ScanError, json_line


class Output(Protocol):
    """A file of rows. `finished` tells which it held when it was opened; leaving the context closes it, as it is."""

    finished: Finished

    def write(self, row: Row) -> None:
        """Add one row."""

    def complete(self) -> None:
        """Every row was written: make the file what it is meant to be."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_output(path: Path, resume: bool, sha256: str) -> Output:
    """The output for a path that ends in .jsonl or .parquet; its folder is made where it is missing.

    resume: go on with the file if there is one. sha256: of the weights; an output made with others is refused.
    Raises ScanError: another suffix, an output that exists without `resume`, is in use, damaged or of other weights.
    """
    if path.suffix not in {".jsonl", ".parquet"}:
        raise ScanError(f"{path}: the output's name must end in .jsonl or .parquet")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".jsonl":
            return JsonLines(path, resume, sha256)
        from deepdect.scan_parquet import ParquetParts  # only now: PyArrow takes 40 MB

        return ParquetParts(path, resume, sha256)
    except OSError as error:
        raise ScanError(
            f"{path}: cannot be written ({error.strerror or error}). Check path and permissions."
        ) from error


ROW = b'{"path": "'  # how each begins, also one that a kill tore apart


class JsonLines:
    """One JSON object a line, on its way to the disk as soon as it is written: a kill costs at most the last line."""

    def __init__(self, path: Path, resume: bool, sha256: str) -> None:
        self.path = path
        self.finished = Finished()
        exists = path.exists()
        if exists and not resume:
            raise ScanError(already_there(path))
        self._file = path.open("r+b" if exists else "xb")
        try:
            lock(self._file.fileno(), path)
            self._read_finished(sha256)
        except BaseException:
            self._file.close()
            raise

    def write(self, row: Row) -> None:
        self._file.write(json_line(row))
        self._file.flush()

    def complete(self) -> None:
        os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            # nothing came of it: the next attempt need not resume; still locked, or another scan might begin to use it
            if kind and self._file.tell() == 0:
                self.path.unlink()

    def _read_finished(self, sha256: str) -> None:
        """Note every whole line, and cut off a last one that a kill tore apart."""
        if not self._file.readable():  # newly made
            return
        end = 0
        for number, line in enumerate(self._file, start=1):
            # torn by a kill, or never written by a crash; but one strange line alone is somebody's file
            torn = end or line.startswith(ROW) or ROW.startswith(line) or not line.strip(b"\0")
            if torn and not line.endswith(b"\n"):
                break
            try:
                row = json.loads(line)
                note(self.finished, row["path"], row["status"], row["model"]["sha256"], sha256, self.path)
            except (ValueError, KeyError, TypeError) as error:
                raise ScanError(
                    f"{self.path}: line {number} is not a row of a scan ({type(error).__name__}: {error}). "
                    "Move the file away, or write to another."
                ) from error
            end += len(line)
        self._file.seek(end)
        self._file.truncate()


def note(finished: Finished, path: str, status: str, received: str, expected: str, output: Path) -> None:
    """Note a row of an earlier scan. Raises ScanError where it was made with other weights."""
    if received != expected:
        raise ScanError(
            f"{output}: was made with other weights (sha256 {received[:16]}…) than these (sha256 {expected[:16]}…), "
            "and one file must not mix them. Write to another file, or go on with the weights it was begun with."
        )
    finished.add(path, status)


def already_there(path: Path) -> str:
    return f"{path} is there already: add --resume to go on with it, write to another file, or delete it first."


def lock(descriptor: int, path: Path) -> None:
    """Hold the output for this process, until it ends however it ends. Raises ScanError where another does."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ScanError(f"{path}: another scan is writing to it. Wait for its end, or stop it.") from error
