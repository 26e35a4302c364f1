"""Coverage-guided fuzzing of `images.load`: `python -m tests.fuzz.fuzz_images [--seconds N]`, or `make fuzz`.

Guided by the coverage of our code and Pillow's Python; the C libraries under it are run, not measured. What breaks a
promise of `images.load`, takes more than two seconds or too much memory is written to the folder as crash-*, timeout-*
or oom-*; turn it into a case of tests/hostile/corpus.py. Exit status 0: nothing was found.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["deepdect.images", "PIL"]):
    from deepdect import images  # noqa: F401
    from tests.hostile.contract import outcome

from tests.hostile.corpus import CASES
from tests.hostile.samples import SAMPLES

ROOT = Path(__file__).resolve().parents[2]
SECONDS_EACH, MEGABYTES, LONGEST = 2, 2048, 2**16


def write_seeds(folder: Path) -> int:
    """Every valid sample and every short hostile file, from which the fuzzer goes on; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = [*SAMPLES.values(), *(data for case in CASES if case.expected != "too_large" for data in case.make())]
    seeds = [seed for seed in seeds if len(seed) <= LONGEST]
    for number, seed in enumerate(seeds):
        (folder / f"seed-{number:03}").write_bytes(seed)
    return len(seeds)


def main() -> None:
    """Write the seeds, then hand over to libFuzzer, which ends the process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=1800, help="for how long (%(default)s)")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "fuzz", help="inputs and findings (%(default)s)")
    chosen = parser.parse_args()
    inputs = chosen.folder / "inputs"
    print(f"{write_seeds(inputs)} seeds in {inputs}", file=sys.stderr)
    options = {
        "max_total_time": chosen.seconds,
        "timeout": SECONDS_EACH,
        "rss_limit_mb": MEGABYTES,
        "max_len": LONGEST,
        "artifact_prefix": f"{chosen.folder}/",
        "print_final_stats": 1,
    }
    atheris.Setup([sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(inputs)], outcome_only)
    atheris.Fuzz()


def outcome_only(data: bytes) -> None:
    """What libFuzzer calls: it wants no answer."""
    outcome(data)


if __name__ == "__main__":
    main()
