"""What one forward pass leaves for a rule to see: the value of every signal of the catalogue, layer by layer.

Signals that are sums over a layer are computed from these (`inner/rules/layer_sums.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from inner.activations import activation
from inner.networks import lateral
from inner.networks.mlp import Activity, Network


class Seen(NamedTuple):
    """One forward pass and what came back from it: what the signals of every layer are made of."""

    weights: tuple[Tensor, ...]
    activity: Activity
    feedback: dict[int, Tensor]  # per layer of units, [N, B, units]
    err: dict[int, Tensor]
    reward: Tensor  # [N, B, 1]
    target: Tensor | None  # [N, B, O]
    network: Network | lateral.Network

    def pre_err(self, k: int) -> Tensor:
        """The delta at the pre side, 0 for the bias unit."""
        err = self.err[k]
        return torch.cat([err, torch.zeros_like(err[..., :1])], -1) if self.network.bias else err

    def slope(self, k: int) -> Tensor:
        """The slope of the post units; that of the output is 1."""
        post = self.activity.post[k]
        if k == len(self.weights) - 1:
            return torch.ones_like(post)
        return activation(self.network.activation).slope(self.activity.drive[k], post)

    def wanted(self, k: int) -> Tensor:
        """The target, 0 for units that have none."""
        if k == len(self.weights) - 1 and self.target is not None:
            return self.target
        return torch.zeros_like(self.activity.post[k])


SIGNAL_OF: dict[str, Callable[[Seen, int], Tensor]] = {
    "pre": lambda seen, k: seen.activity.pre[k],
    "post": lambda seen, k: seen.activity.post[k],
    "err": lambda seen, k: seen.err[k + 1],
    "feedback": lambda seen, k: seen.feedback[k + 1],
    "pre_err": Seen.pre_err,
    "recon": lambda seen, k: torch.bmm(seen.activity.post[k], seen.weights[k].transpose(1, 2)),
    "drive": lambda seen, k: seen.activity.drive[k],
    "slope": Seen.slope,
    "reward": lambda seen, k: seen.reward,
    "target": Seen.wanted,
}
