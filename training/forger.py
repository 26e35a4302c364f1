"""Which forgeries take which pictures' places in a batch, and where the fakes of the data set are forged."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from training.blending import Mask
from training.data import CropSet
from training.pseudo_fakes import Forgery, differing, forge, similar, transplant

TRANSPLANTS = 0.5  # share of the forgeries, where the picture's own deepfake is known


class Forger:
    """Replaces some of a batch's fakes by forgeries of its own reals.

    landmarks: float32 [n, 468, 2] of all crops, in crop pixels. share: expected share of the fakes that are replaced.
    twins: fakes' originals by the fake's index (`training.data.load_twins`).
    """

    def __init__(
        self, crops: CropSet, landmarks: np.ndarray, share: float, twins: Mapping[int, np.ndarray] | None = None
    ) -> None:
        self.crops, self.landmarks, self.share = crops, landmarks, share
        self._twins = dict(twins or {})
        fakes = {crops.items[fake].group: fake for fake in self._twins}
        reals = [(i, item.group) for i, item in enumerate(crops.items) if item.label == 0]
        self._fake_of = {i: fakes[group] for i, group in reals if group in fakes}
        self.leave_out(())

    def leave_out(self, sources: Collection[str]) -> None:
        """Take no donor from these sources: a run that leaves them out must not see parts of their faces either."""
        self._donors = np.flatnonzero(~np.isin(self.crops.sources, list(sources)))
        self._donors_landmarks = self.landmarks[self._donors] if sources else self.landmarks

    def victims(self, labels: np.ndarray, random: np.random.Generator) -> dict[int, int]:
        """Batch position of a fake -> that of the real whose forgery takes its place."""
        fakes, reals = np.flatnonzero(labels > 0.5), np.flatnonzero(labels < 0.5)
        count = min(int(random.binomial(len(fakes), self.share)), len(reals))
        chosen = zip(random.permutation(fakes)[:count], random.permutation(reals)[:count], strict=True)
        return {int(fake): int(real) for fake, real in chosen}

    def forge(self, index: int, random: np.random.Generator) -> Forgery:
        """A forgery of the `index`-th crop: a part of its own deepfake, or `pseudo_fakes.forge` with a similar face."""
        if random.random() < TRANSPLANTS and (made := self.transplant(index, random)):
            return made
        other = int(self._donors[similar(self.landmarks[index], self._donors_landmarks, random)])
        pixels = self.crops.pixels
        return forge(
            np.asarray(pixels[index]), self.landmarks[index], np.asarray(pixels[other]), self.landmarks[other], random
        )

    def transplant(self, index: int, random: np.random.Generator) -> Forgery | None:
        """A part of the `index`-th crop's own deepfake in its place; None where there is none, or none to be seen."""
        fake = self._fake_of.get(index)
        if fake is None:
            return None
        pixels = np.asarray(self.crops.pixels[fake])
        return transplant(np.asarray(self._twins[fake]), pixels, self.landmarks[fake], random)

    def forged_part(self, index: int) -> Mask | None:
        """Where the `index`-th crop, a fake, differs from its original; None where there is none to compare it with."""
        twin = self._twins.get(index)
        if twin is None:
            return None
        mask = differing(np.asarray(self.crops.pixels[index]), np.asarray(twin))
        return mask if mask.max() > 0 else None
