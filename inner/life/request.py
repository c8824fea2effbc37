"""One request for lives, `Life`, and what comes back from it, `Result`: every engine takes the one and gives the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from inner.axes import unfold
from inner.learners.base import Learner, Spec
from inner.life_data import Label, LifeData
from inner.tasks.base import Task

if TYPE_CHECKING:
    from inner.sources import Source


@dataclass(frozen=True)
class Life:
    """P candidates that live the same L lives. A score does not depend on the other candidates, to the bit."""

    learner: Learner  # with its network
    task: Task
    data: LifeData | Source  # samples to learn from, or an environment that answers
    theta: Tensor  # [P, D] coefficient values
    seed: int  # addresses initial weights, feedback weights and the noise inside a life
    labels: Sequence[Label]  # L, one per lifetime
    record: Sequence[int] = ()  # steps after which test scores are taken; 0 is birth
    prequential: bool = False  # whether the bits of predicting each sample before learning from it are summed
    device: str = "cpu"  # or "cuda"
    fixed: bool = False  # worth a kernel compiled for lives of this shape
    threads: int = 1  # of the native engine

    @property
    def spec(self) -> Spec:
        """Sizes and meaning of what is learned."""
        data = self.data
        if isinstance(data, LifeData):
            return Spec.of(data, self.task.criterion)
        return Spec(self.task.inputs, self.task.outputs, self.task.criterion, data.steps, data.batch, True, self.task.compiled)


@dataclass(frozen=True)
class Result:
    """Results of P x L lives; a network that left the finite range has the worst score of its task."""

    score: Tensor  # [P, L] float64 at the end of life
    alive: Tensor  # [P, L] bool
    curve: Tensor  # [P, L, C] float64, scores at the recorded steps
    bits: Tensor  # [P, L] float64, summed log2-loss of predicting each sample before learning from it
    state: Any  # of the learner, N networks

    @classmethod
    def of(
        cls, population: int, count: int, score: Tensor, alive: Tensor, curve: Tensor, bits: Tensor, state: Any
    ) -> Result:
        """From values per network [N, ...]; rows that pad a single network are left out."""

        def whole(value: Tensor) -> Tensor:
            return unfold(value, count, population)

        return cls(whole(score), whole(alive), whole(curve), whole(bits), state)
