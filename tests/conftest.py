"""What every test gets: one thread, no network, and the real data sets where a folder of them lies beside the project."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["WANDB_MODE"] = os.environ.get("WANDB_MODE", "offline")
# compiled kernels of all test runs of this user, and nothing in the cache that the user works with
os.environ.setdefault("METALEARN_CACHE", os.path.join(tempfile.gettempdir(), f"metalearn-tests-{os.getuid()}"))
_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
if _DATA.is_dir():
    os.environ.setdefault("METALEARN_DATA", str(_DATA))


@pytest.fixture
def without_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without the image data sets: no folder, no cache on disk, nothing that an earlier test has read."""
    from inner.tasks import _images

    monkeypatch.setenv("METALEARN_DATA", str(tmp_path / "empty"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for read in (_images.idx_set, _images.idx_tiers):
        read.cache_clear()
    yield
    for read in (_images.idx_set, _images.idx_tiers):
        read.cache_clear()


@pytest.fixture
def quick_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels that run once are compiled with less effort, and no warning."""
    from inner.engines.native import compiler

    flags = tuple("-O1" if flag == "-O3" else flag for flag in compiler.FLAGS)
    monkeypatch.setattr(compiler, "FLAGS", (*flags, "-Wall", "-Wextra", "-Werror"))
