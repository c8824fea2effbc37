"""The learner that learners with a step of their own share: neither a formula per synapse nor trials of other weights.

A concrete one gives its coefficients and `learn`; births, outputs, descent by changes (plain or Adam), failures and views
are the same for all.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from inner.axes import fold
from inner.learners._by_name import ByName
from inner.learners._values import chosen
from inner.learners.base import KEPT, Cost, Spec
from inner.life_data import Label
from inner.networks import mlp
from inner.networks.base import ForwardRecord, Network, laid, with_ones
from inner.noise import Noise
from inner.rules.coefficient import Coefficient
from inner.sources import Told

Groups = tuple[Tensor, ...]  # a tensor per group of synapses
OPTIMISERS = ("plain", "adam")
MOMENTS = (
    Coefficient("beta1", 0.9, "linear", low=0.0, high=0.9999, fixed=True),
    Coefficient("beta2", 0.999, "linear", low=0.0, high=0.9999, fixed=True),
)
EPSILON = 1e-8


@dataclass(frozen=True)
class State:
    """N networks between two steps."""

    weights: Groups  # [N, I (+ 1), O]
    coefficients: dict[str, Tensor]  # each [N]
    spec: Spec
    noise: Noise | None  # None: a view, which only predicts
    memory: dict[str, Any] = field(default_factory=dict)  # tensors [N, ...], or tuples of them
    units: Groups = ()  # state of the units
    shown: Any = None  # what `act` leaves for `learn`

    def c(self, name: str) -> Tensor:
        """A coefficient as [N, 1, 1]."""
        return self.coefficients[name].reshape(-1, 1, 1)


@dataclass(frozen=True)
class Own(ByName):
    """Abstract: a learner that is a file of its own."""

    networks: ClassVar[tuple[type[Network], ...]] = (mlp.Network,)
    kinds: ClassVar[tuple[str, ...]] = ("classes", "values")  # of criteria
    optimiser: str = "plain"  # or adam

    def __post_init__(self) -> None:
        chosen("optimiser", self.optimiser, OPTIMISERS)
        super().__post_init__()

    @property
    def own(self) -> tuple[Coefficient, ...]:
        """The default coefficients, which may depend on options."""
        return self.defaults + (MOMENTS if self.optimiser == "adam" else ())

    def accepts(self, spec: Spec) -> str:
        """Why it cannot learn in such a life, in words; empty where it can."""
        if not isinstance(self.network, self.networks):
            known = " or ".join(each.__module__.removeprefix("inner.networks.") for each in self.networks)
            return f"it has its own way through the layers of a network: expected network {known}"
        if spec.criterion.kind not in self.kinds:
            return f"it needs targets of {' or '.join(self.kinds)}, and those of this task are of {spec.criterion.kind}"
        return self.network.accepts(spec)

    def cost_of(self, spec: Spec, passes: float) -> Cost:
        """Price of a step of so many passes, each of a multiply-add per weight, and one per weight for the update."""
        weights, units = self.weights_of(spec), sum(self.network.sizes(spec.inputs, spec.outputs))
        kept = (3.0 if self.optimiser == "adam" else 1.0) * weights
        return Cost(passes, (passes + 1.0) * weights, KEPT * units + 2.0 * kept / spec.batch, kept)

    def footprint(self, spec: Spec) -> int:
        """Weights, their changes, and moments."""
        return self.weights_of(spec) * (2 if self.optimiser == "plain" else 4)

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
        coefficients = self.named(theta)
        if born is None:
            born = [fold(w, population) for w in self.born(spec, seed, labels)]
        state = State(tuple(laid(w) for w in born), coefficients, spec, Noise.of(seed, labels, population))
        state = replace(state, units=self.network.rest(len(theta), spec.batch, spec.inputs, spec.outputs))
        memory = self.memory(state, population, seed, labels)
        return replace(state, memory=memory | (moments(self.learned(state.weights, memory)) if self.optimiser == "adam" else {}))

    def born(self, spec: Spec, seed: int, labels: Sequence[Label]) -> Sequence[Tensor]:
        """Initial weights [L, I (+ 1), O] per group."""
        return self.network.init(spec.inputs, spec.outputs, seed, labels)

    def memory(self, state: State, population: int, seed: int, labels: Sequence[Label]) -> dict[str, Any]:
        """The memory of newborn networks beside their weights: tensors [N, ...], or tuples of them."""
        return {}

    def learned(self, weights: Groups, memory: Mapping[str, Any]) -> Groups:
        """Every tensor that descends: by default the weights."""
        return weights

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """The state that remembers the forward record, and the output [N, B, O]."""
        kind = self.network.resolve_output(state.spec.criterion)
        record, units = self.network.forward(state.weights, x, kind, state.units, fresh)
        return replace(state, units=units, shown=record), record.output

    @abstractmethod
    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """The networks after one step."""

    def error(self, state: State, told: Told, output: Tensor) -> Tensor:
        """Target minus output [N, B, O], 0 where nothing is scored."""
        err = state.spec.criterion.error(output, told.y)
        return err if told.scored is None else err * told.scored.unsqueeze(-1).to(err.dtype)

    def predict(self, state: State, x: Tensor) -> Tensor:
        """Outputs [N, V, O] for x [N, V, I]."""
        return self.network.outputs(state.weights, x, self.network.resolve_output(state.spec.criterion))[0]

    def view(self, state: State, batch: int) -> State:
        """The state with units at rest, for any number of samples, that draws nothing."""
        return replace(state, units=(), noise=None, shown=None)


def moments(weights: Groups) -> dict[str, Any]:
    """Adam's moments at birth, and the powers of beta1 and beta2 that its bias is corrected by, [N, 2]."""
    zero = tuple(torch.zeros_like(w) for w in weights)
    left = torch.ones_like(weights[0].flatten(1)[:, :2])
    return {"first": zero, "second": tuple(each.clone() for each in zero), "left": left.contiguous()}


