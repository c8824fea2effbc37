"""Thompson sampling: pull the arm that is best in one world drawn from what is believed (Thompson 1933).

    index_k ~ Beta(1 + wins_k, 1 + losses_k)

A Beta number is x / (x + y) of two Gamma numbers (Marsaglia & Tsang 2000): with d = a - 1/3, c = 1 / sqrt(9 d), z ~ N(0, 1) and
u ~ U(0, 1), d (1 + c z)^3 is Gamma(a) where ln u < z^2 / 2 + d - d v + d ln v, v = (1 + c z)^3. Of TRIES draws the first that
is accepted counts, so that no draw waits for another; all are refused about once in 10^5.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from inner.learners._players import Player, State
from inner.noise import Noise

TRIES = 4  # each is accepted with a probability above 0.95
NORMALS, UNIFORMS = 1, 2  # sites


def gamma(a: Tensor, z: Tensor, u: Tensor) -> Tensor:
    """Gamma(a) numbers [...] for a >= 1 [...] from normals z and uniforms u, both [TRIES, ...]."""
    d = a - 1 / 3
    v = (1 + z / torch.sqrt(9 * d)) ** 3
    log_v = torch.log(v.clamp(min=1e-30))
    taken = (v > 0) & (torch.log(u.clamp(min=1e-30)) < z**2 / 2 + d - d * v + d * log_v)
    first = taken.to(torch.int8).argmax(0, keepdim=True)
    return d * v.gather(0, first)[0].clamp(min=1e-30)


@dataclass(frozen=True)
class Learner(Player):
    """With a discount below 1 beliefs fade towards the uniform prior."""

    def index(self, state: State, t: int | Tensor) -> Tensor:
        """One draw per arm, [N, B, K]."""
        shape = (2, TRIES, *state.wins.shape[1:])
        z, u = draws(state.noise, t, shape)
        won = gamma(1 + state.wins, z[:, 0].transpose(0, 1), u[:, 0].transpose(0, 1))
        lost = gamma(1 + state.losses, z[:, 1].transpose(0, 1), u[:, 1].transpose(0, 1))
        return won / (won + lost)


def draws(noise: Noise, t: int | Tensor, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Normals and uniforms [N, *shape]."""
    return noise.normal(t, NORMALS, shape), noise.uniform(t, UNIFORMS, shape)
