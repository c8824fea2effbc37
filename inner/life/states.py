"""Maps, lists and joins the tensors in any state made of tuples (named ones too), dicts and dataclasses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor


def map_tensors(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    """`value` with `function` applied to every floating tensor in its tuples, dicts and dataclasses."""
    return map_all(lambda each: function(each) if each.is_floating_point() else each, value)


def map_all(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    """`value` with `function` applied to every tensor in its tuples, dicts and dataclasses."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, tuple):
        mapped = [map_all(function, each) for each in value]
        return type(value)(*mapped) if hasattr(value, "_fields") else tuple(mapped)
    if isinstance(value, dict):
        return {key: map_all(function, each) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: map_all(function, getattr(value, f.name)) for f in fields(value) if f.init})
    return value


def tensors_of(value: Any) -> list[Tensor]:
    """Every tensor in `value`, always in the same order."""
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    map_all(note, value)
    return found


def joined(states: Sequence[Any]) -> Any:
    """One state of all networks from states of some each; every tensor is [N, ...]."""
    if len(states) == 1:
        return states[0]
    columns = iter([torch.cat(parts) for parts in zip(*map(tensors_of, states))])
    return map_all(lambda _: next(columns), states[0])
