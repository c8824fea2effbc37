"""Keeps the memory that torch has freed for the next step, which asks for the same again.

The C library of Linux hands large pieces back to the system at once, and the system hands out new ones page by page,
each wiped first: lives of many networks in batches then spend half of their time on that. Lives that are differentiated
keep what they compute anyway and gain nothing: they do not ask for it.
"""

from __future__ import annotations

import ctypes
import os
import platform
from functools import lru_cache

TRIM, MMAP = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of <malloc.h>
KEPT = 2**29  # bytes at the end of the heap that are kept
LARGEST = 2**25  # bytes of a piece that the heap is used for, the most that glibc accepts
OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")  # a user who sets these knows better


@lru_cache(maxsize=1)
def keep_freed() -> bool:
    """Tell the C library once per process; whether it was told: it is glibc, and nothing of it is set by the user."""
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in OWN):
        return False
    library = ctypes.CDLL(None)
    return bool(library.mallopt(TRIM, KEPT) and library.mallopt(MMAP, LARGEST))
