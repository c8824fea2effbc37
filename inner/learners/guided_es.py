"""Guided evolution strategies: mirrored pairs along directions that lean to what a feedback pathway says, right or wrong.

    xi = sqrt(alpha) z + sqrt((1 - alpha) D / k) U z_k,    z, z_k ~ N(0, 1) per entry
    dW = -eta sum_i (L(W + sigma xi_i) - L(W - sigma xi_i)) xi_i / (2 n sigma)

(Maheswaranathan et al. 2019, eqs. 3-4, times D, so that alpha = 1 is plain evolution strategies.) U [D, k] is an orthonormal
basis of the last k surrogate gradients: the changes err pre of a pathway (`random`: feedback alignment), which may point
elsewhere than the gradient g. In the mean the step is -eta (alpha g + (1 - alpha) (D / k) U U^T g), downhill in any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from inner.components import Plain
from inner.learners import _perturbation as perturbation
from inner.learners import local_rule
from inner.learners._perturbation import Shown, State, Tried
from inner.learners._perturbing import Perturbing
from inner.learners._values import whole
from inner.learners.base import Cost, Example, Spec
from inner.learners.evolution_strategies import estimate
from inner.life_data import Label
from inner.pathways.base import Pathway
from inner.rules.coefficient import Coefficient
from inner.rules.rule import Rule
from inner.sources import Told

LEAST = 1e-12  # a surrogate gradient that adds less than this share of its length to the basis adds nothing


@dataclass(frozen=True)
class Learner(Perturbing):
    """Coefficients: the rate, the length of a trial step, and the share alpha of directions that are not guided."""

    example: ClassVar[Example] = Example(steps=200, batch=16)
    defaults: ClassVar[tuple[Coefficient, ...]] = (
        Coefficient("eta", 0.0005, "log"),
        Coefficient("sigma", 0.005, "log", fixed=True),
        Coefficient("alpha", 0.5, "linear", scale=0.1, low=0.0, high=1.0),
    )
    pairs: int = 4
    subspace: int = 1  # k, surrogate gradients that are remembered
    pathway: str | Plain = field(default="random", hash=False)  # a name, or a mapping with its options

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("pairs", self.pairs)
        whole("subspace", self.subspace)
        if self.hold != 1:
            raise ValueError(f"learner.hold: every step has a guide of its own, expected 1, got {self.hold}")
        kind: Any = type(self.inner.pathway)
        if kind.after is not Pathway.after or kind.train is not Pathway.train:
            raise ValueError(f"learner.pathway: expected one that does not learn, got '{self.inner.rule.pathway}'")

    @cached_property
    def inner(self) -> local_rule.Learner:
        """The rule whose changes are the surrogate gradients."""
        return local_rule.Learner(Rule.from_dict({"dw": "err*pre", "pathway": self.pathway}), self.network)

    @property
    def trials(self) -> int:
        """Two per pair."""
        return 2 * self.pairs

    @property
    def knows(self) -> frozenset[str]:
        """What the surrogate gradient needs, and the loss of the whole network in two passes."""
        return self.inner.knows | super().knows

    def cost(self, spec: Spec) -> Cost:
        """That of evolution strategies, and a backward pass with the products of a surrogate gradient."""
        plain = super().cost(spec)
        units = float(sum(self.network.sizes(spec.inputs, spec.outputs)))
        weights = self.weights_of(spec)
        kept = (2.0 + 2.0 * self.subspace) * weights  # feedback weights, past gradients and their basis
        return Cost(plain.passes + 1, plain.multiply_adds + 2.0 * weights, plain.floats + units, kept)

    def accepts(self, spec: Spec) -> str:
        """Why it cannot learn in such a life, in words; empty where it can."""
        return super().accepts(spec) or self.inner.accepts(spec)

    def init(
        self,
        spec: Spec,
        theta: Tensor,
        population: int,
        seed: int,
        labels: Sequence[Label],
        born: Sequence[Tensor] | None = None,
    ) -> State:
        """Newborn networks [N], and the feedback weights of their pathway."""
        state = super().init(spec, theta, population, seed, labels, born)
        guide = self.inner.init(spec, theta[:, :0], population, seed, labels, state.weights)
        return replace(state, guide=replace(guide, weights=(), units=()))

    def memory(self, state: State) -> dict[str, Tensor]:
        """The last k surrogate gradients, the newest first, and the basis U^T that they span: [N, k, D]."""
        empty = torch.zeros_like(perturbation.vector(state.weights))[:, None].repeat(1, self.subspace, 1)
        return {"past": empty, "basis": empty.clone()}

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """The state with the forward record that the pathway needs, and the output [N, B, O]."""
        if state.guide is None:
            return super().act(state, x, fresh, t)
        guide, output = self.inner.act(replace(state.guide, weights=state.weights, units=state.units), x, fresh, t)
        shown = Shown(x, output, state.units, fresh)
        return replace(state, guide=guide, units=guide.units, shown=shown), output

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """The networks after this step, its surrogate gradient among those that guide it."""
        changes, _ = self.inner.proposed(state.guide, told, t)
        newest = perturbation.of_synapses(self.network, perturbation.vector(changes)[:, None], state.weights)
        past = torch.cat([newest, state.memory["past"][:, :-1]], 1)
        state = perturbation.remembered(state, past=past, basis=orthonormal(past))
        # what the rule keeps of its own is constant, and what it saw of this step is not needed again
        guide = replace(state.guide, weights=(), units=(), acted=None)
        return super().learn(replace(state, guide=guide), told, t, into)

    def tried(self, state: State, t: int | Tensor) -> Tried:
        """W + sigma xi of every pair, then W - sigma xi."""
        assert state.noise is not None
        z = perturbation.directions(self.network, state, t, self.pairs)
        inside = state.noise.normal(t, perturbation.DIRECTIONS + 1, (self.pairs, self.subspace)).to(z.dtype)
        alpha = state.coefficients["alpha"].reshape(-1, 1, 1)
        share = ((1 - alpha) * (z.shape[2] / self.subspace)).clamp(min=0).sqrt()
        xi = torch.baddbmm(alpha.clamp(min=0).sqrt() * z, inside * share, state.memory["basis"])
        return Tried(perturbation.along(state.weights, torch.cat([xi, -xi], 1), state.coefficients["sigma"]), xi)

    def moved(self, state: State, tried: Tried, here: Tensor, there: Tensor, t: int | Tensor) -> State:
        """One step against the estimated gradient."""
        g = estimate(there, tried.xi, state.coefficients["sigma"])
        return replace(state, weights=perturbation.moved(state.weights, -state.coefficients["eta"][:, None] * g))


def orthonormal(rows: Tensor) -> Tensor:
    """An orthonormal basis [N, k, D] of rows [N, k, D], one after the other (Gram-Schmidt, twice); 0 for what adds nothing."""
    found: list[Tensor] = []
    for row in rows.unbind(1):  # the k of a learner's option
        size, rest = row.norm(dim=1, keepdim=True), row
        for _ in range(2):
            for each in found:
                rest = rest - (rest * each).sum(1, keepdim=True) * each
        left = rest.norm(dim=1, keepdim=True)
        found.append(torch.where(left > LEAST * size, rest / left.clamp(min=1e-30), torch.zeros_like(rest)))
    return torch.stack(found, 1)