def steps(state: State, changes: Sequence[Tensor], eta: Tensor | None = None) -> tuple[Groups, dict[str, Any]]:
    """The step of every tensor that descends from its change (minus a gradient), and the memory after it.

    plain: eta g. adam (Kingma & Ba 2015, algorithm 1): eta m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + 1e-8).
    """
    eta = state.coefficients["eta"] if eta is None else eta
    if "left" not in state.memory:
        return tuple(shaped(eta, g) * g for g in changes), state.memory
    beta = torch.stack([state.coefficients["beta1"], state.coefficients["beta2"]], 1)
    left = state.memory["left"] * beta
    first, second, found = [], [], []
    for g, m, v in zip(changes, state.memory["first"], state.memory["second"]):
        beta1, beta2 = (shaped(beta[:, k], g) for k in range(2))
        m, v = torch.lerp(g, m, beta1), torch.lerp(g * g, v, beta2)
        root = (v / (1 - shaped(left[:, 1], g))).sqrt() + EPSILON
        found.append(shaped(eta, g) * m / (1 - shaped(left[:, 0], g)) / root)
        first.append(m)
        second.append(v)
    return tuple(found), state.memory | {"first": tuple(first), "second": tuple(second), "left": left}


def descended(state: State, changes: Sequence[Tensor]) -> State:
    """The state whose weights have taken the step of `changes`, [N, I (+ 1), O] per group."""
    moves, memory = steps(state, changes)
    return replace(state, weights=tuple(w + dw for w, dw in zip(state.weights, moves)), memory=memory, shown=None)


def shaped(value: Tensor, like: Tensor) -> Tensor:
    """[N] as [N, 1, ...] for a tensor [N, ...]."""
    return value.reshape(-1, *[1] * (like.dim() - 1))


def outer(pre: Tensor, err: Tensor) -> Tensor:
    """Mean over samples of pre err, [N, B, I] and [N, B, O] -> [N, I, O]."""
    return torch.bmm(pre.transpose(1, 2), err) / pre.shape[1]


def back(err: Tensor, w: Tensor, units: int) -> Tensor:
    """err W^T without the bias row: [N, B, O] and [N, I (+ 1), O] -> [N, B, I]."""
    return torch.bmm(err, w[:, :units].transpose(1, 2))


def extended(network: Network, signal: Tensor) -> Tensor:
    """A signal [N, B, I] with the unit of the biases, where the network has them."""
    return with_ones(signal) if network.bias else signal


def slopes(network: Network, record: ForwardRecord) -> list[Tensor]:
    """d post / d drive [N, B, units] of every hidden layer."""
    from inner.activations import activation

    slope = activation(network.activation).slope
    return [slope(drive, post) for drive, post in zip(record.drive[:-1], record.post[:-1])]
