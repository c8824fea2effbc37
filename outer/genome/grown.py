"""Grown weights: a small shared network reads the expression vectors of two units and writes the weight between them.

    w_ij = scale * g(e_i, e_j),  g = A tanh(F e_i + T e_j + b) + c

The genome is g and one expression vector per unit, so it grows with units and not with synapses (after Shuvaev et al.
2024, whose unit labels are fixed; here they evolve). The first layer of g is a sum of a part of the sender and a part of
the receiver, so that it is computed per unit; only tanh and A are computed per synapse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

FIT_RATE = 0.05  # Adam's, in units of z


@dataclass(frozen=True)
class Generator:
    """Writes all weights of networks of the given layer sizes; each layer of synapses has a scale of its own."""

    shapes: tuple[tuple[int, int], ...]  # weights per layer (I (+ 1), O); the bias unit is the last sender
    expression: int = 6  # numbers that describe a unit
    hidden: int = 8  # hidden units of the shared network
    gain: float = 1.0

    def __post_init__(self) -> None:
        if self.expression < 1 or self.hidden < 1:
            raise ValueError(f"genome.grown: expected expression and hidden >= 1, got {self.expression}, {self.hidden}")

    @property
    def units(self) -> int:
        """Units with an expression vector: inputs (and bias units) of every layer, and the outputs."""
        return sum(i for i, _ in self.shapes) + self.shapes[-1][1]

    @property
    def shared(self) -> int:
        """Parameters of the shared network: F and T, b, A, c."""
        return 2 * self.expression * self.hidden + self.hidden + self.hidden + 1

    @property
    def size(self) -> int:
        """Genes in all."""
        return self.shared + self.units * self.expression

    def scales(self) -> tuple[tuple[int, float], ...]:
        """(how many, scale) of the genes, such that N(0, 1) genes grow weights of a usual size."""
        e, h = self.expression, self.hidden
        return ((2 * e * h, 1 / math.sqrt(e)), (h, 0.5), (h, 1 / math.sqrt(h)), (1, 0.2), (self.units * e, 1.0))

    def grow(self, genes: Tensor) -> Tensor:
        """Decoded genes [P, size] -> weights [P, W]; same bits whatever P."""
        if len(genes) == 1:  # torch uses another kernel for a single matrix
            return self.grow(genes.expand(2, -1))[:1]
        p, e, h = genes.shape[0], self.expression, self.hidden
        widths = [e * h, e * h, h, h, 1, self.units * e]
        send, receive, b, a, c, units = torch.split(genes, widths, 1)
        units = units.reshape(p, self.units, e)
        from_sender = torch.bmm(units, send.reshape(p, e, h))  # [P, units, h]
        from_receiver = torch.bmm(units, receive.reshape(p, e, h))
        layers, start = [], 0
        for fan_in, fan_out in self.shapes:
            end = start + fan_in
            senders = from_sender[:, start:end].unsqueeze(2)
            receivers = from_receiver[:, end : end + fan_out].unsqueeze(1)
            hidden = torch.tanh(senders + receivers + b.reshape(p, 1, 1, h))
            drawn = (hidden * a.reshape(p, 1, 1, h)).sum(-1) + c.reshape(p, 1, 1)
            layers.append((drawn * (2.0 * self.gain / math.sqrt(fan_in))).flatten(1))
            start = end
        return torch.cat(layers, 1)

    def fit(self, genes: Tensor, scales: Tensor, target: Tensor, steps: int) -> Tensor:
        """Genes z [P, size] fitted by Adam so that they grow `target` [P, W]; scales [size] decode z.

        Each candidate is fitted by itself: the loss is summed over candidates, so no gradient crosses. Steps shrink to 0,
        and the best of all steps is kept, the start included.
        """
        z = genes.clone().requires_grad_(True)
        first, second = torch.zeros_like(genes), torch.zeros_like(genes)
        best, least = genes, torch.full((len(genes),), torch.inf, dtype=genes.dtype)
        reach = torch.zeros_like(genes[:, :1])
        size = target.square().sum(1).clamp_min(1e-12)
        for t in range(1, steps + 2):
            with torch.enable_grad():
                error = (self.grow(z * scales) - target).square().sum(1) / size
                (slope,) = torch.autograd.grad(error.sum(), z)
            if t == 1:  # small changes are fitted in small steps
                reach = FIT_RATE * (4 * error.detach().sqrt()).clamp_max(1.0).unsqueeze(1)
            better = error.detach() < least
            best = torch.where(better.unsqueeze(1), z.detach(), best)
            least = torch.where(better, error.detach(), least)
            first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope.square()
            rate = reach * (1 - (t - 1) / steps) * math.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            z = (z.detach() - rate * first / (second.sqrt() + 1e-8)).requires_grad_(True)
        return best
