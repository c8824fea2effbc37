"""Forward gradients (Baydin et al. 2022): one Jacobian-vector product per life and direction, no graph, no backward pass.

    g = (1 / K) sum_k (grad . v_k) v_k,   E[v v^T] = I, so that E[g] = grad

E|g|^2 = (n - 1 + E v^4) |grad|^2 for one direction of n independent entries: (n + 2) for Gaussian entries and n for +-1,
the least there is (Belouze 2022).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from inner.components import suggest
from inner.life.unroll import Unroll
from inner.random import stream
from outer.genome.base import Genome
from outer.gradient_estimators import base

KINDS = ("signs", "gaussian")


@dataclass(frozen=True)
class GradientEstimator(base.GradientEstimator):
    """`directions` tangents per life, all pushed through the life in one pass."""

    seed: int
    generation: int
    loss: str = "test"
    directions: int = 1
    kind: str = "signs"
    clip: float = 0.0
    double: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(
                f"search.kind: unknown distribution '{self.kind}'{suggest(self.kind, KINDS)}; known: {', '.join(KINDS)}"
            )

    @property
    def cost(self) -> float:
        """A tangent costs about as much as the pass that it rides on."""
        return 2.0 * self.directions

    def draw(self, row: int, label: Sequence[str | int], size: int) -> np.ndarray:
        """Directions [K, D] of one candidate and life, from their own address."""
        random = stream(self.seed, "directions", self.generation, row, *label)
        if self.kind == "gaussian":
            return random.standard_normal((self.directions, size))
        return random.integers(0, 2, (self.directions, size)) * 2.0 - 1.0

    @property
    def copies(self) -> int:
        """Each direction has networks of its own, with their tangents."""
        return 2 * self.directions

    def estimate(self, unroll: Unroll, genome: Genome, vectors: np.ndarray, rows: Sequence[int]) -> np.ndarray:
        """Estimates of -d loss / d vector [N, D]."""
        k, count = self.directions, len(unroll.labels)
        # [P, K, L, D]: the directions join the population, so that lives keep their place behind it
        drawn = np.stack([[self.draw(row, label, genome.size) for label in unroll.labels] for row in rows])
        tangents = drawn.transpose(0, 2, 1, 3).reshape(-1, genome.size)
        places = vectors.reshape(len(rows), 1, count, -1).repeat(k, 1).reshape(-1, genome.size)
        theta = self.theta(genome, places)
        tangent = torch.zeros_like(theta)
        tangent[:, list(genome.columns)] = torch.from_numpy(tangents * genome.slopes(places)).to(self.dtype)

        def loss(theta: Tensor) -> Tensor:
            return unroll.advance(unroll.begin(theta), 0, unroll.steps, theta)[1]

        with warnings.catch_warnings(), torch.no_grad():
            # torch 2.10+ warns of its own first use of torch.jit.script behind forward-mode differentiation
            warnings.simplefilter("ignore", DeprecationWarning)
            slope = torch.func.jvp(loss, (theta,), (tangent,))[1].to(torch.float64).numpy()
        each = (slope[:, None] * tangents).reshape(len(rows), k, count, -1)
        result: np.ndarray = -each.mean(1).reshape(len(rows) * count, -1)
        return result
