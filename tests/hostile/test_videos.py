"""Every video of the corpus through `deepdect.frames.read`."""

from __future__ import annotations

import pytest

from deepdect import frames
from deepdect.images import ImageError
from tests.hostile import videos


@pytest.mark.parametrize("case", videos.CASES, ids=lambda case: case.name)
def test_every_video_fares_as_the_table_says(case, tmp_path):
    for data in case.make():
        file = tmp_path / case.name
        file.write_bytes(data)
        try:
            found = list(frames.read(file, fps=10, name=case.name))
        except ImageError as error:
            assert case.expected in {error.status, videos.EITHER}, error.message
            assert error.message.startswith(f"{case.name}: ") and error.message.endswith(".")
            continue
        assert case.expected in {"ok", videos.EITHER}
        assert all(frame.rgb.ndim == 3 and frame.rgb.size <= 3 * frames.MAX_PIXELS for frame in found)
        assert [frame.t for frame in found] == sorted(frame.t for frame in found)
        if case.expected == "ok":
            assert len(found) == case.frames
