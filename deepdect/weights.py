"""The shipped weights: where they are, that they are the right ones, and the head read from them."""

from __future__ import annotations

import hashlib
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepdect.head import Head
from deepdect.verdict import Calibration

MODEL_NAME = "deepdect-resnet50"
FOLDER = Path(__file__).resolve().parent.parent / "models"
WEIGHTS_FILE = "deepdect_resnet50.weights.npz"
CHECKSUM_FILE = "model.sha256"
CALIBRATION_FILE = "calibration.json"


class WeightsError(RuntimeError):
    """The weights are missing, damaged or not the shipped ones."""


@dataclass(frozen=True)
class Model:
    """A verified set of weights. `file` is the half-precision `.npz`, the single source of the network's weights."""

    file: Path
    sha256: str
    version: str
    head: Head
    calibration: Calibration


def load(folder: Path = FOLDER) -> Model:
    """Read the model in `folder`. Raises WeightsError where a file is missing, damaged or not the checksum's."""
    file, checksum, calibration = folder / WEIGHTS_FILE, folder / CHECKSUM_FILE, folder / CALIBRATION_FILE
    for needed in (file, checksum, calibration):
        if not needed.is_file():
            raise WeightsError(
                f"{needed} is missing: get the repository's models/ folder again (it is part of the checkout)"
            )
    words = checksum.read_text(errors="replace").split()
    expected = words[0].lower() if words else ""
    if not re.fullmatch("[0-9a-f]{64}", expected):
        raise WeightsError(f"{checksum} holds no sha256: get the repository's models/ folder again")
    with file.open("rb") as stream:
        received = hashlib.file_digest(stream, "sha256").hexdigest()
        if received != expected:
            raise WeightsError(
                f"{file} is not the file that {checksum.name} names: expected sha256 {expected}, received {received}. "
                "It is damaged or was replaced; get the models/ folder again."
            )
        stream.seek(0)  # the same open file: what was checked is what is read
        try:
            with np.load(stream, allow_pickle=False) as arrays:
                head = Head.from_weights(arrays)
        except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile) as error:  # ValueError: pickles, too
            raise WeightsError(f"{file} matches its checksum but cannot be read as weights: {error}") from error
    try:
        fitted = Calibration.read(calibration)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{calibration} cannot be read: {error}. Get the models/ folder again.") from error
    return Model(file, received, fitted.version, head, fitted)
