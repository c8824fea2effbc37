"""REINFORCE on whole episodes: what raised the return becomes more probable (Williams 1992; baseline per step as in Greensmith 2004).

    g = sum over episodes and steps t of (G_t - b_t) d log pi(a_t) / dW,   G_t = sum_s>=t gamma^(s - t) r_s,   W <- W + Adam(g)

for the B episodes that a network plays side by side; the step is taken when the last of them is over. With the trace
e <- gamma e + d log pi / dW the sum is that of r_t e_t - b_t d log pi_t / dW, so that no trajectory is kept. b_t is the mean
return from step t on of the batch before, which does not depend on this one: the estimate is without bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from inner.activations import activation
from inner.axes import fold
from inner.learners._by_name import Listed
from inner.learners._values import whole
from inner.learners.base import Cost, Example, Spec
from inner.life_data import Label
from inner.networks import mlp
from inner.networks.base import ForwardRecord, laid
from inner.rules.coefficient import Coefficient
from inner.sources import Told

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # of Adam (Kingma & Ba 2015)
Layers = tuple[Tensor, ...]


@dataclass(frozen=True)
class State:
    """N networks in the middle of B episodes each."""

    weights: Layers  # [N, I (+ 1), O] per layer
    traces: Layers  # [N, B, I (+ 1), O] per layer
    sums: Layers  # [N, I (+ 1), O] per layer, of the batch so far
    first: Layers  # Adam's moments
    second: Layers
    rewards: Tensor  # [N, B, H] of this batch, by the step of the episode
    baseline: Tensor  # [N, H]
    clock: Tensor  # int64 [N, B] steps of the episode
    open: Tensor  # bool [N, B] episodes of this batch that go on
    updates: Tensor  # [N] steps taken
    coefficients: Tensor  # [N, 2]
    record: ForwardRecord | None = None


@dataclass(frozen=True)
class Learner(Listed):
    """On a multilayer perceptron whose outputs are preferences; an episode lasts at most `limit` steps."""

    example: ClassVar[Example] = Example(
        {"values": {"eta": 0.05}}, {"name": "cart_pole", "together": True}, {"name": "mlp", "hidden": (8,)}, 1200, 8
    )
    defaults: ClassVar[tuple[Coefficient, ...]] = (
        Coefficient("eta", 0.03, "log"),
        Coefficient("gamma", 0.99, "linear", 0.02, 0.0, 1.0, fixed=True),
    )
    limit: int = 500  # H
    batches: int = 0  # after which nothing changes any more; 0: never

    def __post_init__(self) -> None:
        whole("limit", self.limit)
        whole("batches", self.batches, 0)
        super().__post_init__()

    @property
    def knows(self) -> frozenset[str]:
        """Hidden units are told of the choice through the weights above them."""
        return frozenset({"local", "layer", "transported weights"})

    def accepts(self, spec: Spec) -> str:
        """Choices that are rewarded, on a multilayer perceptron."""
        if spec.criterion.kind != "reward" or not spec.criterion.choice:
            return "REINFORCE learns from rewarded choices alone"
        if type(self.network) is not mlp.Network:
            return "REINFORCE learns on a multilayer perceptron"
        return self.network.accepts(spec)

    def cost(self, spec: Spec) -> Cost:
        """A trace per weight and episode."""
        weights = self.weights_of(spec)
        kept = weights * (4.0 + spec.batch) + self.limit * (spec.batch + 1.0) + 2.0 * spec.batch
        return Cost(2.0, 5.0 * weights, 8.0 * weights, kept)

    def init(
        self,
        spec: Spec,
        theta: Tensor,
        population: int,
        seed: int,
        labels: Sequence[Label],
        born: Sequence[Tensor] | None = None,
    ) -> State:
        """Newborn networks; no episode has begun."""
        if born is None:
            born = [fold(w, population) for w in self.network.init(spec.inputs, spec.outputs, seed, labels)]
        weights = tuple(laid(w) for w in born)
        zeros = tuple(torch.zeros_like(w) for w in weights)
        traces = tuple(w.new_zeros(len(w), spec.batch, *w.shape[1:]) for w in weights)
        n = len(weights[0])
        clock = torch.zeros(n, spec.batch, dtype=torch.int64, device=theta.device)
        rewards = theta.new_zeros(n, spec.batch, self.limit)
        return State(
            weights, traces, zeros, zeros, zeros, rewards, rewards[:, 0] * 0, clock, clock == 0, theta.new_zeros(n), theta
        )  # fmt: skip

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """Preferences [N, B, O]."""
        record, _ = self.network.forward(state.weights, x, "linear")
        return replace(state, record=record), record.output

    def scores(self, state: State, action: Tensor) -> list[Tensor]:
        """d log pi(action) / dW of every sample, [N, B, I (+ 1), O] per layer."""
        assert state.record is not None
        record, unit = state.record, activation(self.network.activation)
        delta, found = action - record.output.softmax(-1), []
        for k in range(len(state.weights) - 1, -1, -1):
            found.append(record.pre[k].unsqueeze(-1) * delta.unsqueeze(-2))
            if k:
                back = torch.bmm(delta, state.weights[k][:, : record.post[k - 1].shape[-1]].transpose(1, 2))
                delta = back * unit.slope(record.drive[k - 1], record.post[k - 1])
        return found[::-1]

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """The sums after this step; where all episodes of a network are over, its step of Adam."""
        assert told.action is not None and told.reward is not None
        going = state.open if told.scored is None else state.open & told.scored
        live = going.to(told.reward.dtype)  # [N, B]
        eta, gamma = state.coefficients[:, 0], state.coefficients[:, 1]
        at = state.clock.clamp(max=self.limit - 1)[..., None]
        reward = told.reward[..., 0] * live
        rewards = state.rewards.scatter_add(2, at, reward[..., None])
        base_line = state.baseline.gather(1, at[..., 0]) * live
        wide = live[..., None, None]
        traces, sums = [], []
        for trace, total, score in zip(state.traces, state.sums, self.scores(state, told.action)):
            trace = gamma.reshape(-1, 1, 1, 1) * trace + score * wide
            earned = reward[..., None, None] * trace - base_line[..., None, None] * score
            traces.append(trace)
            sums.append(total + earned.sum(1))
        ends = torch.ones_like(going) if told.ends is None else told.ends
        still = state.open & ~(ends & going)
        clock = state.clock + going
        over = ~still.any(1)  # [N]
        learns = over if not self.batches else over & (state.updates < self.batches)
        count = state.updates + over.to(eta.dtype)
        weights, first, second = [], [], []
        for w, total, m, v in zip(state.weights, sums, state.first, state.second):
            m2, v2 = BETA1 * m + (1 - BETA1) * total, BETA2 * v + (1 - BETA2) * total**2
            n = count.clamp(min=1.0).reshape(-1, 1, 1)
            step = (m2 / (1 - BETA1**n)) / (torch.sqrt(v2 / (1 - BETA2**n)) + EPSILON)
            weights.append(where(learns, w + eta.reshape(-1, 1, 1) * step, w))
            first.append(where(over, m2, m))
            second.append(where(over, v2, v))
        fresh = still | over[:, None]
        rest = tuple(where(over, torch.zeros_like(total), total) for total in sums)
        return State(
            tuple(weights), tuple(where(over, torch.zeros_like(e), e) for e in traces), rest, tuple(first), tuple(second),
            where(over, torch.zeros_like(rewards), rewards), where(over, returns(rewards, clock, gamma), state.baseline),
            where(over, torch.zeros_like(clock), clock), fresh, count, state.coefficients,
        )  # fmt: skip

    def predict(self, state: State, x: Tensor) -> Tensor:
        """Preferences [N, V, O] for x [N, V, I]."""
        return self.network.forward(state.weights, x, "linear")[0].output

    def moving(self, state: State) -> list[Tensor]:
        """The weights, and the rate and discount that change them."""
        return [*state.weights, state.coefficients]

    def freeze(self, state: State, alive: Tensor) -> State:
        """As every learner does it; what a pass has left is forgotten."""
        frozen: State = super().freeze(replace(state, record=None), alive)
        return frozen


def where(which: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """yes for the networks [N] that are chosen, else no."""
    return torch.where(which.reshape(-1, *[1] * (yes.dim() - 1)), yes, no)


def returns(rewards: Tensor, lengths: Tensor, gamma: Tensor) -> Tensor:
    """Mean return [N, H] from each step on, of the episodes [N, B, H] of these lengths [N, B] that reached it; else 0."""
    steps = torch.arange(rewards.shape[2], device=rewards.device)
    reached = (steps < lengths[..., None]).to(rewards.dtype)
    power = gamma.double().reshape(-1, 1, 1) ** steps
    total = (rewards.double() * power).flip(2).cumsum(2).flip(2) / power.clamp(min=1e-200)
    found: Tensor = (total * reached).sum(1) / reached.sum(1).clamp(min=1)
    return found.to(rewards.dtype)
