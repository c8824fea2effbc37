"""Descent whose steps are shaped from the changes that a rule proposes: by whole layers, or by the whole network.

A method (Muon, FOOF, conjugate directions) is a `Shaping` in a file of its own; the learner here is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from inner.learners import base, local_rule
from inner.learners._changes import changed
from inner.learners._rule_state import State as RuleState
from inner.learners.base import Cost, Spec
from inner.life_data import Label
from inner.networks.base import Network
from inner.rules.coefficient import Coefficient
from inner.rules.rule import Rule
from inner.sources import Told

Groups = Sequence[Tensor]  # a tensor per group of synapses


class Proposal(NamedTuple):
    """The view of a shaping at one step."""

    changes: Groups  # dw of the rule, [N, I (+ 1), O]
    traces: Sequence[Mapping[str, Tensor]]  # of the rule after this step
    rule: RuleState  # of the networks that acted
    memory: Any  # of the shaping, from the step before
    further: Mapping[str, Tensor]  # the shaping's own coefficients [N, 1, 1]
    t: int | Tensor
    elsewhere: Callable[[Groups], Groups]  # dw of the rule for the same samples under other weights


class Shaping(Protocol):
    """A method: its memory at birth, and its steps."""

    @property
    def knows(self) -> frozenset[str]:
        """What a synapse must know beside what the rule needs."""
        ...

    def born(self, weights: Groups) -> Any:
        """The memory before the first step."""
        ...

    def steps(self, at: Proposal) -> tuple[Groups, Any]:
        """The change of every weight [N, I (+ 1), O], and the memory after it."""
        ...

    def cost(self, i: int, o: int) -> tuple[float, float]:
        """(multiply-adds, floats kept) a step of a group [I (+ 1), O] beside those of the rule."""
        ...

    @property
    def passes(self) -> float:
        """Passes a step beside those of the rule."""
        ...


@dataclass(frozen=True)
class State:
    """N networks between two steps."""

    rule: RuleState
    memory: Any
    further: dict[str, Tensor]  # each [N, 1, 1]
    x: Tensor | None = None  # [N, B, I], between act and learn

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """Per group [N, I (+ 1), O]."""
        return self.rule.weights


@dataclass(frozen=True)
class Learner(base.Learner):
    """`rule` proposes, `shaping` turns what it proposes into a step."""

    rule: Rule
    network: Network
    shaping: Shaping
    further: tuple[Coefficient, ...] = ()  # of the shaping, after those of the rule; one value per network

    @property
    def coefficients(self) -> tuple[Coefficient, ...]:
        """The rule's, then the shaping's."""
        return (*self.rule.coefficients, *self.further)

    @cached_property
    def inner(self) -> local_rule.Learner:
        """The local rule that proposes."""
        return local_rule.Learner(self.rule, self.network)

    @property
    def knows(self) -> frozenset[str]:
        """What rule and shaping need."""
        return self.inner.knows | self.shaping.knows

    def accepts(self, spec: Spec) -> str:
        """As the rule that proposes."""
        return self.inner.accepts(spec)

    def cost(self, spec: Spec) -> Cost:
        """The rule's, and the products of matrices that follow it."""
        usual = self.inner.cost(spec)
        shapes = self.network.shapes(spec.inputs, spec.outputs)
        further = [self.shaping.cost(i, o) for i, o in shapes]
        more, weights = self.shaping.passes, sum(i * o for i, o in shapes)
        work = usual.multiply_adds + more * weights + sum(each[0] for each in further) / spec.batch
        kept = sum(each[1] for each in further)
        return Cost(usual.passes + more, work, usual.floats + 2.0 * kept / spec.batch, usual.state + kept)

    def footprint(self, spec: Spec) -> int:
        """Weights, their changes, and what the shaping keeps."""
        shapes = self.network.shapes(spec.inputs, spec.outputs)
        return sum(3 * i * o + int(self.shaping.cost(i, o)[1]) for i, o in shapes)

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
        return State(rule, self.shaping.born(rule.weights), self._further(theta))

    def _of_rule(self, theta: Tensor) -> Tensor:
        """The columns of the rule."""
        return theta[:, : theta.shape[1] - len(self.further)]

    def _further(self, theta: Tensor) -> dict[str, Tensor]:
        """The columns after the rule's, by name, each [N, 1, 1]."""
        last = theta[:, theta.shape[1] - len(self.further) :]
        return {c.name: last[:, d].reshape(-1, 1, 1) for d, c in enumerate(self.further)}

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """State and output [N, B, O]."""
        rule, output = self.inner.act(state.rule, x, fresh, t)
        return replace(state, rule=rule, x=x), output

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """One step, from what the rule proposes."""

        def elsewhere(weights: Groups) -> Groups:
            assert state.x is not None
            there = self.inner.act(state.rule.but(weights=tuple(weights)), state.x, None, t)[0]
            return changed(self.inner, there, told, t, False, False)[0]

        changes, traces, kept = changed(self.inner, state.rule, told, t, False, False)
        at = Proposal(changes, traces, state.rule, state.memory, state.further, t, elsewhere)
        steps, memory = self.shaping.steps(at)
        weights = tuple(w + dw for w, dw in zip(state.weights, steps))
        return replace(state, rule=self.inner.settled(state.rule, weights, traces, kept), memory=memory, x=None)

    def predict(self, state: State, x: Tensor) -> Tensor:
        """Outputs [N, V, O] for x [N, V, I]."""
        return self.inner.predict(state.rule, x)

    def view(self, state: State, batch: int) -> State:
        """The state with units at rest for `batch` samples."""
        return replace(state, rule=self.inner.view(state.rule, batch), x=None)

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
        return replace(state, rule=self.inner.with_theta(state.rule, self._of_rule(theta)), further=self._further(theta))
