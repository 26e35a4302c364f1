"""Which crops go into a batch, and a background thread that has the next batches ready.

Half of a batch is real, half fake; sources are drawn by weight within each half, so that neither label nor source can
be guessed from frequencies alone. Where a fake's original is known (same `group`), both go into the same batch.
"""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from explain.regions import REGIONS, partition
from training.augment import Augmentation, scaled, vary
from training.data import CropSet
from training.forger import Forger
from training.hiding import hide, kept
from training.inputs import InputError
from training.items import LABELS, Item

CELL = 32  # pixels of the network's input a side of one cell of its last feature map
OUTSIDE = REGIONS.index("outside_face")


class Batch(NamedTuple):
    """What the network learns from in one step.

    pixels: uint8 [n, s, s, 3]. labels: float32 [n], 1 for fake, less for a forgery that is partly hidden. places:
    float32 [n, s / 32, s / 32], how much of each cell is forged; all 0 where that is not known, and for real pictures.
    """

    pixels: np.ndarray
    labels: np.ndarray
    places: np.ndarray


class Sampler:
    """Draws batches of crop indices. weights: source -> relative weight within each label (default 1)."""

    def __init__(self, items: list[Item], weights: dict[str, float]) -> None:
        for label, name in enumerate(LABELS):
            if not any(item.label == label and weights.get(item.source, 1.0) > 0 for item in items):
                raise InputError(f"training needs both Real and Fake files: the recipe's sources leave no {name} one")
        self._by_source: dict[int, dict[str, list[int]]] = {0: defaultdict(list), 1: defaultdict(list)}
        self._reals_of_group: dict[str, list[int]] = defaultdict(list)
        for index, item in enumerate(items):
            if weights.get(item.source, 1.0) > 0:
                self._by_source[item.label][item.source].append(index)
            if item.label == 0:
                self._reals_of_group[item.group].append(index)
        self._items = items
        self._weights = weights

    def draw(self, size: int, random: np.random.Generator) -> np.ndarray:
        """Indices [size]: fakes first, then reals; a fake's original takes a real's place where there is one."""
        fakes = self._draw_label(1, size // 2, random)
        reals = []
        for fake in fakes:
            partners = self._reals_of_group.get(self._items[fake].group)
            if partners:
                reals.append(int(random.choice(partners)))
        missing = size - len(fakes) - len(reals)
        # sources whose fakes have partners have had their reals already: fill up from the others first
        paired = {self._items[i].source for i in reals}
        reals += self._draw_label(0, missing, random, without=paired)
        return np.array(fakes + reals)

    def _draw_label(
        self, label: int, count: int, random: np.random.Generator, without: set[str] | None = None
    ) -> list[int]:
        sources = [s for s in sorted(self._by_source[label]) if s not in (without or set())]
        if not sources:
            sources = sorted(self._by_source[label])
        weights = np.array([self._weights.get(source, 1.0) for source in sources])
        chosen = random.choice(len(sources), size=count, p=weights / weights.sum())
        return [int(random.choice(self._by_source[label][sources[c]])) for c in chosen]


def make_batch(
    crops: CropSet,
    indices: np.ndarray,
    size: int,
    settings: Augmentation,
    random: np.random.Generator,
    forger: Forger | None = None,
    mix: float = 0.0,
) -> Batch:
    """The crops at `indices`, varied. mix: as in `mixed`.

    A forgery goes through the very changes that its original in the same batch goes through, so that only the forgery
    tells them apart (arXiv 2204.08376, section 4.1). Raises ValueError where regions are to be hidden and there is no
    forger, whose landmarks say where they are.
    """
    if settings.hide and forger is None:
        raise ValueError(f"hiding regions in {settings.hide:.0%} of the pictures needs a forger's landmarks")
    labels = crops.labels[indices]
    seeds = random.integers(2**63, size=len(indices))
    forged = forger.victims(labels, random) if forger else {}
    pixels, cells = [], size // CELL
    forged_there: dict[int, np.ndarray] = {}  # of a real: where its forgery in this batch, earlier on, is forged
    places = np.zeros((len(indices), cells, cells), np.float32)
    for position, index in enumerate(indices):
        real = forged.get(position)
        mask = None
        if forger is None or real is None:
            crop, seed = np.asarray(crops.pixels[index]), seeds[position]
            if forger and labels[position]:
                mask = forger.forged_part(int(index))
        else:
            index, seed = indices[real], seeds[real]
            forgery = forger.forge(int(index), np.random.default_rng([seed, 1]))
            crop, mask = forgery.pixels, forgery.evident
        hiding = np.random.default_rng([seed, 2])
        hides = forger is not None and hiding.random() < settings.hide
        planes: list[np.ndarray] = [] if mask is None else [mask]
        if forger and hides:
            planes.append(partition(forger.landmarks[index]))
        crop, planes = vary(crop, int(crops.native[index]), settings, np.random.default_rng(seed), planes)
        mask = None if mask is None else planes[0]
        if real is not None and mask is not None:
            forged_there[real] = mask
        if hides:
            # the same region of both: which one is hidden must not tell them apart
            crop, hidden = hide(crop, planes[-1], forged_there.get(position, mask), hiding)
            if labels[position]:
                labels[position] = kept((planes[-1] != OUTSIDE).astype(np.float32) if mask is None else mask, hidden)
            mask = None if mask is None else mask * ~hidden
        if mask is not None:
            places[position] = cv2.resize(mask, (cells, cells), interpolation=cv2.INTER_AREA)
        pixels.append(scaled(crop, size))
    batch = Batch(np.stack(pixels), labels, places)
    return mixed(batch, mix, random) if mix else batch


def mixed(batch: Batch, share: float, random: np.random.Generator) -> Batch:
    """The batch with about `share` of its pictures faded into others of it, and their labels and places alike.

    A few hundred pictures a generator are soon known by heart; what lies between them is not (Zhang et al., "mixup:
    Beyond Empirical Risk Minimization", 2018, arXiv 1710.09412, section 2; here the fainter one has at most half).
    """
    count = len(batch.pixels)
    weight = np.where(random.random(count) < share, random.beta(0.4, 0.4, count), 0).astype(np.float32)
    weight = np.minimum(weight, 1 - weight)
    other = random.permutation(count)
    pixels = batch.pixels.copy()
    for i in np.flatnonzero(weight):
        pixels[i] = cv2.addWeighted(batch.pixels[i], 1 - weight[i], batch.pixels[other[i]], weight[i], 0)
    labels = batch.labels + weight * (batch.labels[other] - batch.labels)
    w = weight[:, None, None]
    return Batch(pixels, labels, (1 - w) * batch.places + w * batch.places[other])


def prefetched(batches: Iterator[Batch], depth: int = 3) -> Iterator[Batch]:
    """The same batches, made in a background thread (OpenCV frees the interpreter lock); its errors are raised here."""
    ready: queue.Queue[Batch | BaseException | None] = queue.Queue(depth)
    stopped = threading.Event()

    def put(thing: Batch | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                ready.put(thing, timeout=0.2)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for batch in batches:
                if not put(batch):
                    return
            put(None)
        except Exception as error:  # handed to the consumer, which raises it
            put(error)

    threading.Thread(target=work, daemon=True, name="batches").start()
    try:
        while (thing := ready.get()) is not None:
            if isinstance(thing, BaseException):
                raise thing
            yield thing
    finally:
        stopped.set()
