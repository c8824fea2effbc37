"""Sizes and meaning of a life, as far as learners and networks must know them."""

from __future__ import annotations

from dataclasses import dataclass

from inner.criteria import Criterion
from inner.life_data import LifeData


@dataclass(frozen=True)
class Spec:
    """Sizes and meaning of a life, as far as a learner must know them."""

    inputs: int  # I
    outputs: int  # O
    criterion: Criterion
    steps: int = 0  # T, of the whole life, also where lives end sooner
    batch: int = 1  # B
    sequences: bool = False  # whether samples follow each other in time
    compiled: bool = False  # a world that answers, and has its physics in C

    @classmethod
    def of(cls, data: LifeData, criterion: Criterion) -> Spec:
        """The sizes of lives of samples."""
        steps, batch = (int(size) for size in data.order.shape[1:])
        return cls(data.x.shape[2], data.y.shape[2], criterion, data.whole or steps, batch, data.sequences)
