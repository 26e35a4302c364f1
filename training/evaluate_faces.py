"""Measure face detection: `python -m training.evaluate_faces DATA_FOLDER` prints recall and false detections.

Four questions: is the one known face of each labelled file found; is it found with its angle when the file is turned;
is nothing found where no face is; which faces are found in scenes made of the files, pasted at known places and sizes?
A seed fixes every sample, background and scene.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import skimage.data
import typer
from rich.progress import track

from deepdect import faces, images, mesh
from training.inputs import InputError, command, read_picture
from training.items import Item, Split, read_items

TIGHT = "dfdc"  # cut so close that the face touches the border: has its own requirement
OTHERS = f"outside {TIGHT}, pooled"
REQUIRED = {OTHERS: 0.98, TIGHT: 0.90}
TILTS = (15, -15, 30, -30, 45, -45, 90, -90)
ANGLE_TOLERANCE = 10.0  # degrees
SIZES = (24, 32, 48, 64, 96, 160, 256, 400)  # longer side in pixels of the pasted faces' landmark boxes
CANVASES = ((1280, 960), (2400, 1600), (1920, 1080), (1600, 1600), (1080, 1350))
MATCH = 0.4  # intersection over union from which a found box is the pasted face's
# What scikit-image's wheel holds without a face or a portrait (so: no astronaut, camera, coins, lfw_subset).
FACELESS = "brick cell chelsea clock coffee colorwheel grass gravel hubble_deep_field immunohistochemistry logo moon "
FACELESS += "page retina rocket text"


@dataclass(frozen=True)
class Tally:
    """Counts for one row: `wanted` faces, `found` among them, `extra` detections, in how many `pictures` they were."""

    pictures: int
    wanted: int
    found: int
    extra: int
    with_extra: int

    def __str__(self) -> str:
        recall = f"{100 * self.found / self.wanted:.2f} %" if self.wanted else "–"
        return f"{self.pictures} | {self.wanted} | {self.found} | {recall} | {self.extra} | {self.with_extra}"


HEADER = "pictures | known faces | found | recall | extra detections | pictures with extra"


def tally(counts: Iterable[tuple[int, int, int]]) -> Tally:
    """Sum up (wanted, found, extra) of several pictures."""
    rows = np.array(list(counts), int).reshape(-1, 3)
    wanted, found, extra = rows.sum(axis=0).tolist()
    return Tally(len(rows), wanted, found, extra, int((rows[:, 2] > 0).sum()))


def show(title: str, header: str, rows: dict[str, str] | dict[str, Tally]) -> None:
    """Print a Markdown table whose rows are already joined by bars."""
    print(f"| {title} | {header} |", "|---" * (header.count("|") + 2) + "|", sep="\n")
    print(*(f"| {name} | {row} |" for name, row in rows.items()), "", sep="\n")


def files(root: Path, items: list[Item]) -> dict[str, Tally]:
    """Recall per source and pooled. Each file has one known face, so more are extra (openforensics really has more);
    in one that cannot be read, which is told, it was not found.
    """
    counts: dict[str, list[tuple[int, int, int]]] = {}
    for item in track(items, description="files"):
        rgb = read_picture(root / item.path)
        number = 0 if rgb is None else len(faces.find(rgb))
        count = (1, min(number, 1), max(number - 1, 0))
        counts.setdefault(item.source, []).append(count)
        if item.source != TIGHT:
            counts.setdefault(OTHERS, []).append(count)
    return {name: tally(counts[name]) for name in sorted(counts, key=lambda name: (name in REQUIRED, name))}


def known_faces(root: Path, items: list[Item], number: int) -> list[tuple[np.ndarray, faces.Face]]:
    """The first `number` pictures in which exactly one face is found: material whose face's place is known."""
    known: list[tuple[np.ndarray, faces.Face]] = []
    for item in track(items, description="known faces"):
        rgb = read_picture(root / item.path)
        found = [] if rgb is None else faces.find(rgb)
        if rgb is not None and len(found) == 1:
            known.append((rgb, found[0]))
        if len(known) == number:
            break
    return known


