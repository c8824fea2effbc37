"""Checks the options of a component against the types of their defaults, and their size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inner.components import load, options_of
from metalearn.config.schema import short

LARGEST = 1e15  # size of a number


def check_options(kind: str, spec: Mapping[str, Any]) -> None:
    """Check that a component's options have the types of their defaults; raises ValueError for the first that has not."""
    fields = options_of(load(kind, str(spec.get("name"))))
    for key, value in spec.items():
        default = fields[key].default if key in fields else None
        wanted = {bool: (bool,), int: (int,), float: (int, float), str: (str,)}.get(type(default))
        if wanted and (not isinstance(value, wanted) or isinstance(value, bool) != isinstance(default, bool)):
            like = "true or false" if isinstance(default, bool) else f"a value like {default!r}"
            raise ValueError(f"{kind}.{key}: expected {like}, got {short(value)}")
        if isinstance(value, int | float) and not abs(value) <= LARGEST:
            raise ValueError(f"{kind}.{key}: expected a number of at most {LARGEST:g}, got {short(value)}")
