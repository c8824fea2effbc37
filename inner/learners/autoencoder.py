"""Layer-wise autoencoders under a readout: hidden layers reconstruct what they see, only the last layer is told the target.

    hidden:  dW = eta * the change of `_reconstruction.py`;    readout:  dW = readout * h^T (y - g(h W))

(Bengio et al. 2007, greedy pretraining without the fine-tuning.) Hidden layers learn in the first `pretraining` share of a life,
all at once or one after another (`order: greedy`); the readout learns throughout.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from inner.learners._own import Own, State, outer, shaped, steps
from inner.learners._reconstruction import GRADIENTS, reconstructing, turn
from inner.learners._values import chosen
from inner.learners.base import Cost, Example, Spec
from inner.rules.coefficient import Coefficient
from inner.sources import Told


@dataclass(frozen=True)
class Learner(Own):
    """No error ever comes down."""

    example: ClassVar[Example] = Example(network={"name": "mlp", "hidden": (32,)})
    defaults: ClassVar[tuple[Coefficient, ...]] = (
        Coefficient("eta", 0.003, "log"),
        Coefficient("readout", 0.1, "log"),
    )
    gradient: str = "full"  # or decoder
    order: str = "together"  # or greedy
    pretraining: float = 1.0  # share of a life in which hidden layers learn

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen("gradient", self.gradient, GRADIENTS)
        chosen("order", self.order, ("together", "greedy"))
        share("pretraining", self.pretraining)

    @property
    def knows(self) -> frozenset[str]:
        """The reconstruction of its layer, by its own weights backwards."""
        return frozenset({"local", "layer"})

    def cost(self, spec: Spec) -> Cost:
        """A pass, a reconstruction, and what follows from its error."""
        return self.cost_of(spec, 3.0 if self.gradient == "full" else 2.0)

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """The networks after one step."""
        record = state.shown
        changes = reconstructing(self.network, record, state.weights, self.gradient, told.scored)
        changes.append(outer(record.pre[-1], self.error(state, told, record.output)))
        moves, memory = steps(state, changes, torch.ones_like(state.coefficients["eta"]))
        hidden, weights = len(moves) - 1, []
        for k, (w, move) in enumerate(zip(state.weights, moves)):
            rate = shaped(state.coefficients["eta" if k < hidden else "readout"], w)
            if k < hidden:
                now = turn(hidden, k, t, state.spec.steps, self.pretraining, self.order == "greedy")
                rate = rate * now.to(rate.dtype) if isinstance(now, Tensor) else rate * float(now)
            weights.append(w + rate * move)
        return replace(state, weights=tuple(weights), memory=memory, shown=None)


def share(option: str, value: float) -> None:
    """Raise ValueError, in one line, unless an option is a number from 0 to 1."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1:
        raise ValueError(f"learner.{option}: expected a share of the life from 0 to 1, got {str(value)[:40]!r}")
