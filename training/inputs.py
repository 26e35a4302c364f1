"""What a command of this package is given: where it cannot be used, a line says why, instead of a traceback."""

from __future__ import annotations

import sys
import zipfile
import zlib
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import typer

from deepdect import images
from deepdect.graph import save_graph
from deepdect.head import Head
from deepdect.images import ImageError
from deepdect.runtime import RUNTIMES, RuntimeName, RuntimeUnavailableError, wanted
from deepdect.terminal import unwritable
from deepdect.weights import WeightsError


class InputError(ValueError):
    """Something given that cannot be used: the message says what, what is wrong with it, and what is expected."""


def command(main: Callable[..., None]) -> None:
    """Run `main` as the command line's program, `telling` what is wrong."""
    typer.run(telling(main))


def telling(main: Callable[..., None]) -> Callable[..., None]:
    """The same program, which an input that it cannot use ends like a bad option, with status 2."""

    @wraps(main)
    def told(*args: Any, **options: Any) -> None:
        try:
            main(*args, **options)
        except BrokenPipeError:  # whoever read the output has gone
            raise
        except ModuleNotFoundError as error:
            raise typer.BadParameter(
                f"{error}: `make test` installs what the commands need, but for PyTorch (pip install torch)"
            ) from error
        except (InputError, ImageError, RuntimeUnavailableError, WeightsError, OSError) as error:
            raise typer.BadParameter(str(error)) from error

    return told


def chosen_runtime(name: str | None) -> RuntimeName:
    """The runtime of that name; without one as `Detector` chooses, by `DEEPDECT_RUNTIME` or "auto".

    Raises InputError for another name.
    """
    chosen: Any = wanted(name)
    if chosen not in RUNTIMES:
        raise InputError(f"--runtime, or DEEPDECT_RUNTIME: expected one of {', '.join(RUNTIMES)}; received {chosen!r}")
    found: RuntimeName = chosen
    return found


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file by Keras name. Raises InputError where it is none."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, EOFError, ValueError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: expected weights (.npz), which this cannot be read as: {error}") from error


def read_picture(file: str | Path) -> np.ndarray | None:
    """A picture, uint8 RGB [h, w, 3]; None where it cannot be read, which is told on standard error."""
    try:
        return images.load(file)
    except ImageError as error:
        print(error.message, file=sys.stderr, flush=True)
        return None


def check_output(option: str, file: Path | None) -> None:
    """Before long work: raises InputError where its result could not be written to that option's file."""
    if file and (why := unwritable(file)):
        raise InputError(f"{option} {file}: cannot be written: {why}")


def read_network(weights: Path, graph: Path) -> Head:
    """The head of an `.npz` of weights, and its backbone as an OpenVINO graph in the file `graph` (.xml, with a .bin).

    Raises InputError where they are not this network's.
    """
    arrays = read_weights(weights)
    for name, array in arrays.items():
        layer = name.rpartition("/")[0]
        kernel = arrays.get(f"{layer.removesuffix('_bn')}_conv/kernel")
        if layer.endswith("_bn") and kernel is not None and array.shape != kernel.shape[-1:]:
            expected, received = list(kernel.shape[-1:]), list(array.shape)
            raise InputError(f"{weights}, {name}: expected shape {expected}, received {received}")
    try:
        head = Head.from_weights(arrays)
        save_graph(weights, graph)
    except (KeyError, ValueError, IndexError, RuntimeError) as error:  # the last is OpenVINO's, of shapes, too
        raise InputError(f"{weights} holds no Deep Dect network: {error}") from error
    return head
