"""Recall of an associative memory: units take the sign of what the others say, block after block, until nothing changes.

    weights:  s_i <- sign(sum_j w_ij s_j)                                                          (Hopfield 1982)
    patterns: s_i <- sign(sum_mu v_mu (F(x_mu,i + m_mu,i) - F(-x_mu,i + m_mu,i))),  m_mu,i = sum_{j != i} x_mu,j s_j
              F(m) = relu(m)^n  (Krotov & Hopfield 2016, eq. 3),  exp(beta m)  (Demircigil et al. 2017)

Units of one block move at once, the blocks one after another: between one unit at a time, which cannot be batched, and all at
once, which may swing between two states for ever. A unit that hears nothing stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

BLOCKS = 8
AT_ONCE = 2**22  # floats of one network in a product of probes, patterns and units, at most

Field = Callable[[Tensor, slice], Tensor]  # (state [N, V, I], units) -> what these units hear [N, V, units]


def settled(x: Tensor, field: Field, sweeps: int) -> Tensor:
    """The state [N, V, I] after so many sweeps from x."""
    blocks = [slice(b, None, BLOCKS) for b in range(min(BLOCKS, x.shape[2]))]
    state = x
    for _ in range(sweeps):
        for units in blocks:
            heard = torch.sign(field(state, units))
            state = state.clone()
            state[:, :, units] = torch.where(heard == 0, state[:, :, units], heard)
    return state


def by_weights(w: Tensor) -> Field:
    """The field of weights [N, I, I]."""
    columns: dict[int, Tensor] = {}

    def field(state: Tensor, units: slice) -> Tensor:
        if units.start not in columns:
            columns[units.start] = w[:, :, units].contiguous()
        return torch.bmm(state, columns[units.start])

    return field


def by_patterns(stored: Tensor, share: Tensor, log_f: Callable[[Tensor], Tensor] | None, f: Callable[[Tensor], Tensor]) -> Field:
    """The field of stored patterns [N, P, I] with shares [N, P]; log_f: the logarithm of F where F itself may overflow."""

    def part(state: Tensor, units: slice) -> Tensor:
        own = stored[:, None, :, units]  # [N, 1, P, U]
        overlap = torch.bmm(state, stored.transpose(1, 2))[..., None] - own * state[:, :, None, units]
        up, down = overlap + own, overlap - own
        if log_f is not None:
            up, down = log_f(up), log_f(down)
            least = torch.maximum(up, down).amax(2, keepdim=True)
            up, down = torch.exp(up - least), torch.exp(down - least)
        else:
            up, down = f(up), f(down)
        return (share[:, None, :, None] * (up - down)).sum(2)

    def field(state: Tensor, units: slice) -> Tensor:
        size = stored.shape[1] * len(range(*units.indices(state.shape[2])))
        step = max(1, AT_ONCE // max(1, size))
        return torch.cat([part(probes, units) for probes in state.split(step, 1)], 1)

    return field
