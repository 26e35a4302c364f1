"""Any bytes, and any damage to a valid file: a picture within the limits or an ImageError, nothing else."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.contract import outcome
from tests.hostile.samples import SAMPLES

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


@pytest.mark.parametrize("sample", SAMPLES)
@suite
@given(edits=edits)
def test_any_damage(sample, edits):
    data = SAMPLES[sample]
    for part, gone, new in edits:
        at = int(part * len(data))
        data = data[:at] + new + data[at + gone :]
    assert outcome(data) in {"ok", "unreadable", "unsupported", "too_large"}


@pytest.mark.parametrize("sample", SAMPLES)
def test_undamaged_samples_are_pictures(sample):
    """Else the test above would pass where nothing is ever read."""
    assert outcome(SAMPLES[sample]) == "ok"
