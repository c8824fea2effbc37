"""Random decision trees over columns of several kinds, generated: what tables hold.

A third of the columns are Gaussian, a third exponential, a third 0 or 1; a tree of `depth` questions, each about one
column, gives the class. Columns have one unit of variance each, and keep their mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.tasks._common import check_count
from inner.tasks._families import Family, Streams

MEASURED = 512  # samples on which leaves are measured


@dataclass(frozen=True)
class Task(Family):
    """`inputs` columns in, `classes` out."""

    centred = False
    inputs: int = 15  # I
    classes: int = 2  # C, at most 2^depth
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # a sample has a random class with probability 0.05 * difficulty
    depth: int = 3  # questions on the way to a class
    scale: float = 1.0  # root mean square of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        check_count("depth", self.depth, 1, 10)
        self.check(2**self.depth)
        check_count("inputs", self.inputs, 3)

    def draw(self, streams: Streams, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Columns [M, I], and the classes that the tree gives them [M]."""
        world, nodes = streams("tree"), 2**self.depth - 1
        kind = world.permutation(np.arange(self.inputs) % 3)
        asked = world.integers(0, self.inputs, nodes)
        limit = np.stack([world.normal(0.0, 0.4, nodes), world.uniform(0.4, 1.2, nodes), np.full(nodes, 1.0)])

        def leaves(x: np.ndarray) -> np.ndarray:
            node = np.zeros(len(x), dtype=np.int64)
            for _ in range(self.depth):
                column = asked[node]
                node = 2 * node + 1 + (x[np.arange(len(x)), column] > limit[kind[column], node])
            found: np.ndarray = node - nodes
            return found

        measured = leaves(columns(streams("measured"), MEASURED, kind))
        x = columns(streams("columns"), len(y), kind)
        given = shared_out(np.bincount(measured, minlength=nodes + 1), self.classes)[leaves(x)]
        changed = streams("changes").random(len(y)) < 0.05 * self.difficulty
        return x, np.where(changed, y, given)


def columns(random: np.random.Generator, count: int, kind: np.ndarray) -> np.ndarray:
    """Rows [count, I] of columns of the kinds 0 (Gaussian), 1 (exponential) and 2 (0 or 2, variance 1)."""
    u = random.random((count, len(kind), 2))
    far = -np.log1p(-u[:, :, 0])
    normal = np.sqrt(2.0 * far) * np.cos(2.0 * np.pi * u[:, :, 1])
    drawn: np.ndarray = np.choose(kind, [normal, far, 2.0 * (u[:, :, 0] < 0.5)])
    return drawn


def shared_out(sizes: np.ndarray, classes: int) -> np.ndarray:
    """A class for each leaf [K], so that classes are about equally frequent: the largest leaf first, to the rarest class."""
    total, found = np.zeros(classes), np.zeros(len(sizes), dtype=np.int64)
    for leaf in np.argsort(-sizes, kind="stable"):
        found[leaf] = int(np.argmin(total))
        total[found[leaf]] += sizes[leaf] + 0.5
    return found
