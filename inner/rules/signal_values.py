"""The values behind the signals of one step: the forward record and what came back from it, group by group.

The formulas of the signals stand in the catalogue, `inner/rules/signals.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from inner.activations import activation
from inner.networks.base import ForwardRecord, Network


class SignalValues(NamedTuple):
    """One forward pass and what came back from it. Groups of synapses are k = 0, 1, ..., layers of units 0, 1, ..."""

    network: Network
    wiring: tuple[tuple[int, int], ...]  # (source, target) layer of units per group
    weights: tuple[Tensor, ...]  # [N, I (+ 1), O] per group
    record: ForwardRecord
    feedback: dict[int, Tensor]  # per layer of units, [N, B, units]
    err: dict[int, Tensor]  # per layer of units, [N, B, units]
    reward: Tensor  # [N, B, 1]
    y: Tensor | None  # [N, B, O] targets
    surprise: Tensor  # [N, B, 1]
    noise: Sequence[Tensor] | None  # [N, B, units] per layer of units above the input
    acted: Tensor | None  # [N, B, O]
    before: tuple[dict[str, Tensor], ...]  # per group, the signals that are asked for one step back
    t: int | Tensor = 0  # steps before this one
    steps: int = 0  # T, of the whole life; 0 where that is not known

    @property
    def top(self) -> int:
        """The layer of output units."""
        return max(target for _, target in self.wiring)

    def target(self, k: int) -> int:
        """The layer of units that group k ends at."""
        return self.wiring[k][1]

    def pre_err(self, k: int) -> Tensor:
        """The delta at the pre side [N, B, I (+ 1)], 0 for the bias unit."""
        err = self.err[self.wiring[k][0]]
        biased = self.weights[k].shape[1] > err.shape[2]
        return torch.cat([err, torch.zeros_like(err[..., :1])], -1) if biased else err

    def slope(self, k: int) -> Tensor:
        """The slope of the post units [N, B, O]; that of output units is 1."""
        post = self.record.post[k]
        if self.target(k) == self.top:
            return torch.ones_like(post)
        if self.record.slope is not None:
            return self.record.slope[k]
        return activation(self.network.activation).slope(self.record.drive[k], post)

    def wanted(self, k: int) -> Tensor:
        """The target [N, B, O], 0 for units that have none."""
        if self.target(k) == self.top and self.y is not None:
            return self.y
        return torch.zeros_like(self.record.post[k])

    def action(self, k: int) -> Tensor:
        """The action [N, B, O]: the output itself where nothing else was chosen, 0 for hidden units."""
        if self.target(k) != self.top:
            return torch.zeros_like(self.record.post[k])
        return self.record.output if self.acted is None else self.acted

    def drive_noise(self, k: int) -> Tensor:
        """The noise in the drives [N, B, O] of group k's target units; 0 where the rule has no `noise`."""
        return torch.zeros_like(self.record.drive[k]) if self.noise is None else self.noise[self.target(k) - 1]

    def progress(self) -> Tensor:
        """t / T as [N, 1, 1], at most 1; 0 where T is not known."""
        return self._each(self.t).clamp(max=self.steps) / max(self.steps, 1)

    def updates(self) -> Tensor:
        """t + 1 as [N, 1, 1]."""
        return self._each(self.t + 1)

    def _each(self, number: int | Tensor) -> Tensor:
        """A number, or a tensor [1], for every network."""
        w = self.weights[0]
        if isinstance(number, Tensor):
            return number.to(w.dtype).reshape(1, 1, 1).expand(len(w), 1, 1)
        return w.new_full((len(w), 1, 1), number)
