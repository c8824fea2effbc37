"""Layers that learn to reconstruct their input, each by itself: x^ = h W^T with h = f(x W), tied weights (Bengio et al. 2007).

    e = x - h W^T;    decoder: dW = e^T h;    full: dW = e^T h + x^T ((e W) f'(z)), minus the gradient of |e|^2 / 2

With a linear f the decoder's part is Oja's subspace rule (Oja 1989). A bias belongs to h alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inner.activations import activation
from inner.learners._own import outer
from inner.networks.base import ForwardRecord, Network

GRADIENTS = ("full", "decoder")


def reconstructing(
    network: Network, record: ForwardRecord, weights: Sequence[Tensor], gradient: str, scored: Tensor | None
) -> list[Tensor]:
    """Changes [N, I (+ 1), O] of every hidden group; scored: bool [N, B], samples that count, or None."""
    row, found = activation(network.activation), []
    for k, w in enumerate(weights[:-1]):
        pre, drive, post = record.pre[k], record.drive[k], record.post[k]
        x = pre[..., : pre.shape[2] - 1] if network.bias else pre
        w_in = w[:, : x.shape[2]]
        e = x - torch.bmm(post, w_in.transpose(1, 2))
        if scored is not None:
            e = e * scored.unsqueeze(-1).to(e.dtype)
        change = outer(e, post)
        if network.bias:
            change = torch.cat([change, torch.zeros_like(w[:, -1:])], 1)
        if gradient == "full":
            change = change + outer(pre, row.delta(torch.bmm(e, w_in), drive, post))
        found.append(change)
    return found


def turn(layers: int, k: int, t: int | Tensor, steps: int, share: float, greedy: bool) -> bool | Tensor:
    """True at the steps at which hidden layer k learns: the first `share` of a life, or in greedy training its part of that."""
    end = share * steps
    if not greedy:
        return t < end
    return (t >= end * k / layers) & (t < end * (k + 1) / layers)
