"""A small network that writes the vector a search works on: z_d = origin_d + h(code_d), so that evolution is backprop through h.

Every entry d of the vector has an expression code, a fixed Gaussian vector; one shared network reads the code and writes
the entry. Where coefficients have a value per layer, the code is that of the coefficient beside that of the layer, so that
what is learned of a layer holds for all coefficients there; what has no layer has 0 in its place:

    h(code) = tanh(code W + b) . v + c

The network starts with v = 0, at the origin. What it is trained by is any gradient with respect to z, pulled back to its
own weights. Its size does not depend on D (after the genomic bottleneck, Shuvaev et al. 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inner.random import stream


@dataclass(frozen=True, eq=False)
class Hypernetwork:
    """`hidden` units H over codes [D, C]; its weights are one flat vector [C*H + 2*H + 1]."""

    origin: np.ndarray  # [D]
    codes: np.ndarray  # [D, C], or [D, 2 C] with layers
    hidden: int

    @classmethod
    def of(
        cls, origin: np.ndarray, codes: int, hidden: int, seed: int, layers: Sequence[tuple[int, int]] = ()
    ) -> Hypernetwork:
        """A network for vectors like `origin` [D].

        layers: per entry the number of its coefficient and of its layer, -1 for none (`Genome.layers`); empty where no
        entry has a layer.
        """
        drawn = stream(seed, "codes").standard_normal((origin.size, codes))
        if layers:
            assert len(layers) == origin.size
            own, where = np.array(layers).T
            # entries with a layer share their coefficient's code: that of the first of them
            first = [d if where[d] < 0 else int(np.argmax(own == own[d])) for d in range(origin.size)]
            places = stream(seed, "layer codes").standard_normal((max(int(where.max()) + 1, 1), codes))
            drawn = np.concatenate([drawn[first], np.where(where[:, None] < 0, 0.0, places[where])], 1)
        return cls(origin, drawn, hidden)

    def start(self, seed: int) -> np.ndarray:
        """Weights that write the origin."""
        inputs = self.codes.shape[1]
        first = stream(seed, "hypernetwork").standard_normal(inputs * self.hidden) / np.sqrt(inputs)
        return np.concatenate([first, np.zeros(2 * self.hidden + 1)])

    def write(self, weights: np.ndarray) -> np.ndarray:
        """The vector [D] that these weights write."""
        _, out, last, units = self._parts(weights)
        result: np.ndarray = self.origin + units @ out + last
        return result

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
