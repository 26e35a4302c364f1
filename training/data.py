"""Labelled face files -> aligned crops, cached once; the same crop function as in serving.

`python -m training.data DATA_FOLDER` fills the cache. The folder follows the paper's layout
(`{Train,Validation,Test}/{Real,Fake}/*.jpg`), or a `manifest.csv` in it names path, split, label, source, kind and
group of every file (`training/items.py`). The cache is a table of places (`Train.csv`) and the pixels there
(`Train.npy`): where only the tables are, faces are not looked for again, so a machine without the face models can make
the pixels.
"""

from __future__ import annotations

import csv
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from deepdect import faces, images
from deepdect.faces import Crop
from training.inputs import InputError, command, read_picture
from training.items import LABELS, SPLITS, Item, read_items

PLACE = ("path", "native", "x", "y", "size", "angle")  # columns of a table of places
BYTES = "bytes"  # a further one, not in older tables: the file's size when its crop was cut


@dataclass(frozen=True)
class CropSet:
    """One split's crops: pixels uint8 [n, 256, 256, 3] (memory-mapped), and per crop its item and native side.

    missed: the files in which no face was found, those that cannot be read included.
    """

    pixels: np.ndarray
    items: list[Item]
    native: np.ndarray
    missed: list[str]

    @property
    def labels(self) -> np.ndarray:
        """float32 [n], 1 for fake."""
        return np.array([item.label for item in self.items], np.float32)

    def take(self, indices: np.ndarray) -> CropSet:
        """Some of the crops, by position."""
        return CropSet(self.pixels[indices], [self.items[i] for i in indices], self.native[indices], self.missed)

    @property
    def sources(self) -> np.ndarray:
        """Source names [n]."""
        return np.array([item.source for item in self.items])


def load_crops(root: Path, split: str, cache: Path, *, both: bool = False) -> CropSet:
    """The split's crops from the cache, made first where they are not there yet.

    both: whether reals and fakes are needed. Raises InputError where there are none of either, or of one.
    """
    crops = cached_crops(root, split, cache)
    labels = {item.label for item in crops.items}
    if not labels or (both and len(labels) < 2):
        counts = {name: sum(item.label == label for item in crops.items) for name, label in LABELS.items()}
        found = ", ".join(f"{count} {name}" for name, count in counts.items())
        raise InputError(
            f"{root}, {split}: expected faces that are {' and '.join(LABELS) if both else ' or '.join(LABELS)}; found "
            f"{found}, and no face in {len(crops.missed)} more files"
        )
    return crops


def cached_crops(root: Path, split: str, cache: Path, workers: int = 2) -> CropSet:
    """`load_crops` of a split that may be empty."""
    items = [item for item in read_items(root) if item.split == split]
    places = load_places(root, split, cache, workers)
    pixels_file = cache / f"{split}.npy"
    if not pixels_file.is_file():
        jobs = [(str(root / item.path), places[item.path]) for item in items if places[item.path]]
        _save_pixels(_in_parallel(_recut_file, jobs, workers, f"crops of {split}"), pixels_file)
    pixels = np.load(pixels_file, mmap_mode="r")
    found = [item for item in items if places[item.path]]
    if len(pixels) != len(found):
        raise InputError(
            f"{pixels_file} holds {len(pixels)} crops, its table {cache / f'{split}.csv'} names {len(found)}: delete "
            "the .npy file and run again"
        )
    native = np.array([place.native for place in places.values() if place])
    missed = [item.path for item in items if not places[item.path]]
    return CropSet(pixels, found, native, missed)


def load_places(root: Path, split: str, cache: Path, workers: int = 2) -> dict[str, Crop | None]:
    """Where each of the split's files shows its largest face, by path: a crop without pixels, or None for no face.

    Faces are looked for, and their crops kept, where the cache has no table yet.
    """
    items = [item for item in read_items(root) if item.split == split]
    table_file = cache / f"{split}.csv"
    if not table_file.is_file():
        _make_cache(root, items, cache / f"{split}.npy", table_file, workers, f"crops of {split}")
    with table_file.open(encoding="utf-8", newline="") as stream:
        table = csv.DictReader(stream)
        if missing := [column for column in PLACE if column not in (table.fieldnames or ())]:
            raise InputError(f"{table_file} lacks {', '.join(missing)}: delete {cache} and run again")
        rows = list(table)
    if [row["path"] for row in rows] != [item.path for item in items]:
        raise InputError(f"{table_file} belongs to other files than {root} holds now: delete {cache} and run again")
    for row in rows:
        # pictures may be gone, since the cache has what is needed of them
        if row.get(BYTES) and (file := root / row["path"]).is_file() and file.stat().st_size != int(row[BYTES]):
            raise InputError(f"{file} is another picture than when its crop was cut: delete {cache} and run again")
    return {row["path"]: _read_place(row) for row in rows}


