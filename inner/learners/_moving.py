"""The learner that Alopex and Alopex-B share: every weight moves at every step, by chance, as its last move and the loss say.

Both correlate the last move of a weight, dw, with the change of the loss that all last moves together have caused, dE.
`paired: true` takes dE from the samples of this step under the weights before and after the move, in two passes;
`paired: false` from the last step's loss and this one's, in one pass, which is the same where all steps show the same samples.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from inner.activations import sigmoid
from inner.learners import _perturbation as perturbation
from inner.learners._perturbation import State, Tried
from inner.learners._perturbing import Perturbing


@dataclass(frozen=True)
class Moving(Perturbing):
    """Abstract: a concrete learner gives what a move follows from, and what it remembers beside the last one."""

    paired: bool = True  # dE on the samples of this step, in a second pass

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.paired, bool):
            raise ValueError(f"learner.paired: expected true or false, got {str(self.paired)[:40]!r}")

    @abstractmethod
    def move(self, state: State, change: Tensor, down: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The next move [N, D] and what is remembered, after dE = change [N]; down: uniform numbers [N, D]."""

    @property
    def trials(self) -> int:
        """The weights before the last move, or none."""
        return int(self.paired)

    @property
    def knows(self) -> frozenset[str]:
        """Its own last move, and the loss of the whole network; in two passes where it is paired."""
        return frozenset({"local", "global loss", *(("two phases",) if self.paired else ())})

    def memory(self, state: State) -> dict[str, Tensor]:
        """The last move [N, D]; without pairs the last loss [N] and the steps that were seen [N]."""
        move = torch.zeros_like(perturbation.vector(state.weights))
        return {"move": move} if self.paired else {"move": move, "loss": move[:, 0].clone(), "seen": move[:, 0].clone()}

    def tried(self, state: State, t: int | Tensor) -> Tried:
        """The weights before the last move."""
        last = state.memory["move"][:, None]
        weights = perturbation.along(state.weights, last, -torch.ones_like(last[:, 0, 0])) if self.paired else ()
        return Tried(weights, last)

    def moved(self, state: State, tried: Tried, here: Tensor, there: Tensor, t: int | Tensor) -> State:
        """The networks after their next move."""
        kept: dict[str, Tensor] = {}
        if self.paired:
            change = here - there[:, 0]
        else:
            change = torch.where(state.memory["seen"] > 0, here - state.memory["loss"], torch.zeros_like(here))
            kept = {"loss": here, "seen": state.memory["seen"] + 1}
        down = perturbation.uniform(state, t, (state.memory["move"].shape[1],))
        move, more = self.move(state, change, down)
        move = perturbation.of_synapses(self.network, move[:, None], state.weights)[:, 0]
        state = perturbation.remembered(state, move=move, **kept, **more)
        return replace(state, weights=perturbation.moved(state.weights, move))


def falls(down: Tensor, correlation: Tensor, scale: Tensor) -> Tensor:
    """True [N, D] with probability 1 / (1 + exp(-correlation / scale)); one half where the scale [N] is 0."""
    known = scale > 0
    per = torch.where(known, 1 / torch.where(known, scale, torch.ones_like(scale)), torch.zeros_like(scale))
    return down < sigmoid(correlation * per[:, None])
