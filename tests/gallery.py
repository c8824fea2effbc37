"""Where paper tests leave their pictures: runs/papers in the checkout, or the folder named by METALEARN_PICTURES."""

from __future__ import annotations

import os
from pathlib import Path


def save(name: str, svg: str) -> Path:
    """Write `name`.svg and say where."""
    folder = Path(os.environ.get("METALEARN_PICTURES") or Path(__file__).resolve().parent.parent / "runs" / "papers")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.svg"
    path.write_text(svg + "\n", encoding="utf-8")
    print(f"picture {path}")
    return path
