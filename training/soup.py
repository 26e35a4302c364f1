"""The mean of several runs' weights: `python -m training.soup runs/A/best.npz runs/B/final.npz --output runs/soup.npz`.

Runs that start from one another's weights end in one valley of the loss, and the middle of it generalises better than
either end (Wortsman et al., "Model soups", 2022, arXiv 2203.05482). Whether it does is for Validation to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from training.inputs import InputError, check_output, command, read_weights
from training.train import write_weights


def mean(parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Each weight's mean, float32. Raises InputError where the parts' names or shapes differ."""
    first = {name: np.shape(value) for name, value in parts[0].items()}
    for number, part in enumerate(parts):
        if (shapes := {name: np.shape(value) for name, value in part.items()}) != first:
            odd = sorted(set(first.items()) ^ set(shapes.items()))[0][0]
            raise InputError(f"weights {number + 1} are of another network than the first: see {odd}")
    return {name: np.mean([np.asarray(part[name], np.float32) for part in parts], axis=0) for name in first}


def main(
    parts: Annotated[list[Path], typer.Argument(help="Weights (.npz), two or more.")],
    output: Annotated[Path, typer.Option(help="Where the mean goes.")],
) -> None:
    """Average runs' weights."""
    if len(parts) < 2:
        raise typer.BadParameter(f"a mean takes two files or more, received {len(parts)}")
    check_output("--output", output)
    write_weights(mean([read_weights(part) for part in parts]), output)
    print(f"{output}: the mean of {len(parts)} runs")


if __name__ == "__main__":
    command(main)
