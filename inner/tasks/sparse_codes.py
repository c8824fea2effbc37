"""Sparse combinations of a random dictionary, generated: a class is the group of atoms that most of a sample comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.tasks._common import check_count
from inner.tasks._families import Family, Streams, gaussian, product


@dataclass(frozen=True)
class Task(Family):
    """`inputs` numbers in, `classes` out."""

    inputs: int = 32  # I
    classes: int = 5  # C
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # factor on the number of atoms of other groups in a sample
    atoms: int = 8  # of a group
    active: int = 3  # atoms of its own group in a sample
    scale: float = 1.0  # root mean square of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        self.check()
        check_count("inputs", self.inputs, 2)
        check_count("atoms", self.atoms, 1)
        check_count("active", self.active, 1, self.atoms)

    def draw(self, streams: Streams, y: np.ndarray) -> np.ndarray:
        """Inputs [M, I] of samples of classes y [M]."""
        count = self.classes * self.atoms
        atoms = gaussian(streams("atoms"), count, self.inputs)
        own = np.repeat(np.arange(self.classes), self.atoms) == y[:, None]  # [M, K]
        keys = streams("chosen").random((len(y), count))
        strangers = min(count - self.atoms, max(1, round(3 * self.difficulty)))
        chosen = ranks(np.where(own, keys, 2.0)) < self.active
        chosen |= ranks(np.where(own, 2.0, keys)) < strangers
        sizes = 0.5 + streams("sizes").standard_exponential((len(y), count))
        noise = streams("noise").standard_normal((len(y), self.inputs))
        return product(sizes * chosen, atoms) + 0.05 * noise


def ranks(keys: np.ndarray) -> np.ndarray:
    """The rank of every entry in its row, the smallest 0: [M, K]."""
    return keys.argsort(1).argsort(1)
