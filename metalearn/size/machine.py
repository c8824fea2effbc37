"""Memory of this machine: what there is, what is free, and the limit of a container."""

from __future__ import annotations

import os
from pathlib import Path

LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def total() -> float:
    """Bytes of memory that this process may use: the machine's, or the container's limit; infinite where unknown."""
    found = [_pages("SC_PHYS_PAGES")]
    for name in LIMITS:
        try:
            found.append(float(Path(name).read_text(encoding="ascii")))
        except (OSError, ValueError):  # no container, or "max"
            continue
    return min(found)


def free() -> float:
    """Bytes that can be had without taking them from others; the whole memory where the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return min(total(), 1024.0 * int(line.split()[1]))
    except (OSError, ValueError):
        pass
    return total()


def _pages(name: str) -> float:
    if name not in getattr(os, "sysconf_names", {}):
        return float("inf")
    return float(os.sysconf(name)) * os.sysconf("SC_PAGE_SIZE")
