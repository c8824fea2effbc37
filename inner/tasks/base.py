"""The interface of a task: it draws the data of L lifetimes from one of three disjoint tiers, and scores a network's outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import ClassVar, NamedTuple

from torch import Tensor

from inner.criteria import Criterion
from inner.life_data import Label as Label
from inner.life_data import LifeData as LifeData
from inner.sources import Source

TIERS = ("search", "select", "final")
UNKNOWN = 1000  # test samples that are assumed of a task without an option `test`


class Sizes(NamedTuple):
    """Samples of one life, known before it is drawn; an upper bound where a draw decides."""

    pool: int  # S
    test: int  # V
    drawn: int  # samples at hand while the life is drawn
    shared: bool = False  # all lives look at the same pool


class Task(ABC):
    """A family of lifetimes. Concrete tasks are frozen dataclasses; their fields are the options of the YAML."""

    criterion: ClassVar[Criterion]  # what an output means
    environment: ClassVar[bool] = False  # True: it answers to actions, and has no samples
    sequences: ClassVar[bool] = False  # True: samples follow each other in time
    compiled: ClassVar[bool] = False  # True: an environment that has a text in C

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

    def sizes(self, tier: str, steps: int, batch: int) -> Sizes:
        """Sizes of one life before it is drawn; by default from its options `patterns`, `test` and `length` (of a sequence)."""
        if self.environment:
            return Sizes(batch, 0, batch)
        ticks = int(getattr(self, "length", 1)) if self.sequences else 1
        shown, test = max(1, steps * batch), int(getattr(self, "test", UNKNOWN)) * ticks
        patterns = int(getattr(self, "patterns", shown))
        return Sizes(min(patterns, shown), test, patterns + test)

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
