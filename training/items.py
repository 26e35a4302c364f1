"""The labelled files of a folder, from its manifest or from the paper's layout."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from training.inputs import InputError

Split = Literal["Train", "Validation", "Test"]
SPLITS: tuple[Split, ...] = ("Train", "Validation", "Test")
LABELS = {"Real": 0, "Fake": 1}
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
NEEDED = ("path", "split", "label", "source", "kind", "group")  # columns of a manifest
OWN_LABELS = ("age", "sex", "ethnicity")  # further ones that it may have


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

    Raises InputError where there is neither, or the manifest cannot be used.
    """
    manifest = root / "manifest.csv"
    items = _listed(manifest) if manifest.is_file() else _found(root)
    if not items:
        raise InputError(
            f"no labelled pictures in {root}: expected files in Train/Real, Train/Fake, Validation/… and Test/…, or "
            "a manifest.csv that names them"
        )
    sources: dict[str, set[str]] = {}
    for item in items:
        sources.setdefault(item.group, set()).add(item.source)
    # two publishers may both have a group "0001": those have nothing to do with each other
    items = [
        replace(item, group=f"{item.source}/{item.group}") if len(sources[item.group]) > 1 else item for item in items
    ]
    return sorted(items, key=lambda item: item.path)


def _found(root: Path) -> list[Item]:
    """By the paper's layout: `{Train,Validation,Test}/{Real,Fake}/*.jpg`."""
    return [
        Item(str(file.relative_to(root)), split, value, "folder", label.lower(), file.stem)
        for split in SPLITS
        for label, value in LABELS.items()
        for file in (root / split / label).glob("*")
        if file.suffix.lower() in SUFFIXES
    ]


def _listed(manifest: Path) -> list[Item]:
    """By a manifest, a line a file."""
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as stream:  # spreadsheets write a byte order mark
            rows = csv.DictReader(stream)
            if missing := [column for column in NEEDED if column not in (rows.fieldnames or ())]:
                raise InputError(
                    f"{manifest} lacks {', '.join(missing)}: its first line must name the columns {', '.join(NEEDED)}"
                )
            items = [_item(row, f"{manifest}, line {rows.line_num}") for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{manifest} is no CSV file in UTF-8: {error}") from error
    again = [path for path, count in Counter(item.path for item in items).items() if count > 1]
    if again:
        raise InputError(f"{manifest} names {again[0]} more than once: a file has one split and one label")
    return items


def _item(row: dict[str, str | None], where: str) -> Item:
    """A manifest's line; where: what an error calls it."""
    for column, allowed in (("split", SPLITS), ("label", tuple(LABELS))):
        if row[column] not in allowed:
            raise InputError(f"{where}: {column} must be one of {', '.join(allowed)}; received {row[column]!r}")
    path, split, label, source, kind, group = (row[column] or "" for column in NEEDED)
    if not (path and source and group):
        raise InputError(f"{where}: path, source and group must not be empty; received {path!r}, {source!r}, {group!r}")
    return Item(path, split, LABELS[label], source, kind, group, *(row.get(column) or "" for column in OWN_LABELS))
