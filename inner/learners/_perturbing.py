"""The learner that all perturbation learners share: it tries other weights on the samples of a step, and moves by the losses.

A concrete one gives its coefficients, the weights that it tries and the move that follows from their losses. With `hold`
above 1 the same weights are tried for that many steps, each with units of its own, and their mean losses decide: so a
recurrent network learns from whole trials (`hold` = the length of a trial).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from inner.axes import fold
from inner.learners import _perturbation as perturbation
from inner.learners._by_name import ByName
from inner.learners._perturbation import Shown, State, Tried, Window
from inner.learners._values import whole
from inner.learners.base import KEPT, Cost, Spec
from inner.life_data import Label
from inner.networks.base import laid
from inner.noise import Noise
from inner.sources import Told

DRAWN = 28.0  # numbers per weight and trial: a direction, weights along it, integers of 64 bits that it is drawn from


@dataclass(frozen=True)
class Perturbing(ByName):
    """Abstract: a learner that compares the losses of the same samples under several weights."""

    hold: int = 1  # steps for which the same weights are tried

    def __post_init__(self) -> None:
        whole("hold", self.hold)
        super().__post_init__()

    @property
    def trials(self) -> int:
        """K, the weights that are tried beside the network's own."""
        return 1

    @abstractmethod
    def tried(self, state: State, t: int | Tensor) -> Tried:
        """The weights to try from step t on, [N, K, I (+ 1), O] per group; the same at every call until they are judged."""

    @abstractmethod
    def moved(self, state: State, tried: Tried, here: Tensor, there: Tensor, t: int | Tensor) -> State:
        """The networks after they were judged: losses here [N] and there [N, K]; t as in `tried`."""

    def memory(self, state: State) -> dict[str, Tensor]:
        """What newborn networks remember, each [N, ...]."""
        return {}

    def born(self, state: State) -> State:
        """Newborn networks with what they learn by in place of the weights that were drawn: by default the same."""
        return state

    @property
    def knows(self) -> frozenset[str]:
        """Its own part of a direction, and the loss of the whole network in two passes."""
        return frozenset({"local", "global loss", "two phases"})

    def accepts(self, spec: Spec) -> str:
        """Why it cannot learn in such a life, in words; empty where it can."""
        if not spec.criterion.supervised:
            return "it compares the losses of the same samples under other weights, and this task gives no targets"
        return self.network.accepts(spec)

    def cost(self, spec: Spec) -> Cost:
        """A forward pass for the output and one per trial; a multiply-add per weight for each trial and for the update."""
        weights, passes = self.weights_of(spec), 1 + self.trials
        units = sum(self.network.sizes(spec.inputs, spec.outputs)) * passes
        kept = KEPT * units + DRAWN * weights * max(1, self.trials) / spec.batch
        remembers = type(self).memory is not Perturbing.memory
        return Cost(float(passes), weights * (passes + passes / spec.batch), kept, weights * (1.0 + remembers))

    def footprint(self, spec: Spec) -> int:
        """Weights, directions and trial weights."""
        return self.weights_of(spec) * (1 + 2 * max(1, self.trials))

    def init(
        self,
        spec: Spec,
        theta: Tensor,
        population: int,
        seed: int,
        labels: Sequence[Label],
        born: Sequence[Tensor] | None = None,
    ) -> State:
        """Newborn networks [N]. Raises ValueError for theta of another length."""
        coefficients, network = self.named(theta), self.network
        if born is None:
            born = [fold(w, population) for w in network.init(spec.inputs, spec.outputs, seed, labels)]
        weights, noise = tuple(laid(w) for w in born), Noise.of(seed, labels, population)
        units = network.rest(len(weights[0]), spec.batch, spec.inputs, spec.outputs)
        state = State(weights, coefficients, spec, units, noise)
        state = self.born(replace(state, memory=self.memory(state)))
        if self.hold == 1:
            return state
        return replace(state, window=self.opened(state))

    def opened(self, state: State) -> Window:
        """A window that has seen nothing."""
        zero = torch.zeros_like(state.weights[0][:, 0, 0])
        many = zero[:, None].expand(-1, self.trials).clone()
        units = tuple(torch.zeros_like(perturbation.repeated(each, self.trials)) for each in state.units)
        return Window(zero, many, zero.clone(), units)

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """The state that remembers the step, and the output [N, B, O] under the weights themselves."""
        kind = self.network.resolve_output(state.spec.criterion)
        output, units = self.network.outputs(self.used(state), x, kind, state.units, fresh)
        return replace(state, units=units, shown=Shown(x, output, state.units, fresh)), output

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """The networks after this step; those whose window is not over keep their weights."""
        assert state.shown is not None
        start = t - t % self.hold
        tried = self.tried(state, start)
        here = perturbation.loss(state.spec.criterion, state.shown.output, told)
        if state.window is None:
            there, _ = self.judged(state, tried, told, None)
            return replace(self.moved(state, tried, here, there, start), shown=None)
        first, last = t == start, (t + 1) % self.hold == 0
        was = perturbation.either(first, self.begun(state), state.window)
        there, units = self.judged(state, tried, told, was.units)
        steps = torch.ones_like(here) if told.scored is None else told.scored.any(1).to(here.dtype)
        now = Window(was.here + here, was.there + there, was.steps + steps, units)
        state = replace(state, window=now, shown=None)
        if last is False:
            return state
        count = now.steps.clamp(min=1.0)
        after = self.moved(state, tried, now.here / count, now.there / count[:, None], start)
        return perturbation.either(last, after, state)

    def begun(self, state: State) -> Window:
        """A window whose trials start from where the network's own units were before this step."""
        assert state.shown is not None and state.window is not None
        empty = self.opened(state)
        return empty._replace(units=tuple(perturbation.repeated(each, self.trials) for each in state.shown.units))

    def judged(
        self, state: State, tried: Tried, told: Told, units: perturbation.Groups | None
    ) -> tuple[Tensor, perturbation.Groups]:
        """Losses [N, K] of this step under the tried weights, and what their units did."""
        if not self.trials:
            assert state.shown is not None
            return state.shown.x.new_zeros(len(state.shown.x), 0), units or ()
        return perturbation.losses(self.network, state, tried.weights, told, units)

    def used(self, state: State) -> perturbation.Groups:
        """The weights that the network works with, per group [N, I (+ 1), O]."""
        return state.weights

    def predict(self, state: State, x: Tensor) -> Tensor:
        """Outputs [N, V, O] for x [N, V, I]."""
        output = self.network.resolve_output(state.spec.criterion)
        return self.network.outputs(self.used(state), x, output)[0]

    def view(self, state: State, batch: int) -> State:
        """The state with units at rest, for any number of samples, that draws nothing."""
        return replace(state, units=(), noise=None, window=None, shown=None, guide=None)
