"""The one place where candidates P, lifetimes L and networks N = P * L meet, and how many networks run side by side.

Network n = candidate * L + lifetime. `outer` speaks [P, ...], a life speaks [N, ...].
"""

from __future__ import annotations

from torch import Tensor, float32

CACHED = 2**20  # floats that networks side by side touch per step: 4 MiB, a core's share of the caches


def fold(shared: Tensor, population: int) -> Tensor:
    """Repeats values shared by all candidates: [L, ...] -> [N, ...]."""
    return shared.expand(population, *shared.shape).reshape(-1, *shared.shape[1:])


def unfold(value: Tensor, count: int, population: int) -> Tensor:
    """[N, ...] -> [P, L, ...] for L = count; rows that `networks_of` added are left out."""
    return value.reshape(len(value) // count, count, *value.shape[1:])[:population]


def networks_of(theta: Tensor, count: int) -> tuple[int, Tensor]:
    """Candidates that live, and the coefficients [N, D] float32 of their networks, for theta [P, D] and L = count.

    Pads N = 1 to 2: torch uses another kernel for a single matrix, and bits would differ.
    """
    padded = theta if theta.shape[0] * count > 1 else theta.expand(2, -1)
    return padded.shape[0], padded.to(float32).repeat_interleave(count, 0)


def side_by_side(footprint: int, population: int, count: int) -> int:
    """Candidates of L = count lives that share one block; footprint: floats that one network touches per step.

    A footprint of 0 means one block for the whole population.
    """
    at_once = max(CACHED // footprint, 2) if footprint else population * count
    parts = -(-population // max(at_once // count, 1))
    return -(-population // max(parts, 1)) or 1
