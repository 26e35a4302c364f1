"""Large blocks of memory are kept for the next photo instead of being given back to the system.

A photo of 12 megapixels takes 36 MB. The GNU C library fetches every block of more than 32 MB afresh, and then the
system has to map and clear thousands of pages. Only programs of ours call this, never the library: how a process keeps
its memory is its owner's affair.
"""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
LARGEST_KEPT = 128 * 2**20  # bytes: 44 megapixels
MOST_KEPT = 256 * 2**20


def keep_large_blocks() -> bool:
    """Ask the C library to reuse blocks of up to LARGEST_KEPT bytes, MOST_KEPT in all; whether it agreed.

    False with another C library than GNU's, where nothing is changed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library; TypeError: Windows has no CDLL(None)
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)) and bool(mallopt(M_TRIM_THRESHOLD, MOST_KEPT))
