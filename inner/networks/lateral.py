"""Linear units with ordered lateral synapses among them: Rubner & Tavan 1989, as Confavreux et al. 2020 search its two rules.

    y = x W + y L,    L strictly upper triangular: unit k hears only the units j < k before it

so that its fixed point y = x W (1 - L)^-1 is reached exactly by O - 1 substitutions. Layer 0 of synapses (`hidden` in a
formula per layer) is W, with pre = x; layer 1 (`output`) is L, with pre = y; post = y in both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from inner.criteria import Criterion
from inner.life_data import Label
from inner.networks import base
from inner.networks.base import ForwardRecord
from inner.random import stream


@dataclass(frozen=True)
class Network(base.Network):
    """All inputs to all output units, and every output unit to those after it."""

    hidden: tuple[int, ...] = ()  # none, like the biases: options that every network has
    activation: str = "linear"
    output: str = "linear"
    bias: bool = False
    gain: float = 1.0  # weights start as N(0, (gain / sqrt(I))^2), lateral ones too

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        if self.hidden or self.bias:
            what, got = ("hidden", list(self.hidden)) if self.hidden else ("bias", True)
            raise ValueError(
                f"network.{what}: 'lateral' has none, expected {'[]' if self.hidden else 'false'}, got {got}"
            )
        for name, allowed in (("activation", ("linear", "tanh")), ("output", ("linear", "auto"))):
            if getattr(self, name) not in allowed:  # tanh and auto are what a config says of hidden units it lacks
                raise ValueError(f"network.{name}: 'lateral' is linear, got '{getattr(self, name)}'")
        if not (math.isfinite(self.gain) and self.gain >= 0):
            raise ValueError(f"network.gain: expected a number >= 0, got {self.gain}")

    def sizes(self, inputs: int, outputs: int) -> tuple[int, ...]:
        """Units per layer: input and output."""
        return (inputs, outputs)

    def wiring(self, inputs: int, outputs: int) -> tuple[tuple[int, int], ...]:
        """All inputs to all output units, and the output units among each other."""
        return ((0, 1), (1, 1))

    def init(self, inputs: int, outputs: int, seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """Initial weights, one network per label: W [L, I, O] and the lateral [L, O, O]."""
        layers = []
        for k, rows in enumerate((inputs, outputs)):
            drawn = [
                stream(seed, "weights", k, *label).standard_normal((rows, outputs), dtype=np.float32)
                for label in labels
            ]
            layers.append(torch.from_numpy(np.stack(drawn) * np.float32(self.gain / math.sqrt(inputs))))
        return self.wired(tuple(layers))

    def wired(self, weights: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The weights with 0 where there is no synapse: unit j reaches unit k only for j < k."""
        return weights[0], weights[1].triu(1)

    def forward(
        self,
        weights: Sequence[Tensor],
        x: Tensor,
        output: str,
        units: tuple[Tensor, ...] = (),
        fresh: Tensor | None = None,
        noise: Sequence[Tensor] | None = None,
    ) -> tuple[ForwardRecord, tuple[Tensor, ...]]:
        """Run x [N, B, I] through W [N, I, O] and the lateral weights [N, O, O] to the fixed point."""
        driven = torch.bmm(x, weights[0])
        if noise is not None:
            driven = driven + noise[0]
        y = driven
        for _ in range(weights[1].shape[2] - 1):  # L^O = 0: after O - 1 substitutions nothing changes any more
            y = driven + torch.bmm(y, weights[1])
        return ForwardRecord((x, y), (y, y), (y, y), y), ()

    def resolve_output(self, criterion: Criterion) -> str:
        """The kind of output unit: always linear."""
        return "linear"
