"""Raw logit -> calibrated logit -> probability -> real | deepfake | inconclusive."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Verdict = Literal["real", "deepfake", "inconclusive"]


@dataclass(frozen=True)
class Calibration:
    """Fitted on Validation (`training.calibrate`): logit = raw / temperature + offset (Platt, 1999; Guo et al., 2017).

    A probability of at least `high` is called deepfake, one of at most `low` real, what lies between is inconclusive.
    version: of the weights this belongs to. fitted_on: what it was fitted on, in words.
    """

    temperature: float
    offset: float
    low: float
    high: float
    version: str
    fitted_on: str = ""

    def __post_init__(self) -> None:
        if not (self.temperature > 0 and 0 < self.low <= 0.5 <= self.high < 1):
            raise ValueError(f"expected temperature > 0 and 0 < low <= 0.5 <= high < 1, received {self}")

    @staticmethod
    def read(path: Path) -> Calibration:
        """Read `calibration.json`. Raises TypeError or ValueError for fields missing, unknown or out of range."""
        return Calibration(**json.loads(path.read_text()))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")

    def logit(self, raw: float) -> float:
        """The calibrated logit; 0 means that real and fake are equally likely at equal priors."""
        return raw / self.temperature + self.offset

    def bias(self, raw_bias: float) -> float:
        """The head's bias in the same units, so that sum(evidence) + bias == logit."""
        return raw_bias / self.temperature + self.offset

    def verdict(self, probability: float) -> Verdict:
        """What to call a fake probability in 0..1."""
        if probability >= self.high:
            return "deepfake"
        return "real" if probability <= self.low else "inconclusive"

    @property
    def zones(self) -> dict[Verdict, float]:
        """The middle of each verdict's part of 0..1."""
        return {"real": self.low / 2, "inconclusive": (self.low + self.high) / 2, "deepfake": (self.high + 1) / 2}


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit)), for any size of logit."""
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    return math.exp(logit) / (1 + math.exp(logit))
