"""What the fuzzers share: seeds, limits, and the hand-over to libFuzzer."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
SECONDS_EACH, MEGABYTES, LONGEST = 2, 2048, 2**16


def write_seeds(folder: Path, seeds: list[bytes]) -> int:
    """Every seed that is short enough, from which the fuzzer goes on; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    short = [seed for seed in seeds if len(seed) <= LONGEST]
    for number, seed in enumerate(short):
        (folder / f"seed-{number:03}").write_bytes(seed)
    return len(short)


def fuzz(name: str, description: str, seeds: list[bytes], test_one: Callable[[bytes], None]) -> None:
    """Read the command line, write the seeds, then hand over to libFuzzer, which ends the process.

    What raises, takes longer than SECONDS_EACH or needs more than MEGABYTES ends the run with a status that is not 0.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seconds", type=int, default=1800, help="for how long (%(default)s)")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "runs" / "fuzz" / name, help="inputs and findings (%(default)s)"
    )
    chosen = parser.parse_args()
    inputs = chosen.folder / "inputs"
    print(f"{write_seeds(inputs, seeds)} seeds in {inputs}", file=sys.stderr)
    options = {
        "max_total_time": chosen.seconds,
        "timeout": SECONDS_EACH,
        "rss_limit_mb": MEGABYTES,
        "max_len": LONGEST,
        "artifact_prefix": f"{chosen.folder}/",
        "print_final_stats": 1,
    }
    atheris.Setup([sys.argv[0], *(f"-{key}={value}" for key, value in options.items()), str(inputs)], test_one)
    atheris.Fuzz()
