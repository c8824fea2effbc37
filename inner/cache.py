"""The folder of things that can be made again, kept between runs: one for all packages."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def cache_folder() -> Path:
    """$METALEARN_CACHE, or the user's cache folder."""
    if os.environ.get("METALEARN_CACHE"):
        return Path(os.environ["METALEARN_CACHE"])
    import pooch

    return Path(pooch.os_cache("metalearn"))


def private(path: Path) -> bool:
    """True for a file or folder that this user owns and no other may write to: what lies there may be believed."""
    found = path.lstat()
    kind = stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)
    return kind and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def private_folder(name: str) -> Path | None:
    """A folder of the cache that only this user can write to, made where it is missing; None where that cannot be had."""
    wanted = cache_folder() / name
    try:
        wanted.mkdir(parents=True, exist_ok=True, mode=0o700)
        return wanted if private(wanted) and os.access(wanted, os.W_OK) else None
    except OSError:
        return None
