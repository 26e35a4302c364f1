"""Rows as Parquet: whole parts beside the target while the scan runs, one file at its end.

A Parquet file is worth nothing without its last bytes, so rows are kept in `FILE.parquet.parts/`, in small files that
appear by a rename, complete or not at all. At the end they are merged into FILE.parquet, by a rename again. That file's
metadata names the last part it holds, so that parts which a kill left behind after the merge are not read twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import pyarrow as pa
import pyarrow.parquet as pq

from deepdect.scan_outputs import already_there, lock, note
from deepdect.scan_rows import Finished, Row, ScanError, plain_text

ROWS_A_PART, SECONDS_A_PART = 1000, 10.0  # whichever comes first: what a kill may cost
ROWS_A_GROUP = 5000  # of the merged file; about 20 MB in memory
LAST_PART = b"deepdect.last_part"
LITTER = (".DS_Store", "Thumbs.db")  # of file managers

_BOX = pa.struct([(name, pa.int64()) for name in ("x", "y", "width", "height")])
_CROP = pa.struct([(name, pa.float64()) for name in ("x", "y", "size", "angle")])
_REGION = pa.struct(
    [
        ("name", pa.string()),
        ("evidence", pa.float64()),
        ("share", pa.float64()),
        ("drop", pa.float64()),
        ("verified", pa.bool_()),
    ]
)
_FACE = pa.struct(
    [
        ("box", _BOX),
        ("detection_score", pa.float64()),
        ("verdict", pa.string()),
        ("fake_probability", pa.float64()),
        ("logit", pa.float64()),
        ("bias", pa.float64()),
        ("crop", _CROP),
        ("evidence", pa.list_(pa.list_(pa.float64()))),
        ("regions", pa.list_(_REGION)),
        ("warnings", pa.list_(pa.string())),
    ]
)
# The JSON contract of one image with the same names and nesting: `read_table(...).to_pylist()` gives its dictionaries.
SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("status", pa.string()),
        ("message", pa.string()),
        ("width", pa.int64()),
        ("height", pa.int64()),
        ("verdict", pa.string()),
        ("fake_probability", pa.float64()),
        ("faces", pa.list_(_FACE)),
        ("model", pa.struct([(name, pa.string()) for name in ("name", "version", "sha256")])),
        ("runtime", pa.string()),
        ("elapsed_ms", pa.float64()),
    ]
)


class ParquetParts:
    """The Parquet output; see the module. Paths and messages that are not UTF-8 are kept with backslash escapes."""

    def __init__(self, path: Path, resume: bool, sha256: str) -> None:
        self.path = path
        self.finished = Finished()
        self._folder = path.with_name(f"{path.name}.parts")
        if not resume:
            for there in (path, self._folder):
                if there.exists():
                    raise ScanError(already_there(there))
        self._folder.mkdir(exist_ok=resume)
        self._pending: list[Row] = []
        self._since = time.monotonic()
        self._descriptor = os.open(self._folder, os.O_RDONLY)
        locked = False
        try:
            lock(self._descriptor, path)
            locked = True
            self._last = self._clear_leftovers()
            for file in self._files():
                self._read_finished(file, sha256)
        except BaseException:
            os.close(self._descriptor)
            if locked:
                self._remove_folder()  # where it is empty: else the next attempt would have to resume it
            raise

    def write(self, row: Row) -> None:
        self._pending.append(row | {"path": plain_text(row["path"]), "message": plain_text(row["message"])})
        if len(self._pending) >= ROWS_A_PART or time.monotonic() - self._since >= SECONDS_A_PART:
            self._flush()

    def complete(self) -> None:
        """Merge what the target holds and all parts into the target, and remove the parts."""
        self._flush()
        parts = self._parts()
        if parts or not self.path.exists():
            metadata = {LAST_PART: str(self._last).encode()}
            with (
                _appearing(self.path, self._folder / "merged.tmp") as stream,
                pq.ParquetWriter(stream, SCHEMA.with_metadata(metadata), compression="zstd") as writer,
            ):
                for table in _groups(self._files()):
                    writer.write_table(table)
        for part in parts:
            part.unlink()
        self._remove_folder()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._flush()
            if kind and not self._files():  # nothing came of it: the next attempt need not resume
                self._remove_folder()
        finally:
            os.close(self._descriptor)

    def _remove_folder(self) -> None:
        """Unless somebody else keeps something there; what file managers leave behind does not count."""
        for litter in LITTER:
            (self._folder / litter).unlink(missing_ok=True)
        with suppress(OSError):
            self._folder.rmdir()

    def _flush(self) -> None:
        if self._pending:
            part = self._folder / f"{self._last + 1:08d}.parquet"
            with _appearing(part, part.with_suffix(".tmp")) as stream:
                pq.write_table(pa.Table.from_pylist(self._pending, schema=SCHEMA), stream, compression="zstd")
            self._last += 1
            self._pending = []
        self._since = time.monotonic()

    def _parts(self) -> list[Path]:
        found = sorted(self._folder.glob("*.parquet"))
        for part in found:
            if not part.stem.isdecimal():
                raise ScanError(f"{part}: is no part of a scan. Move it away.")
        return found

    def _files(self) -> list[Path]:
        """Everything that holds rows."""
        return [self.path] * self.path.exists() + self._parts()

    def _clear_leftovers(self) -> int:
        """Remove half-written files and parts that the target holds already; the number of the last part ever."""
        for file in self._folder.glob("*.tmp"):
            file.unlink()
        last = 0
        if self.path.exists():
            last = int((_open(self.path).schema_arrow.metadata or {}).get(LAST_PART, b"0"))
        for part in self._parts():
            if int(part.stem) <= last:
                part.unlink()
        return max([last, *(int(part.stem) for part in self._parts())])

    def _read_finished(self, file: Path, sha256: str) -> None:
        for batch in _open(file).iter_batches(ROWS_A_GROUP, columns=["path", "status", "model"]):
            for row in batch.to_pylist():
                note(self.finished, row["path"], row["status"], row["model"]["sha256"], sha256, self.path)


def _open(file: Path) -> pq.ParquetFile:
    """Raises ScanError where the file is damaged or holds something else."""
    try:
        opened = pq.ParquetFile(file)
    except pa.ArrowInvalid as error:
        raise ScanError(f"{file}: is damaged ({error}). Move it away, or write to another file.") from error
    if not opened.schema_arrow.equals(SCHEMA):
        raise ScanError(f"{file}: its columns are not those of a scan. Move it away, or write to another file.")
    return opened


def _groups(files: list[Path]) -> Iterator[pa.Table]:
    """All rows of the files in tables of about ROWS_A_GROUP."""
    batches: list[pa.RecordBatch] = []
    for file in files:
        for batch in _open(file).iter_batches(ROWS_A_GROUP):
            if batches and sum(map(len, batches)) + len(batch) > ROWS_A_GROUP:
                yield pa.Table.from_batches(batches, SCHEMA)
                batches = []
            batches.append(batch)
    if batches:
        yield pa.Table.from_batches(batches, SCHEMA)


@contextmanager
def _appearing(target: Path, temporary: Path) -> Iterator[BinaryIO]:
    """A file that is there under its name only when it is whole and on the disk."""
    with temporary.open("wb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, target)
