"""The rule library: `configs/rules.yaml` (and `rules.yaml` of the current folder), one line per rule."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inner.components import suggest
from inner.rules.rule import Rule
from metalearn.config import folders, read_yaml


def entries() -> dict[str, dict[str, Any]]:
    """Every rule by name; rules of the current folder come last and may replace the library's."""
    found: dict[str, dict[str, Any]] = {}
    files = [folder / "rules.yaml" for folder in folders()[:1]] + [Path("rules.yaml")]
    for path in files:
        if path.is_file():
            for name, content in read_yaml(path).items():
                if not isinstance(content, dict):
                    raise ValueError(f"{path}: rule '{name}': expected {{dw: ..., pathway: ...}}, got {content!r}")
                found[name] = content
    return found


def entry(name: str) -> dict[str, Any]:
    """One rule's mapping. Raises ValueError with the nearest valid name."""
    known = entries()
    if name not in known:
        raise ValueError(
            f"rule: no rule named '{name}' in the library{suggest(name, known)}; known: {', '.join(known)}"
        )
    return known[name]


def rule(spec: str | Mapping[str, Any]) -> Rule:
    """A rule from a library name or a mapping."""
    if isinstance(spec, str):
        return Rule.from_dict({"name": spec, **entry(spec)})
    return Rule.from_dict(dict(spec))
