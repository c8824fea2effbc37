"""Descent by whole matrices: the change that a rule proposes for a layer, orthogonalised (Muon) or preconditioned (FOOF).

    muon   dw <- eta rate sqrt(max(1, O / I)) U V^T,  where U S V^T is the change of the rule      (Jordan et al. 2024)
    foof   dw <- (C + damping I)^-1 dw,  C the second moment of the layer's inputs; see _foof.py             (Benzing 2022)

U V^T comes from a quintic Newton-Schulz iteration, whose singular values lie between 0.7 and 1.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from inner.learners import base, local_rule
from inner.learners._changes import changed
from inner.learners._foof import Inputs
from inner.learners._rule_state import State as RuleState
from inner.learners.base import Cost, Spec
from inner.life_data import Label
from inner.networks.base import Network
from inner.rules.coefficient import Coefficient
from inner.rules.rule import Rule
from inner.sources import Told

QUINTIC = (3.4445, -4.7750, 2.0315)  # Jordan et al. 2024: the steepest at 0 that stays near 1
SMALL = 1e-20  # a change of 0 stays 0


@dataclass(frozen=True)
class State:
    """N networks between two steps."""

    rule: RuleState
    inputs: tuple[Inputs, ...] = ()  # per group
    damping: Tensor | None = None  # [N, 1, 1]
    memory: Tensor | None = None  # [N, 1, 1]

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """Per group [N, I (+ 1), O]."""
        return self.rule.weights


@dataclass(frozen=True)
class Learner(base.Learner):
    """`rule` proposes, `method` (muon or foof) turns the proposal of every layer into its step."""

    rule: Rule
    network: Network
    method: str
    further: tuple[Coefficient, ...] = ()  # those of the method, after the rule's: damping and memory, or none
    iterations: int = 5  # of Newton and Schulz
    every: int = 1  # steps from one inverse to the next, after the first steps

    @property
    def coefficients(self) -> tuple[Coefficient, ...]:
        """The rule's, then the method's."""
        return (*self.rule.coefficients, *self.further)

    @cached_property
    def inner(self) -> local_rule.Learner:
        """What proposes the changes."""
        return local_rule.Learner(self.rule, self.network)

    @property
    def knows(self) -> frozenset[str]:
        """What the rule needs, and the changes or the inputs of its whole layer."""
        return self.inner.knows | {"layer"}

    def accepts(self, spec: Spec) -> str:
        """As the rule that proposes."""
        return self.inner.accepts(spec)

    def cost(self, spec: Spec) -> Cost:
        """The rule's, and per step the products of matrices that follow it."""
        usual, further = super().cost(spec), 0.0
        for i, o in self.network.shapes(spec.inputs, spec.outputs):
            short, long = min(i, o), max(i, o)
            if self.method == "muon":
                further += self.iterations * (2.0 * short * short * long + short**3)
            else:
                further += float(i * i * o) + i**3 / self.every
        kept = sum(2 * i * (o if self.method == "muon" else i) for i, o in self.network.shapes(spec.inputs, spec.outputs))
        floats = usual.floats + 2.0 * kept / spec.batch
        return Cost(usual.passes, usual.multiply_adds + further / spec.batch, floats, usual.state + kept)

    def footprint(self, spec: Spec) -> int:
        """Weights and what is as large, or the moments of inputs and their inverses."""
        shapes = self.network.shapes(spec.inputs, spec.outputs)
        return sum(5 * i * o if self.method == "muon" else 3 * i * i + 2 * i * o for i, o in shapes)

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
        rule = self.inner.init(spec, self._of_rule(theta), population, seed, labels, born)
        if self.method == "muon":
            return State(rule)
        return replace(State(rule, tuple(Inputs.none(w) for w in rule.weights)), **self._further(theta))

    def _of_rule(self, theta: Tensor) -> Tensor:
        """The columns of the rule."""
        return theta[:, : theta.shape[1] - len(self.further)]

    def _further(self, theta: Tensor) -> dict[str, Any]:
        """The columns after the rule's, by name, each [N, 1, 1]."""
        last = theta[:, theta.shape[1] - len(self.further) :]
        return {c.name: last[:, d].reshape(-1, 1, 1) for d, c in enumerate(self.further)}

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """State and output [N, B, O]."""
        rule, output = self.inner.act(state.rule, x, fresh, t)
        return replace(state, rule=rule), output

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """One step of every layer, from what the rule proposes for it."""
        changes, traces, kept = changed(self.inner, state.rule, told, t, False, False)
        if self.method == "muon":
            eta = state.rule.coefficients["eta"]
            steps = [
                orthogonalised(dw, self.iterations) * (eta * max(1.0, dw.shape[2] / dw.shape[1]) ** 0.5)
                for dw in changes
            ]
            if "rate" in self.rule.traces:  # the factor of the schedule, lost with the length of dw
                steps = [dw * own["rate"].mean(1, keepdim=True) for dw, own in zip(steps, traces)]
        else:
            damping, memory, acted = state.damping, state.memory, state.rule.acted
            assert acted is not None and damping is not None and memory is not None
            seen = zip(state.inputs, acted.record.pre)
            state = replace(state, inputs=tuple(one.seen(pre, damping, memory, t, self.every) for one, pre in seen))
            steps = [one.preconditioned(dw, memory, t) for one, dw in zip(state.inputs, changes)]
        weights = tuple(w + dw for w, dw in zip(state.weights, steps))
        return replace(state, rule=self.inner.settled(state.rule, weights, traces, kept))

    def predict(self, state: State, x: Tensor) -> Tensor:
        """Outputs [N, V, O] for x [N, V, I]."""
        return self.inner.predict(state.rule, x)

    def view(self, state: State, batch: int) -> State:
        """The state with units at rest for `batch` samples."""
        return replace(state, rule=self.inner.view(state.rule, batch))

    def moving(self, state: State) -> list[Tensor]:
        """The weights."""
        return list(state.weights)

    def freeze(self, state: State, alive: Tensor) -> State:
        """Every number of networks that are not alive becomes 0."""
        rule = self.inner.freeze(state.rule, alive)
        rest: State = super().freeze(replace(state, rule=None), alive)  # type: ignore[arg-type]
        return replace(rest, rule=rule)

    def with_theta(self, state: State, theta: Tensor) -> State:
        """The same networks under other coefficients theta [N, D]."""
        rule = self.inner.with_theta(state.rule, self._of_rule(theta))
        return replace(state, rule=rule, **self._further(theta))


def orthogonalised(g: Tensor, iterations: int) -> Tensor:
    """Nearly U V^T of g = U S V^T, [N, I, O]: x <- a x + (b x x^T + c (x x^T)^2) x, from g over its Frobenius norm."""
    a, b, c = QUINTIC
    wide = g.shape[1] <= g.shape[2]
    x = g if wide else g.transpose(1, 2)
    x = x / (x.square().sum((1, 2), keepdim=True).sqrt() + SMALL)
    for _ in range(iterations):
        square = torch.bmm(x, x.transpose(1, 2))
        x = a * x + torch.bmm(torch.baddbmm(square, square, square, beta=b, alpha=c), x)
    return x if wide else x.transpose(1, 2)
