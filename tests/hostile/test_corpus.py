"""Every file of the corpus through `images.load` and `origin.read`."""

from __future__ import annotations

import time
import tracemalloc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from deepdect.images import ImageError, load
from tests.hostile import corpus
from tests.hostile.contract import said
from tests.hostile.samples import PICTURE, SAMPLES

MEMORY = 2**28  # bytes
SECONDS = 20  # a file; usual are tenths, and a few where memory is traced


@contextmanager
def in_time() -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        assert time.monotonic() - began < SECONDS


@pytest.mark.parametrize("case", corpus.CASES, ids=lambda case: case.name)
def test_every_file_fares_as_the_table_says(case):
    for data in case.make():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow grumbles about much of this
            try:
                with in_time():
                    rgb = load(data, name=case.name)
            except ImageError as error:
                assert case.expected in {error.status, corpus.EITHER}, error.message
                assert error.message.startswith(f"{case.name}: ") and error.message.endswith(".")
                continue
        assert case.expected in {"ok", corpus.EITHER}
        assert (rgb.dtype, rgb.ndim, rgb.shape[2]) == (np.uint8, 3, 3)
        assert case.is_right(rgb)


@pytest.mark.parametrize("case", corpus.CASES, ids=lambda case: case.name)
def test_what_every_file_says_of_itself_is_read_in_little_time_and_memory(case):
    for data in case.make():
        tracemalloc.start()
        with in_time():
            found = said(data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert {message.key for message in found} <= {"origin_moving"}  # nothing here names its origin
        assert peak < MEMORY + 8 * len(data)


@pytest.mark.parametrize("name", corpus.NAMES, ids=lambda name: ascii(name[:20]))
def test_no_name_does_harm(name):
    np.testing.assert_array_equal(load(SAMPLES["PNG"], name=name), PICTURE)
    with pytest.raises(ImageError) as caught:
        load(b"", name=name)
    message = caught.value.message
    assert message.isprintable() and len(message) < 500
    assert all(forbidden not in message for forbidden in corpus.NAMES[name])


def test_the_committed_table_is_this_one():
    assert corpus.TABLE.read_text(encoding="utf-8") == corpus.table(), "run python -m tests.hostile.corpus"
