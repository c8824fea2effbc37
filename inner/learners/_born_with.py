"""A local rule on a network that is born with what its genome says: weights, who may learn, who is wired, for how long.

A candidate's row of theta is a phenotype, laid out by `Layout`. Where a part is absent the learner does what the local
rule alone does, bit for bit: weights are drawn anew for every life, every synapse exists and learns, to the end of life.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from inner.learners import base, local_rule
from inner.learners._rule_state import State as RuleState
from inner.learners.base import Cost, Spec
from inner.networks.base import Network
from inner.rules.coefficient import Coefficient
from inner.rules.rule import Rule
from inner.sources import Told
from inner.tasks.base import Label


@dataclass(frozen=True)
class Layout:
    """Which columns of theta [N, D] hold what, in this order: coefficients, then each part that is present."""

    coefficients: int
    shapes: tuple[tuple[int, int], ...]  # of the weights, per layer (I (+ 1), O)
    weights: bool = False  # [W] initial weights, layer after layer, row after row
    plastic: bool = False  # [W] 1 where a synapse may learn, else 0
    wired: bool = False  # [W] 1 where a synapse exists, else 0
    rates: bool = False  # [layers] factor on dw
    length: bool = False  # [1] steps after which learning ends

    @property
    def synapses(self) -> int:
        """W, the number of weights of a network."""
        return sum(i * o for i, o in self.shapes)

    @property
    def parts(self) -> dict[str, slice]:
        """The columns of each part that is present."""
        sizes = {"coefficients": self.coefficients}
        sizes |= {name: self.synapses for name in ("weights", "plastic", "wired") if getattr(self, name)}
        sizes |= {"rates": len(self.shapes)} if self.rates else {}
        sizes |= {"length": 1} if self.length else {}
        found, start = {}, 0
        for name, size in sizes.items():
            found[name] = slice(start, start + size)
            start += size
        return found

    @property
    def size(self) -> int:
        """D, the number of columns."""
        return max(int(part.stop) for part in self.parts.values())

    def layers(self, flat: Tensor) -> tuple[Tensor, ...]:
        """[N, W] -> per layer [N, I (+ 1), O]."""
        parts = torch.split(flat, [i * o for i, o in self.shapes], 1)
        return tuple(part.reshape(-1, *shape) for part, shape in zip(parts, self.shapes))


@dataclass(frozen=True)
class State:
    """N networks between two steps."""

    inner: RuleState
    born: tuple[Tensor, ...]  # weights at birth, per layer [N, I (+ 1), O]
    open: tuple[Tensor, ...] | None  # bool per layer: the synapses that may change
    rates: Tensor | None  # [N, layers]
    length: Tensor | None  # [N] steps
    age: Tensor  # [N] steps lived


@dataclass(frozen=True)
class Learner(base.Learner):
    """`rule` on `network`, born with the phenotype in theta."""

    rule: Rule
    network: Network
    layout: Layout

    @property
    def coefficients(self) -> tuple[Coefficient, ...]:
        """The rule's coefficients: the first columns of theta."""
        return self.rule.coefficients

    @property
    def inner(self) -> local_rule.Learner:
        """The same rule and network without inheritance."""
        return local_rule.Learner(self.rule, self.network)

    def cost(self, spec: Spec) -> Cost:
        """That of the local rule; theta, weights at birth, masks, and the weights before a step are kept too."""
        plain = self.inner.cost(spec)
        weights = self.layout.synapses
        return replace(plain, state=plain.state + self.layout.size + 2.0 * weights, floats=plain.floats + weights / spec.batch)

    def footprint(self, spec: Spec) -> int:
        """Those of the local rule."""
        return self.inner.footprint(spec)

    def init(
        self,
        spec: Spec,
        theta: Tensor,
        population: int,
        seed: int,
        labels: Sequence[Label],
        born: Sequence[Tensor] | None = None,
    ) -> State:
        """Newborn networks [N] with the weights, masks, rates and learning length in theta [N, D]."""
        if theta.shape[1] != self.layout.size:
            raise ValueError(f"theta: expected [N, {self.layout.size}], got {list(theta.shape)}")
        part = {name: theta[:, columns] for name, columns in self.layout.parts.items()}
        inner = self.inner.init(spec, part["coefficients"], population, seed, labels, born)
        weights = self.layout.layers(part["weights"]) if "weights" in part else inner.weights
        gates: list[Tensor] | None = None
        if "wired" in part:
            gates = [layer > 0.5 for layer in self.layout.layers(part["wired"])]
            weights = tuple(torch.where(gate, w, torch.zeros_like(w)) for gate, w in zip(gates, weights))
        if "plastic" in part:
            plastic = [layer > 0.5 for layer in self.layout.layers(part["plastic"])]
            gates = plastic if gates is None else [a & b for a, b in zip(gates, plastic)]
        length = part["length"][:, 0] if "length" in part else None
        inner = replace(inner, weights=tuple(weights))
        return State(
            inner, tuple(weights), tuple(gates) if gates else None, part.get("rates"), length, torch.zeros(len(theta))
        )

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """As the local rule acts: state and output [N, B, O]."""
        inner, output = self.inner.act(state.inner, x, fresh, t)
        return replace(state, inner=inner), output

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """One update where the genome allows one."""
        old = state.inner
        new = self.inner.learn(old, told, t, False)
        weights, own = list(new.weights), new.own
        if state.rates is not None:
            factors = [state.rates[:, k].reshape(-1, 1, 1) for k in range(len(weights))]
            weights = [w + f * (n - w) for w, n, f in zip(old.weights, weights, factors)]
        if state.open is not None:
            weights = [torch.where(gate, n, w) for gate, n, w in zip(state.open, weights, old.weights)]
        if state.length is not None:
            awake = (state.age < state.length).reshape(-1, 1, 1)
            weights = [torch.where(awake, n, w) for n, w in zip(weights, old.weights)]
            own = tuple(torch.where(awake, n, b) for n, b in zip(own, old.own))
        return replace(state, inner=replace(new, weights=tuple(weights), own=own), age=state.age + 1)

    def view(self, state: State, batch: int) -> State:
        """Units at rest for `batch` samples, without noise."""
        return replace(state, inner=self.inner.view(state.inner, batch))

    def predict(self, state: State, x: Tensor) -> Tensor:
        """Outputs [N, V, O] for x [N, V, I]."""
        return self.inner.predict(state.inner, x)

    def alive(self, state: State) -> Tensor:
        """bool [N]: every weight is finite."""
        return self.inner.alive(state.inner)

    def freeze(self, state: State, alive: Tensor) -> State:
        """Networks that are not alive are put to rest as the local rule does it."""
        return replace(state, inner=self.inner.freeze(state.inner, alive))

    def learned(self, state: Any) -> Tensor:
        """Changes of a life: final minus initial weights [N, W]."""
        changes = [(now - was).flatten(1) for now, was in zip(state.inner.weights, state.born)]
        return torch.cat(changes, 1)
