"""What fixes a training run but the data: a YAML file, and what it says about any moment of the run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from training.augment import Augmentation
from training.inputs import InputError


@dataclass(frozen=True)
class Phase:
    """A stretch of training at one picture size (pixels a side)."""

    size: int
    images: int
    batch: int = 32


@dataclass(frozen=True)
class Recipe:
    """Everything that fixes a run but the data; one YAML file each under `training/recipes/`."""

    phases: list[Phase]
    rate: float = 1e-3  # of the head and conv5; earlier stages take `rates` times it
    rates: dict[str, float] = field(default_factory=dict)
    frozen: list[str] = field(default_factory=list)
    warm_up: int = 200  # steps
    weight_decay: float = 0.05
    sources: dict[str, float] = field(default_factory=dict)
    augmentation: Augmentation = field(default_factory=Augmentation)
    pseudo_fakes: float = 0.0  # share of the fakes that are made from the batch's reals (training/pseudo_fakes.py)
    mix: float = 0.0  # share of the pictures mixed with another one of the batch (`training.batches.mixed`)
    attention: float = 0.0  # weight of the loss that wants the evidence where the forgery is (torch engines)
    sam: float = 0.0  # sharpness-aware steps of this length (torch engines)
    drop_path: float = 0.0  # share of the pictures that skip the last block's own part (torch engines)
    validate_every: int = 4000  # images
    validate_on: int = 600  # Validation crops, the same ones each time
    patience: int = 6  # validations without a better figure before stopping early
    seed: int = 0

    @property
    def left_out(self) -> set[str]:
        """The sources of which the run is to see nothing."""
        return {source for source, weight in self.sources.items() if weight == 0}

    @staticmethod
    def read(path: Path) -> Recipe:
        """Read a YAML recipe. Raises InputError where it is none, naming an unknown field."""
        try:
            raw: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
            raw["phases"] = [Phase(**phase) for phase in raw["phases"]]
            raw["augmentation"] = Augmentation(**raw.get("augmentation", {}))
            return Recipe(**raw)
        except KeyError as error:
            raise InputError(f"{path} is no recipe: it lacks {error}") from error
        except (yaml.YAMLError, UnicodeDecodeError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is no recipe: {error}") from error


def learning_rate(recipe: Recipe, images: int, batch: int, done: float | None = None) -> float:
    """Linear warm-up, then half a cosine down to 1 % over all phases (Loshchilov & Hutter, SGDR, 2017, eq. 5).

    done: the share of the run that is over, where that is not the share of its images.
    """
    if done is None:
        done = images / sum(phase.images for phase in recipe.phases)
    warm = min(1.0, (images / batch + 1) / recipe.warm_up)
    return recipe.rate * warm * (0.01 + 0.99 * (1 + np.cos(np.pi * min(1.0, done))) / 2)


def phase_at(recipe: Recipe, images: int) -> Phase | None:
    """The phase after `images` images have been seen; None at the end."""
    for phase in recipe.phases:
        if images < phase.images:
            return phase
        images -= phase.images
    return None


def starts(recipe: Recipe, seen: int) -> Iterator[int]:
    """How many images have been seen before each batch, from `seen` on."""
    while phase := phase_at(recipe, seen):
        yield seen
        seen += phase.batch
