"""Reads the cells of a comparison from a file of their own, so that many of them do not hide the experiment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from inner.components import suggest
from metalearn.config.files import folders, read_yaml
from metalearn.config.sections import Plain

GROUPS = ("main", "transfer")
FOLDER = "cells"  # beside the project's configs


def with_cells(content: Plain, config: Path) -> Plain:
    """The config with the cells of `compare.cells` behind its own. Raises ValueError in one line."""
    compare = content.get("compare")
    if not isinstance(compare, Mapping) or compare.get("cells") is None:
        return content
    found = read_yaml(_find(compare["cells"], config))
    for key, cells in found.items():
        if key not in GROUPS:
            raise ValueError(f"compare.cells: unknown key '{key}'{suggest(str(key), GROUPS)}; known: {', '.join(GROUPS)}")
        if not isinstance(cells, list):
            raise ValueError(f"compare.cells: {key}: expected a list of cells, got {type(cells).__name__}")
    rest = {key: value for key, value in compare.items() if key != "cells"}
    more = {key: [*(compare.get(key) or ()), *cells] for key, cells in found.items()}
    return {**content, "compare": rest | more}


def _find(name: object, config: Path) -> Path:
    """The file of a path, from the working folder or from the config's, or of a name such as `many`."""
    if not isinstance(name, str) or not 0 < len(name) <= 200:
        raise ValueError(f"compare.cells: expected a file of cells, got {str(name)[:60]!r}")
    places = [Path(name), config.parent / name, *(folder / FOLDER / f"{name}.yaml" for folder in folders())]
    for place in places:
        if place.is_file():
            return place
    known = sorted(path.stem for folder in folders() for path in (folder / FOLDER).glob("*.yaml"))
    raise ValueError(f"compare.cells: no file '{name}'{suggest(name, known)}; known: {', '.join(known) or 'none'}")
