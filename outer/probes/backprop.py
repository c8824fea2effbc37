"""Backpropagation through a life: exact, or cut into windows that hand on the state but no gradient.

Memory: a whole life keeps what every step needs, ~ T. With checkpoints only the states between windows of about sqrt(T)
steps are kept and each window is run again on the way back, ~ sqrt(T) (Griewank & Walther 2000). Truncation every K
steps keeps ~ K, at the price of a bias: what a coefficient does to later windows is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from inner.unroll import Unroll, map_tensors
from outer.genome import Genome
from outer.probes import base


@dataclass(frozen=True)
class Probe(base.Probe):
    """One backward pass for all lives at once."""

    loss: str = "test"
    truncate: int = 0  # steps between cuts of the gradient; 0: none
    checkpoint: bool = True
    clip: float = 0.0
    double: bool = False

    @property
    def cost(self) -> float:
        """A forward pass, a backward pass of twice its work, and with checkpoints the forward pass again."""
        return 4.0 if self.checkpoint else 3.0

    def uphill(self, unroll: Unroll, genome: Genome, vectors: np.ndarray, rows: Sequence[int]) -> np.ndarray:
        """-d loss / d vector [N, D]."""
        theta = self.theta(genome, vectors).requires_grad_()
        state, total = unroll.begin(theta), torch.zeros_like(theta)
        windows = unroll.windows(self.truncate)
        for start, stop in windows:
            if start:
                state = unroll.learner.with_theta(map_tensors(Tensor.detach, state), theta)
            state, loss = self._window(unroll, state, start, stop, theta)
            if loss.requires_grad:
                found = torch.autograd.grad(loss.sum(), theta, allow_unused=True)[0]
                total = total if found is None else total + found
        return -total.detach().to(torch.float64).numpy()[:, list(genome.columns)] * genome.slopes(vectors)

    def _window(self, unroll: Unroll, state: Any, start: int, stop: int, theta: Tensor) -> tuple[Any, Tensor]:
        """Steps start .. stop with the graph, whole or in checkpointed pieces."""
        if not self.checkpoint:
            return unroll.advance(state, start, stop, theta)
        piece = max(1, math.isqrt(max(stop - start - 1, 0)) + 1)
        total = theta.new_zeros(theta.shape[0])
        for first in range(start, max(stop, start + 1), piece):
            last = min(first + piece, stop)
            state, loss = checkpoint(
                unroll.advance, state, first, last, theta, use_reentrant=False, preserve_rng_state=False
            )
            total = total + loss
        return state, total
