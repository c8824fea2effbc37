"""Shared values: the number of values of a coefficient in a network, and where each of them acts: `share: rule, layer, neuron, ...`.

The values of a coefficient stand in a row layer by layer; within a layer by presynaptic unit i (a bias unit last), then
by postsynaptic unit j. theta [N, D] holds the rows of all coefficients one after the other. Shapes are those of the
layers of synapses: (I (+ 1), O) each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from inner.rules.coefficient import Coefficient

if TYPE_CHECKING:
    from torch import Tensor

Shapes = Sequence[tuple[int, int]]

SIDES = {"neuron": "post", "pre_neuron": "pre", "synapse": "synapse"}  # of the values, for what is separated by side
UNITS = {
    "layer": "layer",
    "neuron": "postsynaptic unit",
    "pre_neuron": "presynaptic unit",
    "synapse": "synapse",
}


def layer_shape(share: str, shape: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of one layer's values; they broadcast over its weights (I, O)."""
    rows, columns = shape
    return {"layer": (1, 1), "neuron": (1, columns), "pre_neuron": (rows, 1), "synapse": (rows, columns)}[share]


def count(coefficient: Coefficient, shapes: Shapes) -> int:
    """How many values the coefficient has in a network of these shapes."""
    if coefficient.share == "rule":
        return 1
    sizes = (layer_shape(coefficient.share, shape) for shape in shapes)
    return sum(rows * columns for rows, columns in sizes)


def spread(coefficients: Sequence[Coefficient]) -> bool:
    """True where any coefficient has a value of its own for a layer, unit or synapse."""
    return any(coefficient.share != "rule" for coefficient in coefficients)


def flat(coefficients: Sequence[Coefficient], values: Mapping[str, Any], shapes: Shapes) -> np.ndarray:
    """One row of theta [D] from values by name; a single number stands for all values of a coefficient.

    Raises ValueError where the values are those of a network of other shapes.
    """
    parts = []
    for coefficient in coefficients:
        wanted, given = count(coefficient, shapes), np.asarray(values[coefficient.name], dtype=np.float64)
        if given.ndim and given.size != wanted:
            raise ValueError(mismatch(coefficient, given.size, wanted, shapes))
        parts.append(np.broadcast_to(given.reshape(-1), (wanted,)))
    return np.concatenate(parts) if parts else np.zeros(0)


def mismatch(coefficient: Coefficient, got: int, wanted: int, shapes: Shapes) -> str:
    """The sentence for values that do not fit a network."""
    layers = ", ".join(f"{rows} x {columns}" for rows, columns in shapes)
    return (
        f"coefficients.{coefficient.name}: {got} values, one per {UNITS[coefficient.share]}, belong to another network; "
        f"this one has layers {layers} and needs {wanted}"
    )


def split(
    coefficients: Sequence[Coefficient], theta: Tensor, shapes: Shapes
) -> tuple[dict[str, Tensor], tuple[dict[str, Tensor], ...]]:
    """theta [N, D] -> the values shared by all layers [N, 1, 1], and per layer those of its own, broadcastable [N, I, O].

    Raises ValueError where D is not the number of values in a network of these shapes.
    """
    if not spread(coefficients):
        return {c.name: theta[:, d].reshape(-1, 1, 1) for d, c in enumerate(coefficients)}, ()
    common: dict[str, Tensor] = {}
    own: tuple[dict[str, Tensor], ...] = tuple({} for _ in shapes)
    wanted = sum(count(coefficient, shapes) for coefficient in coefficients)
    if theta.shape[1] != wanted:
        first = next(coefficient for coefficient in coefficients if coefficient.share != "rule")
        rest = sum(count(c, shapes) for c in coefficients if c is not first)
        raise ValueError(mismatch(first, theta.shape[1] - rest, wanted - rest, shapes))
    start = 0
    for coefficient in coefficients:
        if coefficient.share == "rule":
            common[coefficient.name] = theta[:, start].reshape(-1, 1, 1)
            start += 1
            continue
        for layer, shape in zip(own, shapes):
            rows, columns = layer_shape(coefficient.share, shape)
            block = theta[:, start : start + rows * columns].reshape(-1, rows, columns)
            # a pre-side signal is [N, B, I]: its values lie along the last axis
            layer[coefficient.name] = block.transpose(1, 2) if coefficient.share == "pre_neuron" else block
            start += rows * columns
    return common, own


def describe(coefficient: Coefficient, values: Any) -> str:
    """A value, or what there is to say about many."""
    if not isinstance(values, list | tuple | np.ndarray):
        return f"{values:.4g}"
    row = np.asarray(values, dtype=np.float64)
    return (
        f"{row.size:,} values, one per {UNITS.get(coefficient.share, coefficient.share)}: "
        f"mean {row.mean():.4g}, sd {row.std():.4g}, from {row.min():.4g} to {row.max():.4g}"
    )
