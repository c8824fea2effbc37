"""The genome of programs: a vector holds the nodes of a program, its gain and its constants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from outer.genome.base import Genome, check_size
from outer.programs.program import GAIN, Language, Program, constant


@dataclass(frozen=True)
class ProgramGenome(Genome):
    """Vectors of programs in one language."""

    language: Language
    start_program: Program

    @property
    def size(self) -> int:
        """D."""
        return self.language.size

    @property
    def names(self) -> tuple[str, ...]:
        """Gain and constants: every program has values for them."""
        return (GAIN.name, *(constant(c) for c in range(self.language.constants)))

    def start(self) -> np.ndarray:
        """The vector [D] of the formula that the search starts from."""
        return self.start_program.vector()

    def programs(self, vectors: np.ndarray) -> list[Program]:
        """The programs of vectors [P, D]."""
        return [Program.of(self.language, vector) for vector in check_size(vectors, self.size)]

    def decode(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors [P, D] -> gain and constants [P, 1 + constants]."""
        return np.stack([program.values for program in self.programs(vectors)])

    def values(self, vector: np.ndarray) -> dict[str, float]:
        """Gain and constants of one vector [D]."""
        return dict(zip(self.names, Program.of(self.language, vector).values.tolist()))
