"""metalearn: evolve learning rules. `search`, `load_rule` and `compare` are the public interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metalearn.api import Run, compare, search
    from metalearn.rule.training import load_rule

__all__ = ["Run", "compare", "load_rule", "search"]

_HOMES = {
    "search": "metalearn.api",
    "compare": "metalearn.api",
    "Run": "metalearn.api",
    "load_rule": "metalearn.rule.training",
}


def __getattr__(name: str) -> Any:
    """Import on first use: `import metalearn` and `metalearn --help` must not pay for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'metalearn' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
