"""Equilibrium propagation: units settle freely, then again while their output is pulled to the target; weights move by the difference.

    s_k <- (1 - rate) s_k + rate f(s_{k-1} W_k + s_{k+1} W_{k+1}^T),    `free` times from the feed-forward values
    s_L <- ... g(s_{L-1} W_L + beta (y - s_L)),                         then `nudged` times
    dW_k = eta / beta (s_{k-1}^T s_k at beta - s_{k-1}^T s_k at 0)

(Scellier & Bengio 2017, eqs. 1-14.) A fixed point is a minimum of E = sum of the integrals of f^-1(s) - sum s_{k-1} W_k s_k, the
energy of Hopfield 1984; with activation `clip` it is the paper's. Softmax outputs are a readout that the fixed point does not
hear: the last hidden layer is pulled by beta (y - g) W_L^T (Laborieux et al. 2021, section 3). `sides: 2` compares +beta with
-beta (their eq. 7), whose error is of order beta^2 instead of beta. As beta goes to 0, dW goes to the gradient through the
fixed point.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from inner.activations import activation
from inner.learners._own import Groups, Own, State, back, descended, extended, outer
from inner.learners._values import whole
from inner.learners.base import Cost, Example, Spec
from inner.networks.base import output_units, product
from inner.rules.coefficient import Coefficient
from inner.sources import Told


@dataclass(frozen=True)
class Learner(Own):
    """`shown` is what `act` leaves: the inputs, and the free fixed point of every layer above them, [N, B, units]."""

    example: ClassVar[Example] = Example(batch=16)
    defaults: ClassVar[tuple[Coefficient, ...]] = (
        Coefficient("eta", 0.1, "log"),
        Coefficient("beta", 0.2, "log"),
        Coefficient("rate", 0.5, "log", high=1.0, fixed=True),
    )
    free: int = 20  # iterations of the free phase
    nudged: int = 6  # of every phase in which the output is pulled
    sides: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("free", self.free)
        whole("nudged", self.nudged)
        if self.sides not in (1, 2) or isinstance(self.sides, bool):
            raise ValueError(f"learner.sides: expected 1 or 2, got {str(self.sides)[:40]!r}")

    @property
    def knows(self) -> frozenset[str]:
        """Activities of the units that it joins in two phases, by weights that run both ways."""
        return frozenset({"local", "transported weights", "two phases"})

    def cost(self, spec: Spec) -> Cost:
        """Both directions of every iteration, and the products of both sides."""
        usual = self.cost_of(spec, 2.0 * (self.free + self.sides * self.nudged))
        return replace(usual, multiply_adds=usual.multiply_adds + self.weights_of(spec))

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """The state that remembers the free fixed point, and its output [N, B, O]."""
        units = self.fixed(state, x)
        return replace(state, shown=(x, units)), units[-1]

    def predict(self, state: State, x: Tensor) -> Tensor:
        """Outputs [N, V, O] of the free fixed point."""
        return self.fixed(state, x)[-1]

    def fixed(self, state: State, x: Tensor) -> Groups:
        """The units of every layer above the input after the free phase."""
        kind = self.network.resolve_output(state.spec.criterion)
        record, _ = self.network.forward(state.weights, x, kind)
        return self.settled(state, x, record.post, self.free, None, None)

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """The networks after the phases with a target."""
        x, free = state.shown
        beta = state.c("beta")
        there = self.settled(state, x, free, self.nudged, told, beta)
        other = self.settled(state, x, free, self.nudged, told, -beta) if self.sides == 2 else free
        share = 1.0 / (beta * self.sides)
        here, opposite = self.products(state, x, there), self.products(state, x, other)
        changes = [(a - b) * share for a, b in zip(here, opposite)]
        if self.reads(state):
            readouts = [self.readout(state, units, told) for units in ((there, other) if self.sides == 2 else (there,))]
            changes[-1] = sum(readouts[1:], readouts[0]) / self.sides
        return descended(state, changes)

    def settled(
        self, state: State, x: Tensor, units: Groups, iterations: int, told: Told | None, beta: Tensor | None
    ) -> Groups:
        """The units of every layer above the input after so many iterations; beta [N, 1, 1]: how hard the output is pulled."""
        f, weights, rate = activation(self.network.activation).value, state.weights, state.c("rate")
        kind, reads = self.network.resolve_output(state.spec.criterion), self.reads(state)
        first = product(extended(self.network, x), weights[0])
        for _ in range(iterations):
            pulled = None if told is None or beta is None else beta * self.error(state, told, units[-1])
            found: list[Tensor] = []
            for k in range(len(units)):
                below = found[-1] if reads and k + 1 == len(units) and found else units[k - 1]  # a readout follows at once
                drive = first if k == 0 else product(extended(self.network, below), weights[k])
                if k + 1 == len(units):
                    new = output_units(drive if pulled is None or reads else drive + pulled, kind)
                    found.append(new if reads else units[k] + rate * (new - units[k]))
                    continue
                above = pulled if reads and k + 2 == len(units) else units[k + 1]
                if above is not None:
                    drive = drive + back(above, weights[k + 1], units[k].shape[2])
                found.append(units[k] + rate * (f(drive) - units[k]))
            units = tuple(found)
        return units

    def reads(self, state: State) -> bool:
        """True where the output is a readout of the fixed point and no part of it."""
        return self.network.resolve_output(state.spec.criterion) == "softmax"

    def products(self, state: State, x: Tensor, units: Groups) -> Groups:
        """Mean over samples of s_{k-1}^T s_k per group [N, I (+ 1), O]."""
        below = (x, *units[:-1])
        return tuple(outer(extended(self.network, a), b) for a, b in zip(below, units))

    def readout(self, state: State, units: Groups, told: Told) -> Tensor:
        """Minus the gradient of the loss by the weights of a readout, at any state of the units."""
        below = units[-2] if len(units) > 1 else state.shown[0]
        return outer(extended(self.network, below), self.error(state, told, units[-1]))
