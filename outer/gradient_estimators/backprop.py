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

from inner.life.states import map_tensors
from inner.life.unroll import Unroll
from outer.genome.base import Genome
from outer.gradient_estimators import base


@dataclass(frozen=True)
class GradientEstimator(base.GradientEstimator):
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

    def held(self, steps: int) -> int:
        """A window, or with checkpoints a piece of it, and as many states between the pieces."""
        window = min(self.truncate or steps, max(steps, 1))
        return math.isqrt(window - 1) + 1 if self.checkpoint else window

    def estimate(self, unroll: Unroll, genome: Genome, vectors: np.ndarray, rows: Sequence[int]) -> np.ndarray:
        """-d loss / d vector [N, D]."""
        theta = self.theta(genome, vectors).requires_grad_()
        state, total = unroll.begin(theta), torch.zeros_like(theta)
        for start, stop in unroll.windows(self.truncate):
            if start:
                state = unroll.learner.with_theta(map_tensors(Tensor.detach, state), theta)
            state, found = (_in_pieces if self.checkpoint else _whole)(unroll, state, start, stop, theta)
            total = total + found
        result: np.ndarray = -total.to(torch.float64).numpy()[:, list(genome.columns)] * genome.slopes(vectors)
        return result


def _whole(unroll: Unroll, state: Any, start: int, stop: int, theta: Tensor) -> tuple[Any, Tensor]:
    """The state after a window, and d (its share of the loss) / d theta [N, C], with the whole graph in memory."""
    state, loss = unroll.advance(state, start, stop, theta)
    return state, _pulled([loss], [torch.ones_like(loss)], [theta])[0]


def _in_pieces(unroll: Unroll, state: Any, start: int, stop: int, theta: Tensor) -> tuple[Any, Tensor]:
    """The gradient piece by piece from the end: each piece runs again from the state at its beginning.

    No graph lives longer than its piece. (torch.utils.checkpoint keeps the nodes of all pieces; between these small
    blocks the C library's heap cannot reuse the large ones, and the process grew with T after all.)
    """
    length = math.isqrt(max(stop - start - 1, 0)) + 1
    pieces = [(first, min(first + length, stop)) for first in range(start, max(stop, start + 1), length)]
    kept = []
    with torch.no_grad():
        for first, last in pieces:
            kept.append(map_tensors(Tensor.detach, state))
            state, _ = unroll.advance(state, first, last, theta)
    total = torch.zeros_like(theta)
    above: list[Tensor | None] = []  # d loss / d (tensors of the state after the piece)
    for begun, (first, last) in zip(reversed(kept), reversed(pieces)):
        leaves: list[Tensor] = []

        def leaf(tensor: Tensor) -> Tensor:
            leaves.append(tensor.detach().requires_grad_())
            return leaves[-1]

        # at birth, what the learner makes of theta belongs to the gradient too
        at = unroll.begin(theta) if first == 0 else unroll.learner.with_theta(map_tensors(leaf, begun), theta)
        after, loss = unroll.advance(at, first, last, theta)
        outputs, weights = [loss], [torch.ones_like(loss)]
        if above:
            ends: list[Tensor] = []

            def end_of(tensor: Tensor) -> Tensor:
                ends.append(tensor)
                return tensor

            map_tensors(end_of, after)
            pairs = [(end, slope) for end, slope in zip(ends, above) if slope is not None and end.requires_grad]
            outputs, weights = outputs + [end for end, _ in pairs], weights + [slope for _, slope in pairs]
        own, *above = _pulled(outputs, weights, [theta, *leaves])
        total = total + own
    return state, total


def _pulled(outputs: list[Tensor], weights: list[Tensor], inputs: list[Tensor]) -> list[Any]:
    """d (sum of outputs * weights) / d inputs; the first is never None."""
    pairs = [(output, weight) for output, weight in zip(outputs, weights) if output.requires_grad]
    if not pairs:
        return [torch.zeros_like(inputs[0]), *(None for _ in inputs[1:])]
    found = torch.autograd.grad([o for o, _ in pairs], inputs, [w for _, w in pairs], allow_unused=True)
    return [torch.zeros_like(inputs[0]) if found[0] is None else found[0], *found[1:]]
