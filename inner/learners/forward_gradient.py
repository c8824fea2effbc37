"""Forward gradient: the derivative of the loss along a random direction, times the direction; no backward pass.

    dW = -eta exp(-decay k) mean_i (g . v_i) v_i,    v ~ N(0, 1) or +-1 per weight, k the updates so far

(Baydin et al. 2022; Belouze 2022 on +-1.) E[(g . v) v] = g, and E|(g . v) v|^2 is (D + 2) |g|^2 for Gaussian directions and
D |g|^2 for +-1. `by: jvp` takes g . v by forward-mode differentiation in the pass that makes the output, keeping two layers
of units at a time; `by: differences` takes (L(W + sigma v) - L(W)) / sigma, which also crosses the steps of a unit that jumps.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor
from torch.autograd import forward_ad

from inner.activations import ACTIVATIONS
from inner.learners import _perturbation as perturbation
from inner.learners._perturbation import DRAWS, Groups, Shown, State, Tried, Window
from inner.learners._perturbing import DRAWN, Perturbing
from inner.learners._values import chosen, whole
from inner.learners.base import KEPT, Cost, Example, Spec
from inner.life_data import Label
from inner.rules.coefficient import Coefficient
from inner.sources import Told

ETA = Coefficient("eta", 0.002, "log")
DECAY = Coefficient("decay", 0.0, "linear", scale=1e-4, low=0.0, fixed=True)  # Baydin et al.: 1e-4 per update
SIGMA = Coefficient("sigma", 0.001, "log", fixed=True)


@dataclass(frozen=True)
class Learner(Perturbing):
    """`count` directions a step, all in one pass."""

    example: ClassVar[Example] = Example({"values": {"eta": 0.01}}, steps=600, batch=16)
    directions: str = "gaussian"  # or "signs"
    by: str = "jvp"  # or "differences"
    count: int = 1  # directions a step

    def __post_init__(self) -> None:
        chosen("by", self.by, ("jvp", "differences"))
        super().__post_init__()
        chosen("directions", self.directions, DRAWS)
        whole("count", self.count)

    @property
    def own(self) -> tuple[Coefficient, ...]:
        """The rate and its decay; with differences the length of a trial step."""
        return (ETA, DECAY) if self.by == "jvp" else (ETA, DECAY, SIGMA)

    @property
    def trials(self) -> int:
        """The directions of a step."""
        return self.count

    @property
    def knows(self) -> frozenset[str]:
        """Its own part of a direction, and one number of the whole network: the slope along it."""
        return frozenset({"local", "global loss"}) if self.by == "jvp" else super().knows

    def accepts(self, spec: Spec) -> str:
        """Why it cannot learn in such a life, in words; empty where it can."""
        row = ACTIVATIONS.get(self.network.activation)
        if self.by == "jvp" and row is not None and row.jumps:
            return f"the slope of '{self.network.activation}' is 0: expected learner.by differences"
        return super().accepts(spec)

    def cost(self, spec: Spec) -> Cost:
        """A pass, and one more per direction; a tangent takes two multiply-adds per weight, as a backward pass does."""
        if self.by == "differences":
            return super().cost(spec)
        sizes = self.network.sizes(spec.inputs, spec.outputs)
        floats = KEPT * (1 + self.count) * sum(sizes) + DRAWN * self.weights_of(spec) * self.count / spec.batch
        more = 1 + 2 * self.count + self.count / spec.batch
        return Cost(1.0 + self.count, self.weights_of(spec) * more, floats, float(self.weights_of(spec)))

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
        if self.by == "jvp":
            with warnings.catch_warnings(), forward_ad.dual_level():
                # torch 2.10+ warns of its own first use of torch.jit.script behind forward-mode differentiation
                warnings.simplefilter("ignore", DeprecationWarning)
                forward_ad.make_dual(theta, theta)
        return super().init(spec, theta, population, seed, labels, born)

    def along(self, state: State, t: int | Tensor) -> Tensor:
        """The directions of a step [N, K, D]."""
        return perturbation.directions(self.network, state, t, self.count, self.directions)

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """The output [N, B, O], and its derivative along the directions of the step, [N, K, B, O]."""
        if self.by == "differences" or state.noise is None:
            return super().act(state, x, fresh, t)
        start = t - t % self.hold
        xi = perturbation.grouped(self.along(state, start), state.weights)
        carried: Groups = ()
        if state.window is not None:
            empty = self.opened(state).units
            carried = perturbation.either(t == start, empty, state.window.units)
        output, slope, units, slopes = self.dual(state, xi, x, fresh, carried)
        window = state.window
        if window is not None:
            window = window._replace(units=slopes)
        shown = Shown(x, output, state.units, fresh, slope)
        return replace(state, units=units, window=window, shown=shown), output

    def dual(
        self, state: State, xi: Groups, x: Tensor, fresh: Tensor | None, carried: Groups
    ) -> tuple[Tensor, Tensor, Groups, Groups]:
        """Output [N, B, O], its slope [N, K, B, O], the units' state [N, B, ...] and its slope [N, K, B, ...].

        xi: directions per group [N, K, I (+ 1), O]. carried: slopes of the units one step back; (): they stand still.
        """
        kind = self.network.resolve_output(state.spec.criterion)

        def many(value: Tensor) -> Tensor:
            return perturbation.repeated(value, self.count).flatten(0, 1)

        with forward_ad.dual_level():
            dual = [forward_ad.make_dual(many(w), v.flatten(0, 1)) for w, v in zip(state.weights, xi)]
            before = tuple(many(each) for each in state.units)
            if carried:
                pairs = zip(before, carried)
                before = tuple(forward_ad.make_dual(each, slope.flatten(0, 1)) for each, slope in pairs)
            fresh_of = None if fresh is None else many(fresh)
            out, after = self.network.outputs(tuple(dual), many(x), kind, before, fresh_of)
            found = [forward_ad.unpack_dual(value) for value in (out, *after)]
        tangents = [torch.zeros_like(each.primal) if each.tangent is None else each.tangent for each in found]
        values = [each.primal.unflatten(0, (-1, self.count))[:, 0] for each in found]
        slopes = [each.unflatten(0, (-1, self.count)) for each in tangents]
        return values[0], slopes[0], tuple(values[1:]), tuple(slopes[1:])

    def tried(self, state: State, t: int | Tensor) -> Tried:
        """The directions, and with differences the weights a trial step along each."""
        xi = self.along(state, t)
        weights = () if self.by == "jvp" else perturbation.along(state.weights, xi, state.coefficients["sigma"])
        return Tried(weights, xi)

    def judged(self, state: State, tried: Tried, told: Told, units: Groups | None) -> tuple[Tensor, Groups]:
        """Slopes [N, K] of the loss of this step along the directions, or losses under the weights that are tried."""
        if self.by == "differences":
            return super().judged(state, tried, told, units)
        at, criterion = state.shown, state.spec.criterion
        assert at is not None and at.slope is not None

        def many(value: Tensor) -> Tensor:
            return perturbation.repeated(value, self.count).flatten(0, 1)

        seen = Told(*(None if each is None else many(each) for each in told))
        with forward_ad.dual_level():
            output = forward_ad.make_dual(many(at.output), at.slope.flatten(0, 1))
            slope = forward_ad.unpack_dual(perturbation.loss(criterion, output, seen)).tangent
        return slope.unflatten(0, (-1, self.count)), units or ()

    def begun(self, state: State) -> Window:
        """A window that has summed nothing; slopes of units are carried by `act`."""
        if self.by == "differences":
            return super().begun(state)
        assert state.window is not None
        return self.opened(state)._replace(units=state.window.units)

    def moved(self, state: State, tried: Tried, here: Tensor, there: Tensor, t: int | Tensor) -> State:
        """One step against the mean of the slopes times their directions."""
        c = state.coefficients
        slopes = there if self.by == "jvp" else (there - here[:, None]) / c["sigma"][:, None]
        rate = c["eta"] * torch.exp(-c["decay"] * (t // self.hold))
        if self.count == 1:
            length = -rate * slopes[:, 0]
            return replace(state, weights=perturbation.only(perturbation.along(state.weights, tried.xi, length)))
        step = perturbation.weighted(-rate[:, None] * slopes / self.count, tried.xi)
        return replace(state, weights=perturbation.moved(state.weights, step))