def turn(rgb: np.ndarray, degrees: float) -> np.ndarray:
    """The picture turned clockwise as seen about its centre, its edge repeated where nothing is known."""
    height, width = rgb.shape[:2]
    affine = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1.0)
    return cv2.warpAffine(rgb, affine, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def degrees_apart(one: float, other: float) -> float:
    """Absolute difference of two angles in degrees, 0..180."""
    return abs((one - other + 180) % 360 - 180)


def tilted(known: list[tuple[np.ndarray, faces.Face]], tilts: Iterable[int]) -> dict[str, str]:
    """Per tilt: share found, and how far the crop's angle is from the upright file's plus the tilt."""
    rows = {}
    for tilt in tilts:
        errors, extra = [], 0
        for rgb, face in track(known, description=f"tilt {tilt:+d}"):
            found = faces.find(turn(rgb, tilt))
            extra += max(len(found) - 1, 0)
            if found:
                angle = np.rad2deg([mesh.eye_angle(f.landmarks) for f in (found[0], face)])
                errors.append(degrees_apart(angle[0], angle[1] + tilt))
        right = sum(error <= ANGLE_TOLERANCE for error in errors)
        spread = "{:.1f} | {:.1f}".format(*np.percentile(errors, [50, 95])) if errors else "– | –"
        found_share, right_share = 100 * len(errors) / len(known), 100 * right / len(known)
        rows[f"{tilt:+d}°"] = f"{len(known)} | {found_share:.1f} % | {right_share:.1f} % | {spread} | {extra}"
    return rows


def background(width: int, height: int, random: np.random.Generator) -> np.ndarray:
    """A gradient, a gradient under noise of some coarseness, or a texture without faces; uint8 [height, width, 3]."""
    kind = random.integers(3)
    if kind == 2:
        name = str(random.choice(["brick", "grass", "gravel", "coffee", "hubble_deep_field", "retina"]))
        texture = images.load(getattr(skimage.data, name)())
        scale = max(width / texture.shape[1], height / texture.shape[0])
        texture = cv2.resize(texture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        return texture[:height, :width].copy()
    corners = random.uniform(0, 255, (2, 2, 3)).astype(np.float32)
    canvas = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
    if kind == 1:
        coarse = int(2 ** random.uniform(0, 6))
        noise = random.normal(0, 40, (height // coarse + 1, width // coarse + 1, 3)).astype(np.float32)
        canvas = canvas + cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def faceless(known: list[tuple[np.ndarray, faces.Face]], random: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """Pictures without a face: photos and textures and parts of them, made backgrounds, faces cut up and shuffled."""
    photos = [images.load(getattr(skimage.data, name)()) for name in FACELESS.split()]
    parts = []
    for photo in photos:
        for _ in range(10):
            side = int(min(photo.shape[:2]) * random.uniform(0.15, 0.9))
            y, x = (int(random.integers(length - side + 1)) for length in photo.shape[:2])
            parts.append(cv2.resize(photo[y : y + side, x : x + side], (224, 224), interpolation=cv2.INTER_AREA))
    shuffled = []
    for rgb, _ in known[:100]:
        square = cv2.resize(rgb, (224, 224), interpolation=cv2.INTER_AREA)
        pieces = square.reshape(4, 56, 4, 56, 3).swapaxes(1, 2).reshape(16, 56, 56, 3)[random.permutation(16)]
        shuffled.append(pieces.reshape(4, 4, 56, 56, 3).swapaxes(1, 2).reshape(224, 224, 3))
    made = [background(*CANVASES[i % len(CANVASES)], random) for i in range(20)]
    return {"photos": photos, "parts of photos": parts, "gradients, noise, textures": made, "shuffled faces": shuffled}


@dataclass(frozen=True)
class Scene:
    """A canvas with faces at known places: boxes float [n, 4] (x, y, width, height) and their nominal sizes [n]."""

    rgb: np.ndarray
    boxes: np.ndarray
    sizes: list[int]


def compose(known: list[tuple[np.ndarray, faces.Face]], canvas: tuple[int, int], random: np.random.Generator) -> Scene:
    """Three to eight files of mixed sizes on one canvas, none over another, every second one with a soft border."""
    rgb, boxes, sizes, taken = background(*canvas, random), [], [], np.empty((0, 4))
    for size in sorted(random.choice(SIZES, int(random.integers(3, 9))).tolist(), reverse=True):
        picture, face = known[int(random.integers(len(known)))]
        scale = size / max(face.box[2:])
        patch = cv2.resize(
            picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        )
        height, width = patch.shape[:2]
        for _ in range(100):
            if width >= canvas[0] or height >= canvas[1]:
                break
            x, y = int(random.integers(canvas[0] - width)), int(random.integers(canvas[1] - height))
            place = np.array([x, y, x + width, y + height], float)
            apart = (np.maximum(place[:2], taken[:, :2]) >= np.minimum(place[2:], taken[:, 2:])).any(axis=1)
            if apart.all():
                _paste(rgb, patch, x, y, soft=bool(random.integers(2)))
                boxes.append(np.array(face.box) * scale + [x, y, 0, 0])
                sizes.append(size)
                taken = np.vstack([taken, place])
                break
    return Scene(rgb, np.array(boxes), sizes)


def _paste(canvas: np.ndarray, patch: np.ndarray, x: int, y: int, soft: bool) -> None:
    """Lay the patch on the canvas; soft: its outermost tenth fades into the background."""
    height, width = patch.shape[:2]
    place = canvas[y : y + height, x : x + width]
    weight = np.ones((height, width, 1), np.float32)
    if soft:
        edge = [np.minimum(np.arange(n) + 0.5, np.arange(n)[::-1] + 0.5) / (0.1 * n) for n in (height, width)]
        weight = np.clip(np.minimum(edge[0][:, None], edge[1][None]), 0, 1)[..., None].astype(np.float32)
    place[:] = np.rint(weight * patch + (1 - weight) * place)


def match(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Boxes [m, 4] and [n, 4] as (x, y, width, height) -> whether each wanted one was found, bool [n]; one to one."""
    low = np.maximum(found[:, None, :2], wanted[None, :, :2])
    high = np.minimum((found[:, :2] + found[:, 2:])[:, None], (wanted[:, :2] + wanted[:, 2:])[None])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    overlap = shared / (found[:, 2:].prod(axis=1)[:, None] + wanted[:, 2:].prod(axis=1)[None] - shared)
    hit = np.zeros(len(wanted), bool)
    while overlap.size and overlap.max() >= MATCH:
        i, j = np.unravel_index(overlap.argmax(), overlap.shape)
        hit[j] = True
        overlap[i], overlap[:, j] = -1, -1
    return hit


def scenes(
    known: list[tuple[np.ndarray, faces.Face]], number: int, seed: int
) -> tuple[dict[str, Tally], dict[str, Tally]]:
    """Recall by size, and by canvas with extra detections, over `number` composed scenes."""
    by_size: dict[int, list[tuple[int, int, int]]] = {size: [] for size in SIZES}
    by_canvas: dict[str, list[tuple[int, int, int]]] = {f"{w}x{h}": [] for w, h in CANVASES}
    for i in track(range(number), description="scenes"):
        canvas = CANVASES[i % len(CANVASES)]
        scene = compose(known, canvas, np.random.default_rng([seed, i]))
        boxes = np.array([face.box for face in faces.find(scene.rgb)]).reshape(-1, 4)
        hit = match(boxes, scene.boxes)
        for size, done in zip(scene.sizes, hit, strict=True):
            by_size[size].append((1, int(done), 0))
        by_canvas["x".join(map(str, canvas))].append((len(hit), int(hit.sum()), len(boxes) - int(hit.sum())))
    return {f"{size} px": tally(rows) for size, rows in by_size.items()}, {k: tally(v) for k, v in by_canvas.items()}


def times(portrait: np.ndarray, empty: np.ndarray, known: list[tuple[np.ndarray, faces.Face]]) -> dict[str, str]:
    """Median wall time in milliseconds of `faces.find`, after one warm-up: both pictures, and a scene a canvas."""
    pictures = {"portrait": portrait, "no face": empty}
    pictures |= {
        f"scene {i + 1}": compose(known, size, np.random.default_rng(i)).rgb for i, size in enumerate(CANVASES)
    }
    rows = {}
    for name, rgb in pictures.items():
        spent = []
        for _ in range(10):
            start = time.perf_counter()
            faces.find(rgb)
            spent.append(time.perf_counter() - start)
        rows[f"{name}, {rgb.shape[1]}x{rgb.shape[0]}"] = f"{1e3 * np.median(spent[1:]):.0f}"
    return rows


def main(
    root: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    split: Annotated[Split, typer.Option(help="Whose files.")] = "Test",
    limit: Annotated[int, typer.Option(help="Take a random sample of this many files; 0 takes all.")] = 0,
    scene_count: Annotated[int, typer.Option("--scenes", min=1, help="How many scenes to compose.")] = 100,
    tilted_count: Annotated[int, typer.Option("--tilted", min=1, help="How many files to turn.")] = 150,
    seed: Annotated[int, typer.Option(help="Fixes the samples, backgrounds and scenes.")] = 0,
) -> None:
    """Print the tables; exit status 1 where the required recall is not reached."""
    items = [item for item in read_items(root) if item.split == split]
    if not items:
        raise InputError(f"{root} holds no files of split {split}")
    random = np.random.default_rng(seed)
    shuffled = [items[i] for i in random.permutation(len(items))]
    per_source = files(root, sorted(shuffled[: limit or None], key=lambda item: item.path))
    show(f"{split} files", HEADER, per_source)

    known = known_faces(root, shuffled, max(tilted_count, 200))
    header = f"files | found | found within {ANGLE_TOLERANCE:g}° | median error° | 95 % error° | extra detections"
    show("turned by", header, tilted(known[:tilted_count], TILTS))

    empty = faceless(known, random)
    show("no face in", HEADER, {name: tally((0, 0, len(faces.find(p))) for p in ps) for name, ps in empty.items()})

    by_size, by_canvas = scenes(known, scene_count, seed)
    show("scenes: face's longer side", HEADER, by_size)
    show("scenes: canvas", HEADER, by_canvas)
    show("one picture", "median ms", times(known[0][0], empty["gradients, noise, textures"][1], known))

    failed = False
    for name, required in REQUIRED.items():
        if name in per_source:
            recall = per_source[name].found / per_source[name].wanted
            word = "reached" if recall >= required else "MISSED"
            failed |= recall < required
            total = per_source[name].wanted
            print(f"Recall, {name}: {100 * recall:.2f} % of {total} files; required {required:.0%}: {word}")
    raise typer.Exit(int(failed))


if __name__ == "__main__":
    command(main)
