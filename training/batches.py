"""Which crops go into a batch, and a background thread that has the next batches ready.

Half of a batch is real, half fake; sources are drawn by weight within each half, so that neither label nor source can
be guessed from frequencies alone. Where a fake's original is known (same `group`), both go into the same batch.
"""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from training.augment import Augmentation, augment
from training.data import CropSet, Item
from training.pseudo_fakes import forge, similar


class Sampler:
    """Draws batches of crop indices. weights: source -> relative weight within each label (default 1)."""

    def __init__(self, items: list[Item], weights: dict[str, float]) -> None:
        if {item.label for item in items} != {0, 1}:
            raise ValueError("training needs both Real and Fake files")
        self._by_source: dict[int, dict[str, list[int]]] = {0: defaultdict(list), 1: defaultdict(list)}
        self._reals_of_group: dict[str, list[int]] = defaultdict(list)
        for index, item in enumerate(items):
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


@dataclass(frozen=True)
class Forger:
    """Replaces some of a batch's fakes by forgeries of its own reals.

    landmarks: float32 [n, 468, 2] of all crops, in crop pixels. share: expected share of the fakes that are replaced.
    """

    crops: CropSet
    landmarks: np.ndarray
    share: float

    def victims(self, labels: np.ndarray, random: np.random.Generator) -> dict[int, int]:
        """Batch position of a fake -> that of the real whose forgery takes its place."""
        fakes, reals = np.flatnonzero(labels > 0.5), np.flatnonzero(labels < 0.5)
        count = min(int(random.binomial(len(fakes), self.share)), len(reals))
        chosen = zip(random.permutation(fakes)[:count], random.permutation(reals)[:count], strict=True)
        return {int(fake): int(real) for fake, real in chosen}

    def forge(self, index: int, random: np.random.Generator) -> np.ndarray:
        """A forgery uint8 [256, 256, 3] of the `index`-th crop; where another face is needed, a similar one's."""
        other = similar(self.landmarks[index], self.landmarks, random)
        pixels = self.crops.pixels
        return forge(
            np.asarray(pixels[index]), self.landmarks[index], np.asarray(pixels[other]), self.landmarks[other], random
        ).pixels


def make_batch(
    crops: CropSet,
    indices: np.ndarray,
    size: int,
    settings: Augmentation,
    random: np.random.Generator,
    forger: Forger | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Augmented pixels uint8 [n, size, size, 3] and labels float32 [n].

    A forgery goes through the very changes that its original in the same batch goes through, so that only the forgery
    tells them apart (arXiv 2204.08376, section 4.1).
    """
    labels = crops.labels[indices]
    seeds = random.integers(2**63, size=len(indices))
    forged = forger.victims(labels, random) if forger else {}
    pixels = []
    for position, index in enumerate(indices):
        real = forged.get(position)
        if forger is None or real is None:
            crop, seed = np.asarray(crops.pixels[index]), seeds[position]
        else:
            index, seed = indices[real], seeds[real]
            crop = forger.forge(int(index), np.random.default_rng([seed, 1]))
        pixels.append(augment(crop, int(crops.native[index]), size, settings, np.random.default_rng(seed)))
    return np.stack(pixels), labels


def prefetched(
    batches: Iterator[tuple[np.ndarray, np.ndarray]], depth: int = 3
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The same batches, made in a background thread (OpenCV frees the interpreter lock); its errors are raised here."""
    ready: queue.Queue[tuple[np.ndarray, np.ndarray] | BaseException | None] = queue.Queue(depth)
    stopped = threading.Event()

    def put(thing: tuple[np.ndarray, np.ndarray] | BaseException | None) -> bool:
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
