"""The shipped weights: where they are, that they are the right ones, and the head read from them."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import numpy as np

from deepdect.familiarity import Familiarity
from deepdect.head import Head
from deepdect.messages import Message
from deepdect.verdict import Calibration
from explain.occlusion import NoiseFloor

MODEL_NAME = "deepdect-resnet50"
FOLDER = Path(__file__).resolve().parent.parent / "models"
WEIGHTS_FILE = "deepdect_resnet50.weights.npz"
CHECKSUM_FILE = "model.sha256"
CALIBRATION_FILE = "calibration.json"
NOISE_FLOOR_FILE = "noise_floor.json"
FAMILIARITY_FILE = "familiarity.npz"
INT8_GRAPH = "deepdect_resnet50.int8.xml"  # its weights lie beside it, as .bin
INT8_CHECKSUM_FILE = "int8.sha256"


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
        received = _sha256(stream)
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


def digest(file: Path) -> str:
    """The file's sha256 in hexadecimal."""
    with file.open("rb") as stream:
        return _sha256(stream)


def _sha256(stream: BufferedReader) -> str:
    return hashlib.file_digest(stream, "sha256").hexdigest()


def int8_graph(folder: Path, sha256: str) -> Path | None:
    """The verified int8 backbone made from the weights with this `sha256`, or None where the folder ships none.

    Its checksum file (in `sha256sum`'s format) names the weights it was made from, the graph and its `.bin`. Raises
    WeightsError where it was made from other weights, or a file is missing or changed.
    """
    checksum = folder / INT8_CHECKSUM_FILE
    if not checksum.is_file():
        return None
    lines = [line.split() for line in checksum.read_text(errors="replace").splitlines()]
    if any(len(words) != 2 for words in lines):
        raise WeightsError(f"{checksum} is not a list of checksums and names: get the models/ folder again")
    expected = {name: sum_ for sum_, name in lines}
    if expected.get(WEIGHTS_FILE) != sha256:
        raise WeightsError(
            f"{folder / INT8_GRAPH} was made from weights {expected.get(WEIGHTS_FILE)}, not from those in the folder, "
            f"{sha256}: make it anew (python -m training.export) or use --runtime openvino-f32"
        )
    graph = folder / INT8_GRAPH
    for file in (graph, graph.with_suffix(".bin")):
        received = digest(file) if file.is_file() else "no such file"
        if received != expected.get(file.name):
            raise WeightsError(
                f"{file} is not the file that {checksum.name} names: expected sha256 {expected.get(file.name)}, "
                f"received {received}. Get the models/ folder again."
            )
    return graph


def familiarity(folder: Path, sha256: str) -> Familiarity | None:
    """What the features of familiar faces are with these weights; None where the folder ships no such table.

    Raises WeightsError where the table is damaged or belongs to other weights.
    """
    file = folder / FAMILIARITY_FILE
    if not file.is_file():
        return None
    try:
        table = Familiarity.read(file)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{file} cannot be read: {error}. Get the models/ folder again.") from error
    if table.sha256 != sha256:
        raise WeightsError(
            f"{file} was measured with weights {table.sha256[:16]}, not with those in the folder, {sha256[:16]}: "
            "measure it anew (python -m training.familiarity) or remove it"
        )
    return table


def noise_floor(folder: Path, sha256: str) -> tuple[NoiseFloor | None, str]:
    """The noise floor measured with these weights, and "", or None and why there is none.

    A verdict needs no noise floor, so its absence is a matter for whoever asks for verification, and no error.
    """
    file = folder / NOISE_FLOOR_FILE
    try:
        floor = NoiseFloor.from_json(json.loads(file.read_text()))
    except FileNotFoundError:
        return None, Message("floor_missing", file=file.name)
    except (OSError, TypeError, ValueError) as error:
        return None, Message("floor_unreadable", file=file.name, error=str(error))
    if floor.sha256 != sha256:
        return None, Message("floor_other", file=file.name, received=floor.sha256[:16], expected=sha256[:16])
    return floor, ""