def load_twins(root: Path, crops: CropSet, cache: Path, split: str, workers: int = 2) -> dict[int, np.ndarray]:
    """The originals of the split's fakes, by the fake's position in `crops`: uint8 [256, 256, 3], cut at its place.

    A fake has a twin where its group holds one real file of the same picture size: pixel for pixel the frame that it
    was made from. Made once and kept in the cache.
    """
    places = load_places(root, split, cache, workers)
    reals: dict[str, list[str]] = {}
    for item in crops.items:
        if item.label == 0:
            reals.setdefault(item.group, []).append(item.path)
    paired = [(i, reals.get(item.group, [])) for i, item in enumerate(crops.items) if item.label == 1]
    jobs = {
        i: (str(root / paths[0]), str(root / crops.items[i].path), places[crops.items[i].path])
        for i, paths in paired
        if len(paths) == 1
    }
    file, table_file = cache / f"{split}-twins.npy", cache / f"{split}-twins.csv"
    if not (table_file.is_file() and file.is_file()):
        cut = list(_in_parallel(_twin, list(jobs.values()), workers, f"originals of {split}"))
        _save_pixels((twin for twin in cut if twin is not None), file)
        table_file.write_text("".join(f"{i}\n" for i, twin in zip(jobs, cut, strict=True) if twin is not None))
    indices = [int(line) for line in table_file.read_text().split()]
    return dict(zip(indices, np.load(file, mmap_mode="r"), strict=True)) if indices else {}


def _crop_file(path: str) -> Crop | None:
    """The crop of a file's largest face, or None where there is no face or the file cannot be read, which is told."""
    rgb = read_picture(path)
    found = [] if rgb is None else faces.find(rgb)
    return faces.crop(rgb, found[0]) if rgb is not None and found else None


def _recut_file(job: tuple[str, Crop]) -> np.ndarray:
    path, place = job
    return faces.recut(images.load(path), place)


def _twin(job: tuple[str, str, Crop]) -> np.ndarray | None:
    """The original at the fake's place; None where the two pictures differ in size."""
    original, fake, place = job
    rgb = images.load(original)
    return faces.recut(rgb, place) if rgb.shape == images.load(fake).shape else None


def _in_parallel(work: Callable[[Any], Any], jobs: list[Any], workers: int, words: str) -> Iterator[Any]:
    # spawned, not forked: OpenVINO's threads do not survive a fork
    with multiprocessing.get_context("spawn").Pool(workers, initializer=_one_thread) as pool:
        yield from track(pool.imap(work, jobs, chunksize=16), description=words, total=len(jobs))


def _one_thread() -> None:
    os.environ["DEEPDECT_THREADS"] = "1"


def _make_cache(root: Path, items: list[Item], pixels_file: Path, table_file: Path, workers: int, words: str) -> None:
    paths = [str(root / item.path) for item in items]
    made: list[Crop | None] = list(_in_parallel(_crop_file, paths, workers, words))
    _save_pixels((crop.pixels for crop in made if crop), pixels_file)
    # written last: its presence says the cache is whole
    with table_file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow((*PLACE, BYTES))
        for item, crop in zip(items, made, strict=True):
            place = (crop.native, crop.x, crop.y, crop.size, crop.angle) if crop else (0, 0, 0, 0, 0)
            file = root / item.path
            writer.writerow((item.path, *place, file.stat().st_size if file.is_file() else ""))


def _save_pixels(pixels: Iterable[np.ndarray], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    kept = list(pixels)
    partial = file.with_suffix(".partial.npy")  # renamed when it is whole: what lies under `file` can be trusted
    np.save(partial, np.stack(kept) if kept else np.zeros((0, faces.CROP, faces.CROP, 3), np.uint8))
    os.replace(partial, file)


def _read_place(row: dict[str, str]) -> Crop | None:
    if row["native"] == "0":
        return None
    x, y, size, angle = (float(row[column]) for column in ("x", "y", "size", "angle"))
    return Crop(np.empty(0, np.uint8), x, y, size, angle, int(row["native"]))


def main(root: Path, cache: Path = Path("runs/crops"), workers: int = 2) -> None:
    """Cut the aligned crops of every split and say in how many files a face was found."""
    for split in SPLITS:
        crops = cached_crops(root, split, cache, workers)
        sources = sorted({item.source for item in crops.items})
        print(f"{split}: {len(crops.items)} crops, no face in {len(crops.missed)} files; sources: {', '.join(sources)}")


if __name__ == "__main__":
    command(main)
