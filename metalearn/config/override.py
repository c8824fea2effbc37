"""An override of the command line, `key.sub=value`: its parts, and the mapping that it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inner.components import Plain
from metalearn.config.files import DEEPEST


def parted(override: str) -> tuple[str, list[str], str]:
    """Key, path and text of `key.sub=text`. Raises ValueError in one line."""
    key, equals, text = override.partition("=")
    path = key.strip().split(".")
    if not equals or not all(path):
        raise ValueError(f"override: expected key=value or key.sub=value, got '{override[:100]}'")
    if len(path) > DEEPEST:
        raise ValueError(f"override: expected at most {DEEPEST} keys inside each other, got {len(path)}")
    return key, path, text


def place_of(content: Plain, path: Sequence[str], key: str, opened: Callable[[str, str], Plain] | None = None) -> Plain:
    """The mapping that holds the last key of a path; those above it are copied, a name among them becomes a mapping.

    opened(part, name): the mapping that a name stands for, by default {name: ...}. Raises ValueError in one line.
    """
    place = content
    for part in path[:-1]:
        inside = place.get(part)
        if isinstance(inside, str):
            inside = {"name": inside} if opened is None else opened(part, inside)
        if inside is None:
            inside = {}
        if not isinstance(inside, dict):
            raise ValueError(f"override: '{part}' in '{key[:60]}' has no keys below it")
        place[part] = dict(inside)
        place = place[part]
    return place
