"""What every test gets: one thread, no network, and the real data sets where a folder of them lies beside the project."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["WANDB_MODE"] = os.environ.get("WANDB_MODE", "offline")
_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
if _DATA.is_dir():
    os.environ.setdefault("METALEARN_DATA", str(_DATA))
