"""Weight perturbation: try a random direction in weight space, and step along it by the loss that it saves.

    dW = -eta (L(W + sigma xi) - L(W)) xi / sigma,    xi ~ N(0, 1) per weight, the same for all samples of the step

(Jabri & Flower 1992; Zuege, Klos & Memmesheimer 2023, eq. 3.) Two forward passes, no backward pass; the variance of the
estimate is (D + 1) |g|^2 for D weights, which is what a large network pays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from torch import Tensor

from inner.components import suggest
from inner.learners import _perturbation as perturbation
from inner.learners import base
from inner.learners._perturbation import State
from inner.learners._values import adjusted
from inner.learners.base import Cost, Example, Spec
from inner.life_data import Label
from inner.networks import mlp
from inner.networks.base import Network
from inner.rules.coefficient import Coefficient
from inner.sources import Told

DEFAULTS = (
    Coefficient("eta", 0.002, "log"),  # must shrink like 1 / D
    Coefficient("sigma", 0.001, "log", fixed=True),  # float32 losses: smaller ones drown in rounding
)


@dataclass(frozen=True)
class Learner(base.Learner):
    """One direction a step, drawn from a Gaussian or from +-1."""

    example: ClassVar[Example] = Example({"values": {"eta": 0.01}}, steps=600, batch=16)
    network: Network = field(default_factory=mlp.Network)
    directions: str = "gaussian"  # or "signs"
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)  # see inner/learners/_values.py

    def __post_init__(self) -> None:
        if self.directions not in perturbation.DRAWS:
            near = suggest(str(self.directions), perturbation.DRAWS)
            known = ", ".join(perturbation.DRAWS)
            raise ValueError(f"learner.directions: expected one of {known}, got {str(self.directions)[:40]!r}{near}")
        adjusted(DEFAULTS, self.values)

    @property
    def coefficients(self) -> tuple[Coefficient, ...]:
        """The rate eta, and the length sigma of a trial step."""
        return adjusted(DEFAULTS, self.values)

    @property
    def knows(self) -> frozenset[str]:
        """Its own direction, and the loss of the whole network in two passes."""
        return frozenset({"local", "global loss", "two phases"})

    def accepts(self, spec: Spec) -> str:
        """Why it cannot learn in such a life, in words; empty where it can."""
        return perturbation.refused(spec) or self.network.accepts(spec)

    def cost(self, spec: Spec) -> Cost:
        """Two forward passes, and one multiply-add per weight for the trial and for the update."""
        weights = sum(i * o for i, o in self.network.shapes(spec.inputs, spec.outputs))
        return Cost(2.0, 2.0 * weights + 2.0 * weights / spec.batch, float(max(self.network.sizes(spec.inputs, spec.outputs))))

    def footprint(self, spec: Spec) -> int:
        """Weights, trial weights and direction."""
        return 3 * sum(i * o for i, o in self.network.shapes(spec.inputs, spec.outputs))

    def init(
        self,
        spec: Spec,
        theta: Tensor,
        population: int,
        seed: int,
        labels: Sequence[Label],
        born: Sequence[Tensor] | None = None,
    ) -> State:
        """Newborn networks [N]."""
        return perturbation.newborn(self.network, self.coefficients, spec, theta, population, seed, labels, born)

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """The output [N, B, O] under the weights themselves."""
        return perturbation.shown(self.network, state, x, fresh)

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """One step along the direction of this step."""
        assert state.shown is not None
        eta, sigma = state.coefficients["eta"], state.coefficients["sigma"]
        xi = perturbation.direction(state, t, self.directions)
        here = perturbation.loss(state.spec.criterion, state.shown.output, told)
        there = perturbation.loss_of(self.network, state, perturbation.along(state.weights, xi, sigma), told)
        weights = self.network.wired(perturbation.along(state.weights, xi, -eta * (there - here) / sigma))
        return replace(state, weights=weights, shown=None)

    def predict(self, state: State, x: Tensor) -> Tensor:
        """Outputs [N, V, O] for x [N, V, I]."""
        output = self.network.resolve_output(state.spec.criterion)
        return self.network.forward(state.weights, x, output)[0].output

    def view(self, state: State, batch: int) -> State:
        """The state with units at rest, for any number of samples."""
        return replace(state, units=(), shown=None)

    def moving(self, state: State) -> list[Tensor]:
        """The weights."""
        return list(state.weights)

    def freeze(self, state: State, alive: Tensor) -> State:
        """Weights, units and coefficients of networks that are not alive become 0; the noise stays."""
        rest: State = super().freeze(replace(state, noise=None), alive)  # type: ignore[arg-type]
        return replace(rest, noise=state.noise)

    def with_theta(self, state: State, theta: Tensor) -> State:
        """The same networks under other coefficients theta [N, D]."""
        return replace(state, coefficients=perturbation.named(self.coefficients, theta))
