"""The learner that all players of bandits share: it counts what every arm paid and pulls the arm with the highest index.

    wins_k <- discount wins_k + reward [k pulled],    losses_k <- discount losses_k + (1 - reward) [k pulled]

Rewards lie in [0, 1]. discount = 1 remembers everything; below 1 old pulls count less (Garivier & Moulines 2011). A concrete
player says what the index is. No weights change: players are what rules that learn from reward are held against.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from inner.learners._by_name import Listed
from inner.learners.base import Cost, Example, Spec
from inner.life_data import Label
from inner.noise import Noise
from inner.rules.coefficient import Coefficient
from inner.sources import Told

SURE = 1000.0  # preference of the arm with the highest index: no noise of a softmax choice moves it
DISCOUNT = Coefficient("discount", 1.0, "linear", 0.02, 0.0, 1.0, fixed=True)


@dataclass(frozen=True)
class State:
    """N players between two pulls."""

    wins: Tensor  # [N, B, K]
    losses: Tensor  # [N, B, K]
    coefficients: Tensor  # [N, C]
    noise: Noise
    steps: int  # T


@dataclass(frozen=True)
class Player(Listed):
    """Abstract: a player whose pulls follow from an index per arm. The network's weights are not used."""

    example: ClassVar[Example] = Example(
        task={"name": "bandit", "arms": 3}, network={"name": "mlp", "hidden": ()}, steps=200, batch=4
    )
    defaults: ClassVar[tuple[Coefficient, ...]] = (DISCOUNT,)

    @property
    def knows(self) -> frozenset[str]:
        """The choice compares all arms."""
        return frozenset({"local", "layer"})

    @abstractmethod
    def index(self, state: State, t: int | Tensor) -> Tensor:
        """The index of every arm before pull t, [N, B, K]."""

    def column(self, state: State, name: str) -> Tensor:
        """One coefficient, [N, 1, 1]."""
        at = [c.name for c in self.coefficients].index(name)
        return state.coefficients[:, at, None, None]

    def accepts(self, spec: Spec) -> str:
        """Players play for rewards, and for nothing else."""
        return "" if spec.criterion.kind == "reward" else "a player of bandits learns from rewards alone"

    def cost(self, spec: Spec) -> Cost:
        """A few operations per arm, and two counts."""
        return Cost(1.0, 8.0 * spec.outputs, 16.0 * spec.outputs, 2.0 * spec.outputs * spec.batch + 2.0)

    def init(
        self,
        spec: Spec,
        theta: Tensor,
        population: int,
        seed: int,
        labels: Sequence[Label],
        born: Sequence[Tensor] | None = None,
    ) -> State:
        """Nothing is known of any arm."""
        counts = theta.new_zeros(len(theta), spec.batch, spec.outputs)
        noise = Noise.of(seed, [("player", *label) for label in labels], population)
        return State(counts, counts.clone(), theta, noise, spec.steps)

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """Preferences [N, B, K] that leave no doubt."""
        return state, SURE * self.best(self.index(state, t))

    def best(self, index: Tensor) -> Tensor:
        """1 for the first arm with the highest index, else 0."""
        return torch.nn.functional.one_hot(index.argmax(-1), index.shape[-1]).to(index.dtype)

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """The counts after the pull."""
        assert told.action is not None and told.reward is not None
        kept = self.column(state, "discount")
        won, lost = told.action * told.reward, told.action * (1 - told.reward)
        return replace(state, wins=kept * state.wins + won, losses=kept * state.losses + lost)

    def predict(self, state: State, x: Tensor) -> Tensor:
        """The arm that has paid best, [N, V, K] for x [N, V, I]; of B bandits the first."""
        mean = (state.wins + 1) / (state.wins + state.losses + 2)
        return SURE * self.best(mean[:, :1]).expand(-1, x.shape[1], -1)
