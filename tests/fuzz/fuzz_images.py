"""Coverage-guided fuzzing of `images.load`: `python -m tests.fuzz.fuzz_images [--seconds N]`, or `make fuzz`.

Guided by the coverage of our code and Pillow's Python; the C libraries under it are run, not measured. What breaks a
promise of `images.load`, takes more than two seconds or too much memory is written to the folder as crash-*, timeout-*
or oom-*; turn it into a case of tests/hostile/corpus.py. Exit status 0: nothing was found.
"""

from __future__ import annotations

import atheris

with atheris.instrument_imports(include=["deepdect.images", "PIL"]):
    from deepdect import images  # noqa: F401
    from tests.hostile.contract import outcome

from tests.fuzz.fuzzer import fuzz
from tests.hostile.corpus import CASES
from tests.hostile.samples import SAMPLES


def test_one(data: bytes) -> None:
    """What libFuzzer calls: it wants no answer."""
    outcome(data)


if __name__ == "__main__":
    hostile = (data for case in CASES if case.expected != "too_large" for data in case.make())
    fuzz("images", __doc__.splitlines()[0], [*SAMPLES.values(), *hostile], test_one)
