"""The folder of things that can be made again, kept between runs: one for all packages."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """$METALEARN_CACHE, or the user's cache folder."""
    if os.environ.get("METALEARN_CACHE"):
        return Path(os.environ["METALEARN_CACHE"])
    import pooch

    return Path(pooch.os_cache("metalearn"))
