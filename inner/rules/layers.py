"""A formula per layer: `dw: {hidden: "...", output: "...", 0: "..."}`, read and named.

`output` is the last layer of synapses, a number counts layers from the input, 0, and goes first; `hidden` is the rest.
Both words are required, so that a rule has a formula for every layer of every network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from inner.components import Plain, suggest

MAX_LAYERS = 64


def latex_head(key: str) -> str:
    r"""The left side of a formula's line: \Delta w, with the layer as index where there is one."""
    layer = key.removeprefix("dw").removeprefix(".")
    if not layer:
        return r"\Delta w"
    return rf"\Delta w^{{({layer})}}" if layer.isdigit() else rf"\Delta w^{{\mathrm{{{layer}}}}}"


def per_layer(dw: Any) -> tuple[Any, Plain]:
    """The formula of all (or the hidden) layers, and those of single layers."""
    if not isinstance(dw, Mapping):
        return dw, {}
    named = {str(key): text for key, text in dw.items() if not isinstance(key, bool)}
    for key in named:
        if key not in ("hidden", "output") and not (re.fullmatch("[0-9]{1,3}", key) and int(key) < MAX_LAYERS):
            near = suggest(key, ("hidden", "output"))
            raise ValueError(f"rule.dw: unknown layer {key[:40]!r}{near}; known: hidden, output, 0 .. {MAX_LAYERS - 1}")
    for key in ("hidden", "output"):
        if key not in named:
            raise ValueError(
                f"rule.dw: expected a formula for 'hidden' and for 'output', no '{key}' among {list(named)}"
            )
    if len(named) != len(dw) or any(key.isdigit() and str(int(key)) != key for key in named):
        raise ValueError(f"rule.dw: expected layers as whole numbers, each once, got {[str(k)[:20] for k in dw][:8]}")
    return named.pop("hidden"), named
