"""The interface of a task: it draws the data of L lifetimes from one of three disjoint tiers, and scores a network's outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import ClassVar

from torch import Tensor

from inner.criteria import Criterion
from inner.life_data import Label as Label
from inner.life_data import LifeData as LifeData
from inner.sources import Source

TIERS = ("search", "select", "final")


class Task(ABC):
    """A family of lifetimes. Concrete tasks are frozen dataclasses; their fields are the options of the YAML."""

    criterion: ClassVar[Criterion]  # what an output means
    environment: ClassVar[bool] = False  # True: it answers to actions, and has no samples
    sequences: ClassVar[bool] = False  # True: samples follow each other in time

    @property
    def family(self) -> str:
        """The source of its data: tasks of one family, whatever their options, share what can be known of them."""
        return type(self).__module__.rpartition(".")[2]

    @property
    @abstractmethod
    def inputs(self) -> int:
        """I, the number of input units."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """O, the number of output units."""

    @property
    @abstractmethod
    def chance(self) -> float:
        """The score that guessing reaches."""

    @property
    @abstractmethod
    def worst(self) -> float:
        """The finite score of a network that failed (left the finite range)."""

    @abstractmethod
    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Draw one lifetime per label: T = steps of B = batch samples.

        Lifetime l depends on the options, tier, steps, batch, seed and labels[l] only.
        Raises ValueError for an unknown tier.
        """

    def experience(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData | Source:
        """The same as samples, or as an environment that answers: what a life is lived through."""
        return self.life_data(tier, steps, batch, seed, labels)

    @abstractmethod
    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """Score outputs [N, V, O] against targets [N, V, O]: float64 [N], higher is better."""

    @abstractmethod
    def samples(self, tier: str) -> set[Hashable]:
        """Identifiers of the samples (or generated tasks) that a tier may draw from; tiers share none."""


def check_tier(tier: str) -> None:
    """Raise ValueError when `tier` is not one of TIERS."""
    if tier not in TIERS:
        raise ValueError(f"tier: expected one of {', '.join(TIERS)}, got '{tier}'")
