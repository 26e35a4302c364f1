"""Labelled face files -> aligned crops, cached once; the same crop function as in serving.

`python -m training.data DATA_FOLDER` fills the cache. The folder follows the paper's layout
(`{Train,Validation,Test}/{Real,Fake}/*.jpg`); a `manifest.csv` in it may add source, kind and group. The cache is a
table of places (`Train.csv`) and the pixels there (`Train.npy`): where only the tables are, faces are not looked for
again, so a machine without the face models can make the pixels.
"""

from __future__ import annotations

import csv
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import typer
from rich.progress import track

from deepdect import faces, images
from deepdect.faces import Crop

SPLITS = ("Train", "Validation", "Test")
LABELS = {"Real": 0, "Fake": 1}
PLACE = ("path", "native", "x", "y", "size", "angle")  # columns of a table of places
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True)
class Item:
    """One labelled file; `path` is relative to the folder. `group` ties a fake to its original, or a video's frames;
    no two sources have one in common.

    age, sex, ethnicity: the publisher's own labels, "" where there are none.
    """

    path: str
    split: str
    label: int
    source: str
    kind: str
    group: str
    age: str = ""
    sex: str = ""
    ethnicity: str = ""


def read_items(root: Path) -> list[Item]:
    """The labelled files below `root`, sorted by path, from its manifest or else from the folders' names.

    Raises FileNotFoundError where neither is there.
    """
    manifest = root / "manifest.csv"
    if manifest.is_file():
        with manifest.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        items = [
            Item(
                row["path"],
                row["split"],
                LABELS[row["label"]],
                row["source"],
                row["kind"],
                row["group"],
                *(row.get(column) or "" for column in ("age", "sex", "ethnicity")),
            )
            for row in rows
        ]
    else:
        items = [
            Item(str(file.relative_to(root)), split, value, "folder", label.lower(), file.stem)
            for split in SPLITS
            for label, value in LABELS.items()
            for file in (root / split / label).glob("*")
            if file.suffix.lower() in SUFFIXES
        ]
    if not items:
        raise FileNotFoundError(
            f"no training images in {root}: expected Train/Real, Train/Fake, Validation/… and Test/… "
            "with picture files, or a manifest.csv"
        )
    sources: dict[str, set[str]] = {}
    for item in items:
        sources.setdefault(item.group, set()).add(item.source)
    # two publishers may both have a group "0001": those have nothing to do with each other
    items = [
        replace(item, group=f"{item.source}/{item.group}") if len(sources[item.group]) > 1 else item for item in items
    ]
    return sorted(items, key=lambda item: item.path)


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


def load_crops(root: Path, split: str, cache: Path, workers: int = 2) -> CropSet:
    """The split's crops from the cache, made first where they are not there yet."""
    items = [item for item in read_items(root) if item.split == split]
    places = load_places(root, split, cache, workers)
    pixels_file = cache / f"{split}.npy"
    if not pixels_file.is_file():
        jobs = [(str(root / item.path), places[item.path]) for item in items if places[item.path]]
        _save_pixels(_in_parallel(_recut_file, jobs, workers, f"crops of {split}"), pixels_file)
    pixels = np.load(pixels_file, mmap_mode="r")
    found = [item for item in items if places[item.path]]
    if len(pixels) != len(found):
        raise ValueError(
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
        rows = csv.DictReader(stream)
        if missing := [column for column in PLACE if column not in (rows.fieldnames or ())]:
            raise ValueError(f"{table_file} lacks {', '.join(missing)}: delete {cache} and run again")
        places = {row["path"]: _read_place(row) for row in rows}
    if list(places) != [item.path for item in items]:
        raise ValueError(f"{table_file} belongs to other files than {root} holds now: delete {cache} and run again")
    return places


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
    try:
        rgb = images.load(path)
    except images.ImageError as error:
        print(error.message, file=sys.stderr, flush=True)
        return None
    found = faces.find(rgb)
    return faces.crop(rgb, found[0]) if found else None


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
        writer.writerow(PLACE)
        for item, crop in zip(items, made, strict=True):
            place = (crop.native, crop.x, crop.y, crop.size, crop.angle) if crop else (0, 0, 0, 0, 0)
            writer.writerow((item.path, *place))


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
    try:
        read_items(root)
    except FileNotFoundError as error:
        raise typer.BadParameter(str(error)) from error
    for split in SPLITS:
        crops = load_crops(root, split, cache, workers)
        sources = sorted({item.source for item in crops.items})
        print(f"{split}: {len(crops.items)} crops, no face in {len(crops.missed)} files; sources: {', '.join(sources)}")


if __name__ == "__main__":
    typer.run(main)
