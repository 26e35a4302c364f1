"""Keeping large blocks, seen by the pages that the system has to map anew."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from deepdect import memory

SIZE = 40 * 2**20  # bytes: over what the C library would keep by itself
SCRIPT = f"""
import resource, sys
from deepdect.memory import keep_large_blocks
if sys.argv[1] == "kept":
    assert keep_large_blocks()
for turn in range(6):
    if turn == 2:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = b"x" * {SIZE}  # not NumPy's, which asks for huge pages
    del block
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    """Pages mapped anew while four blocks of SIZE are taken, filled and freed."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs the GNU C library")
def test_a_large_block_is_used_again():
    assert faults("kept") < 100 < faults("given back")


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    assert not memory.keep_large_blocks()
