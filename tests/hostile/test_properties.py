"""Any bytes, and any damage to a valid file: a picture or a video within the limits or an ImageError, nothing else."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.contract import outcome, video_outcome
from tests.hostile.samples import SAMPLES
from tests.hostile.videos import CONTAINERS

# The same examples in every run, so that the suite does not fail by chance; `make fuzz` is for finding new ones.
suite = settings(
    max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
MAGIC = [data[:32] for data in SAMPLES.values()]


@settings(suite, max_examples=200)
@given(st.sampled_from([b"", *MAGIC]), st.binary(max_size=3000))
def test_any_bytes(beginning, rest):
    assert outcome(beginning + rest) in {"ok", "unreadable", "unsupported", "too_large"}


# Where (as a part of the whole), how many bytes go, and what comes in their place.
edits = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 64), st.binary(max_size=16)), min_size=1, max_size=6)


def damaged(data: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    for part, gone, new in edits:
        at = int(part * len(data))
        data = data[:at] + new + data[at + gone :]
    return data


@pytest.mark.parametrize("sample", SAMPLES)
@suite
@given(edits=edits)
def test_any_damage(sample, edits):
    assert outcome(damaged(SAMPLES[sample], edits)) in {"ok", "unreadable", "unsupported", "too_large"}


@pytest.mark.parametrize("sample", SAMPLES)
def test_undamaged_samples_are_pictures(sample):
    """Else the test above would pass where nothing is ever read."""
    assert outcome(SAMPLES[sample]) == "ok"


@pytest.fixture(scope="module")
def video_file(tmp_path_factory):
    return tmp_path_factory.mktemp("videos") / "sent.mp4"


@suite
@given(st.sampled_from([b"\0\0\0\x20ftypisom", b"\x1aE\xdf\xa3", b"RIFF0000AVI ", b""]), st.binary(max_size=3000))
def test_any_bytes_of_a_video(video_file, beginning, rest):
    assert video_outcome(beginning + rest, video_file) in {"ok", "unreadable", "unsupported", "too_large"}


@pytest.mark.parametrize("container", CONTAINERS)
@suite
@given(edits=edits)
def test_any_damage_to_a_video(video_file, container, edits):
    spoilt = damaged(CONTAINERS[container](), edits)
    assert video_outcome(spoilt, video_file) in {"ok", "unreadable", "unsupported", "too_large"}


@pytest.mark.parametrize("container", CONTAINERS)
def test_undamaged_videos_are_read(video_file, container):
    assert video_outcome(CONTAINERS[container](), video_file) == "ok"
