"""Coverage-guided fuzzing of `frames.read`: `make fuzz WHAT=videos`, or `python -m tests.fuzz.fuzz_videos`.

Guided by the coverage of our code; FFmpeg under it is run, not measured. Findings as in `fuzz_images`; turn one into a
case of tests/hostile/videos.py. Exit status 0: nothing was found.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["deepdect.frames", "deepdect.formats"]):
    from deepdect import frames  # noqa: F401
    from tests.hostile.contract import video_outcome

from tests.fuzz.fuzzer import fuzz
from tests.hostile.videos import CASES, CONTAINERS

FOLDER = tempfile.TemporaryDirectory(prefix="fuzz-videos-")
FILE = Path(FOLDER.name) / "sent.mp4"


def test_one(data: bytes) -> None:
    """What libFuzzer calls: it wants no answer."""
    video_outcome(data, FILE)


if __name__ == "__main__":
    hostile = [data for case in CASES for data in case.make()]
    fuzz("videos", __doc__.splitlines()[0], [*(make() for make in CONTAINERS.values()), *hostile], test_one)
