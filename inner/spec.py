"""Sizes and meaning of a life, as far as learners and networks must know them."""

from __future__ import annotations

from dataclasses import dataclass

from inner.criteria import Criterion


@dataclass(frozen=True)
class Spec:
    """Sizes and meaning of a life, as far as a learner must know them."""

    inputs: int  # I
    outputs: int  # O
    criterion: Criterion
    steps: int = 0  # T
    batch: int = 1  # B
    sequences: bool = False  # whether samples follow each other in time
