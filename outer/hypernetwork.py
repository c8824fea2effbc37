"""A small network that writes the vector a search works on: z_d = origin_d + h(code_d), so that evolution is backprop through h.

Every entry d of the vector has an expression code, a fixed Gaussian vector from its own address; one shared network
reads the code and writes the entry:

    h(code) = tanh(code W + b) . v + c

The network starts with v = 0, at the origin. What it is trained by is any gradient with respect to z, pulled back to its
own weights. Its size does not depend on D (after the genomic bottleneck, Shuvaev et al. 2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.random import stream


@dataclass(frozen=True, eq=False)
class Hypernetwork:
    """`hidden` units H over codes [D, C]; its weights are one flat vector [C*H + 2*H + 1]."""

    origin: np.ndarray  # [D]
    codes: np.ndarray  # [D, C]
    hidden: int

    @classmethod
    def of(cls, origin: np.ndarray, codes: int, hidden: int, seed: int) -> Hypernetwork:
        """A network for vectors like `origin` [D]."""
        drawn = stream(seed, "codes").standard_normal((origin.size, codes))
        return cls(origin, drawn, hidden)

    def start(self, seed: int) -> np.ndarray:
        """Weights that write the origin."""
        inputs = self.codes.shape[1]
        first = stream(seed, "hypernetwork").standard_normal(inputs * self.hidden) / np.sqrt(inputs)
        return np.concatenate([first, np.zeros(2 * self.hidden + 1)])

    def write(self, weights: np.ndarray) -> np.ndarray:
        """The vector [D] that these weights write."""
        _, out, last, units = self._parts(weights)
        return self.origin + units @ out + last

    def pull(self, weights: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """A gradient with respect to the vector [D] -> with respect to the weights."""
        _, out, _, units = self._parts(weights)
        below = (1 - units**2) * gradient[:, None] * out  # [D, H]
        return np.concatenate(
            [(self.codes.T @ below).ravel(), below.sum(0), units.T @ gradient, [float(gradient.sum())]]
        )

    def _parts(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
        """W [C, H], v [H], c, and the hidden units [D, H]."""
        inputs, h = self.codes.shape[1], self.hidden
        first = weights[: inputs * h].reshape(inputs, h)
        bias, out = weights[inputs * h : inputs * h + h], weights[inputs * h + h : -1]
        return first, out, float(weights[-1]), np.tanh(self.codes @ first + bias)
