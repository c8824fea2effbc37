"""What a learner is: it trains N networks side by side, given the coefficients of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from inner.rules.rule import Coefficient
from inner.tasks.base import Label


@dataclass(frozen=True)
class Shape:
    """What a learner must know of the task: units in and out, and what the output means."""

    inputs: int
    outputs: int
    kind: str  # "classification", "regression" or "unsupervised"


class Learner(ABC):
    """Trains networks of one shape; a concrete learner is a frozen dataclass, its state a value that `step` replaces.

    What the state is made of is the learner's own business: nobody else looks inside.
    """

    @property
    @abstractmethod
    def coefficients(self) -> tuple[Coefficient, ...]:
        """What a search may move, in the order of the columns of theta [N, D]."""

    def footprint(self, shape: Shape, batch: int) -> int:
        """Numbers that one network works on, for who decides how many live side by side; 0: they must not be parted."""
        return 0

    @abstractmethod
    def init(self, shape: Shape, theta: Tensor, population: int, seed: int, labels: Sequence[Label]) -> Any:
        """Newborn networks: N = population * len(labels), n = candidate * L + lifetime; theta [N, D] float32."""

    @abstractmethod
    def step(self, state: Any, x: Tensor, y: Tensor) -> tuple[Any, Tensor]:
        """Learn from x [N, B, I] and targets y [N, B, O]; returns the new state and the output before learning [N, B, O]."""

    def advance(self, state: Any, x: Tensor, y: Tensor) -> tuple[Any, Tensor]:
        """As `step`, bit for bit, for a caller who will not look at the old state again: its memory may be used."""
        return self.step(state, x, y)

    @abstractmethod
    def predict(self, state: Any, x: Tensor) -> Tensor:
        """Outputs [N, V, O] for x [N, V, I]."""

    @abstractmethod
    def alive(self, state: Any) -> Tensor:
        """bool [N]: False for networks that have left the finite range."""

    @abstractmethod
    def freeze(self, state: Any, alive: Tensor) -> Any:
        """The state with every network that is not alive [N] put to rest, the others' bits untouched."""

    def with_theta(self, state: Any, theta: Tensor) -> Any:
        """The same networks under other coefficients theta [N, D]: what changes a rule in the middle of a life.

        Raises ValueError where a learner keeps no coefficients apart from what it has learned.
        """
        raise ValueError(f"learner: {type(self).__module__} cannot change its coefficients in the middle of a life")
