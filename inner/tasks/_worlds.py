"""What all tasks of worlds that answer share: there are no samples to look at, and the source scores a life."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from typing import ClassVar

from torch import Tensor

from inner.sources import Source
from inner.tasks._common import generated
from inner.tasks.base import Label, LifeData
from inner.tasks.base import Task as Base


class WorldTask(Base):
    """Abstract: a task that is an environment."""

    environment: ClassVar[bool] = True

    @abstractmethod
    def experience(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> Source:
        """Draw one lifetime per label: an environment that answers. Raises ValueError for an unknown tier."""

    @property
    def worst(self) -> float:
        return 0.0

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """There are no samples. Raises ValueError."""
        raise ValueError(f"task: '{self.family}' is an environment, it has no samples to look at")

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """Nothing is tested: the source scores a life. Raises ValueError."""
        raise ValueError(f"task: '{self.family}' is scored by what was earned, not by outputs")

    def samples(self, tier: str) -> set[Hashable]:
        """The address of the tier's draws: every life makes its own world."""
        return generated(tier)
