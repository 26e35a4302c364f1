"""Labelled face files -> aligned crops, cached once; the same crop function as in serving.

`python -m training.data DATA_FOLDER` fills the cache. The folder follows the paper's layout
(`{Train,Validation,Test}/{Real,Fake}/*.jpg`); a `manifest.csv` in it may add source, kind and group.
"""

from __future__ import annotations

import csv
import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typer
from rich.progress import track

from deepdect import faces, images

SPLITS = ("Train", "Validation", "Test")
LABELS = {"Real": 0, "Fake": 1}
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True)
class Item:
    """One labelled file; `path` is relative to the folder. `group` ties a fake to its original, or a video's frames.

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
        with manifest.open(newline="") as stream:
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
    return sorted(items, key=lambda item: item.path)


@dataclass(frozen=True)
class CropSet:
    """One split's crops: pixels uint8 [n, 256, 256, 3] (memory-mapped), and per crop its item and native side.

    missed: the files in which no face was found.
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
    pixels_file, table_file = cache / f"{split}.npy", cache / f"{split}.csv"
    if not table_file.is_file():
        _make_cache(root, items, pixels_file, table_file, workers)
    with table_file.open(newline="") as stream:
        native = {row["path"]: int(row["native"]) for row in csv.DictReader(stream)}
    if set(native) != {item.path for item in items}:
        raise ValueError(f"{table_file} belongs to other files than {root} holds now: delete {cache} and run again")
    sides = np.array([native[item.path] for item in items])
    found = np.flatnonzero(sides > 0)
    pixels = np.load(pixels_file, mmap_mode="r")
    missed = [item.path for item, side in zip(items, sides, strict=True) if side == 0]
    return CropSet(pixels, [items[i] for i in found], sides[found], missed)


def _crop_file(path: str) -> tuple[np.ndarray | None, int]:
    """The crop of a file's largest face and its native side, or (None, 0) where there is no face."""
    rgb = images.load(path)
    found = faces.find(rgb)
    if not found:
        return None, 0
    made = faces.crop(rgb, found[0])
    return made.pixels, made.native


def _crop_all(paths: list[str], workers: int) -> Iterator[tuple[np.ndarray | None, int]]:
    # spawned, not forked: OpenVINO's threads do not survive a fork
    os.environ["DEEPDECT_THREADS"] = "1"
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(_crop_file, paths, chunksize=16)


def _make_cache(root: Path, items: list[Item], pixels_file: Path, table_file: Path, workers: int) -> None:
    pixels_file.parent.mkdir(parents=True, exist_ok=True)
    results = _crop_all([str(root / item.path) for item in items], workers)
    sides, kept = [], []
    for pixels, side in track(results, description=f"crops of {items[0].split}", total=len(items)):
        sides.append(side)
        if pixels is not None:
            kept.append(pixels)
    np.save(pixels_file, np.stack(kept))
    with table_file.open("w", newline="") as stream:  # written last: its presence says the cache is whole
        writer = csv.writer(stream)
        writer.writerow(["path", "native"])
        writer.writerows((item.path, side) for item, side in zip(items, sides, strict=True))


def main(root: Path, cache: Path = Path("runs/crops"), workers: int = 2) -> None:
    """Cut the aligned crops of every split and say in how many files a face was found."""
    for split in SPLITS:
        crops = load_crops(root, split, cache, workers)
        sources = sorted({item.source for item in crops.items})
        print(f"{split}: {len(crops.items)} crops, no face in {len(crops.missed)} files; sources: {', '.join(sources)}")


if __name__ == "__main__":
    typer.run(main)
