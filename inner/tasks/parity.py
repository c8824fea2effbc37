"""Parity of several bits: every bit matters in every pattern, so no part of the input helps by itself."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from inner.criteria import CLASSES, Criterion
from inner.tasks._boolean import parity_lives
from inner.tasks._common import accuracy, check_count, check_flag, check_number, generated
from inner.tasks.base import Label, LifeData, Sizes
from inner.tasks.base import Task as Base


@dataclass(frozen=True)
class Task(Base):
    """`bits` bits in, 2 classes out: is the number of bits that are on odd? Even `bits` need `bias: true`."""

    criterion: ClassVar[Criterion] = CLASSES
    bits: int = 3  # I
    permute: bool = True  # each life draws which output unit stands for odd
    scale: float = 1.0  # inputs are -scale and +scale

    def __post_init__(self) -> None:
        check_count("bits", self.bits, 2, 12)
        check_flag("permute", self.permute)
        check_number("scale", self.scale)

    @property
    def inputs(self) -> int:
        return self.bits

    @property
    def outputs(self) -> int:
        return 2

    @property
    def chance(self) -> float:
        return 0.5

    @property
    def worst(self) -> float:
        return 0.0

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Draw one lifetime per label; the pool (S = V = 2**bits) is all patterns, and so is the test set."""
        return parity_lives(self.bits, self.permute, self.scale, tier, steps, batch, seed, labels)

    def sizes(self, tier: str, steps: int, batch: int) -> Sizes:
        """Pool and test set are all patterns."""
        return Sizes(2**self.bits, 2**self.bits, 2 * 2**self.bits)

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """Accuracy: [N, V, O], [N, V, O] -> [N] float64."""
        return accuracy(output, test_y)

    def samples(self, tier: str) -> set[Hashable]:
        """The address of the tier's draws; the patterns themselves are the same in all tiers."""
        return generated(tier)
