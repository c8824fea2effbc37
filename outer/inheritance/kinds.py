"""Three kinds of inheritance: they differ in the score that selects and in the genome that offspring inherit.

    kind         selected by                          inherited
    darwinian    score at birth                       the genome
    baldwinian   score after learning - cost * steps  the genome, without what was learned
    lamarckian   score after learning - cost * steps  the genome with what was learned written back

Lives are the same for every kind: same tasks, data and draws at the same addresses (Hinton & Nowlan 1987; Whitley,
Gordon & Mathias 1994 for the Lamarckian kind). Without learning the three are the same search, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.components import suggest

KINDS = ("darwinian", "baldwinian", "lamarckian")


@dataclass(frozen=True)
class Inheritance:
    """A kind, and the price of learning."""

    kind: str = "baldwinian"
    cost: float = 0.0  # fitness lost per step of learning

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(
                f"inheritance: unknown kind '{self.kind}'{suggest(self.kind, KINDS)}; known: {', '.join(KINDS)}"
            )
        if not self.cost >= 0:
            raise ValueError(f"inheritance.cost: expected a number >= 0, got {self.cost}")

    @property
    def learns(self) -> bool:
        """True where learning counts for selection."""
        return self.kind != "darwinian"

    @property
    def writes(self) -> bool:
        """True where learned weights are written into the genome."""
        return self.kind == "lamarckian"

    def fitness(self, scores: np.ndarray, learning_steps: np.ndarray) -> np.ndarray:
        """Fitness [P] of scores [P, L]; where learning counts, candidates pay for their learning steps [P]."""
        fitness: np.ndarray = scores.mean(1)
        return fitness - self.cost * learning_steps if self.learns else fitness
