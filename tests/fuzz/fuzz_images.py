"""Coverage-guided fuzzing of `images.load` and `origin.read`.

`python -m tests.fuzz.fuzz_images [--seconds N]`, or `make fuzz`. Guided by the coverage of our code and Pillow's
Python; the C libraries under it are run, not measured. What breaks a promise of theirs, takes more than two seconds or
too much memory is written to the folder as crash-*, timeout-* or oom-*; turn it into a case of tests/hostile/corpus.py.
Exit status 0: nothing was found.
"""

from __future__ import annotations

import atheris

with atheris.instrument_imports(
    include=["PIL", *(f"deepdect.{module}" for module in ("boxes", "entries", "formats", "images", "jpeg", "origin"))]
):
    from deepdect import images, origin  # noqa: F401
    from tests.hostile.contract import outcome

import c2pa  # noqa: F401  # now, since loading it takes half of what a file may

from tests.fuzz.fuzzer import fuzz
from tests.hostile.corpus import CASES
from tests.hostile.samples import SAMPLES


def test_one(data: bytes) -> None:
    """What libFuzzer calls: it wants no answer."""
    outcome(data)


if __name__ == "__main__":
    hostile = (data for case in CASES if case.expected != "too_large" for data in case.make())
    fuzz("images", __doc__.splitlines()[0], [*SAMPLES.values(), *hostile], test_one)
