"""Maps, lists and joins the tensors in any state made of tuples (named ones too), dicts and dataclasses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

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


class Gathered:
    """One state of N networks from the states of blocks, each copied to its place as it comes.

    A list of the blocks' own tensors would cut the C library's heap to pieces that the next block does not fit into.
    """

    def __init__(self, networks: int) -> None:
        self.networks, self.filled = networks, 0
        self.form: Any = None
        self.whole: list[Tensor] = []  # each [N, ...]

    def add(self, state: Any, count: int) -> None:
        """Take the state of the next `count` networks: rows that pad a block, and what lives share, are not copied."""
        parts = tensors_of(state)
        if not self.whole:
            self.form = state
            self.whole = [part.new_empty(self.networks, *part.shape[1:]) if _rows(part, count) else part for part in parts]
        for whole, part in zip(self.whole, parts):
            if _rows(part, count):
                whole[self.filled : self.filled + count] = part[:count]
        self.filled += count

    @property
    def state(self) -> Any:
        """The state of all networks."""
        columns = iter(self.whole)
        return map_all(lambda _: next(columns), self.form)


def _rows(part: Tensor, count: int) -> bool:
    """True for a tensor [N, ...] of at least `count` networks."""
    return part.dim() > 0 and len(part) >= count
