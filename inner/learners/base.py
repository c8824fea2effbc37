"""The interface of a learner: it trains N networks side by side, given the coefficients of each.

    state = init(...);  state, output = act(state, x);  state = learn(state, told)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from inner.components import Plain
from inner.life.states import map_all, tensors_of
from inner.life_data import Label
from inner.networks.base import Network
from inner.papers import cited_in
from inner.rules.coefficient import Coefficient
from inner.rules.rule import Rule
from inner.rules.sharing import flat
from inner.sources import Told
from inner.spec import Spec as Spec

# the classes of knowledge that a synapse may need, from what it holds itself to what must be carried to it
KNOWLEDGE = (
    "local", "layer", "network", "transported weights", "global loss", "two phases", "stored activity",
)  # fmt: skip


KEPT = 8.0  # numbers per unit and sample: input, drive, activity, slope, error, and what is made of them


@dataclass(frozen=True)
class Cost:
    """Price of one step of one network and one sample, and what the network keeps between steps."""

    passes: float  # forward passes; a backward pass counts as one
    multiply_adds: float
    floats: float  # that must be kept while the step is computed
    state: float = 0.0  # floats that a network keeps from step to step, whatever the number of samples


@dataclass(frozen=True)
class Example:
    """A life in which a learner learns, for tests and for `metalearn list learners`."""

    options: Mapping[str, Any] = field(default_factory=dict)  # of the learner
    task: Mapping[str, Any] = field(default_factory=lambda: {"name": "digits"})
    network: Mapping[str, Any] = field(default_factory=lambda: {"name": "mlp", "hidden": (16,)})
    steps: int = 300
    batch: int = 8


class Learner(ABC):
    """Trains networks of one kind; a concrete learner is a frozen dataclass, its state a value that a step replaces.

    Its fields are its options in a config, `network` apart, which the setting gives.
    """

    network: Network
    example: ClassVar[Example] = Example()

    @property
    @abstractmethod
    def coefficients(self) -> tuple[Coefficient, ...]:
        """The numbers that a search may move, in the order of the columns of theta [N, D]."""

    @property
    def formula(self) -> Rule | None:
        """The rule of this learner: its formula, LaTeX, locality and C; None where it has none."""
        return None

    @property
    def lives_as(self) -> Learner:
        """The learner that engines are given in its place: the same lives. By default itself."""
        return self

    @property
    def name(self) -> str:
        """The name of the component: the file's name in inner/learners, or a dotted module."""
        return type(self).__module__.removeprefix("inner.learners.")

    @property
    def knows(self) -> frozenset[str]:
        """The knowledge that a synapse needs to change as this learner changes it: members of KNOWLEDGE."""
        return frozenset({"local"})

    @property
    def source(self) -> str:
        """The papers that it comes from: by default those that its module's first lines name in brackets."""
        return cited_in(self)

    def on(self, network: Network) -> Learner:
        """The same learner on another network."""
        return replace(self, network=network)  # type: ignore[type-var]

    def with_coefficients(self, coefficients: Sequence[Coefficient]) -> Learner:
        """The same learner with other initial values, bounds or fixed numbers, given through its option `values`."""
        return replace(self, values={c.name: c.to_dict() for c in coefficients})  # type: ignore[type-var]

    def accepts(self, spec: Spec) -> str:
        """Why this learner cannot learn on its network in such a life, in words; empty where it can."""
        return self.network.accepts(spec)

    def text(self, values: Mapping[str, Any]) -> str:
        """One printed line: the learner with the values of its coefficients."""
        shown = ", ".join(f"{name} {value:.3g}" for name, value in values.items() if isinstance(value, int | float))
        return f"{self.name.replace('_', ' ')}: {shown}" if shown else self.name.replace("_", " ")

    def plain(self) -> Plain:
        """`{name: ..., option: ...}` in plain JSON types, from which `components.build` makes the same learner."""
        made: Plain = {"name": self.name}
        for option in fields(self):  # type: ignore[arg-type]
            if option.name != "network":
                value = getattr(self, option.name)
                made[option.name] = dict(value) if isinstance(value, Mapping) else value
        return made

    def flat(self, values: Mapping[str, Any], spec: Spec) -> Any:
        """One row of theta [D] (float64 array) from values by name. Raises ValueError for those of another network."""
        return flat(self.coefficients, values, self.network.shapes(spec.inputs, spec.outputs))

    def weights_of(self, spec: Spec) -> int:
        """W, the weights of one network."""
        return sum(i * o for i, o in self.network.shapes(spec.inputs, spec.outputs))

    def cost(self, spec: Spec) -> Cost:
        """Price of a step: by default a forward pass, a backward pass and an update."""
        weights = self.weights_of(spec)
        units = sum(self.network.sizes(spec.inputs, spec.outputs))
        return Cost(2.0, 3.0 * weights, KEPT * units + weights / spec.batch, 2.0 * weights)

    def footprint(self, spec: Spec) -> int:
        """Floats one network touches per step; sets the block size. 0: never split the population."""
        return 0

    @abstractmethod
    def init(
        self,
        spec: Spec,
        theta: Tensor,
        population: int,
        seed: int,
        labels: Sequence[Label],
        born: Sequence[Tensor] | None = None,
    ) -> Any:
        """Newborn networks: N = population * len(labels), n = candidate * L + lifetime; theta [N, D].

        born: initial weights [N, I (+ 1), O] per group of synapses that evolution gave; None: drawn at (seed, label).
        """

    @abstractmethod
    def act(self, state: Any, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[Any, Tensor]:
        """The state that remembers what `learn` will need, and the output [N, B, O] for x [N, B, I].

        fresh: bool [N, B], samples that begin a sequence; None: every sample stands alone.
        """

    @abstractmethod
    def learn(self, state: Any, told: Told, t: int | Tensor, into: bool = False) -> Any:
        """The state after learning from what was told of the last output. into: the old tensors may be overwritten."""

    @abstractmethod
    def predict(self, state: Any, x: Tensor) -> Tensor:
        """Outputs [N, V, O] for x [N, V, I] of networks at rest, without exploration."""

    def predict_sequences(self, state: Any, x: Tensor, fresh: Tensor) -> Tensor:
        """Outputs [N, K * S, O] for the K ticks of S sequences, x [N, K * S, I] tick by tick, fresh bool [K, S]."""
        seen, outputs = self.view(state, fresh.shape[1]), []
        for tick, part in enumerate(x.split(fresh.shape[1], 1)):
            seen, output = self.act(seen, part, fresh[tick].expand(len(x), -1), tick)
            outputs.append(output)
        return torch.cat(outputs, 1)

    def view(self, state: Any, batch: int) -> Any:
        """The state with units at rest for `batch` samples and without exploration: for tests."""
        return state

    def step(self, state: Any, x: Tensor, y: Tensor, t: int | Tensor = 0) -> tuple[Any, Tensor]:
        """`learn` after `act`, for samples that stand alone: x [N, B, I], targets y [N, B, O]; state, output [N, B, O]."""
        state, output = self.act(state, x, None, t)
        return self.learn(state, Told(y), t), output

    def alive(self, state: Any) -> Tensor:
        """bool [N]: False for networks that have left the finite range."""
        found = [tensor.sum(tuple(range(1, tensor.dim()))).isfinite() for tensor in self.moving(state)]
        return torch.stack(found).all(0)

    def moving(self, state: Any) -> list[Tensor]:
        """The tensors [N, ...] whose values tell whether a network is still in the finite range."""
        return [tensor for tensor in tensors_of(state) if tensor.is_floating_point()]

    def freeze(self, state: Any, alive: Tensor) -> Any:
        """The state with 0 in every floating tensor [N, ...] of networks that are not alive [N]; the others keep their bits."""

        def rest(tensor: Tensor) -> Tensor:
            if not tensor.is_floating_point():
                return tensor
            return torch.where(alive.reshape(-1, *[1] * (tensor.dim() - 1)), tensor, torch.zeros_like(tensor))

        return map_all(rest, state)

    def with_theta(self, state: Any, theta: Tensor) -> Any:
        """The same networks under other coefficients theta [N, D], in the middle of a life.

        Raises ValueError where a learner keeps no coefficients apart from what it has learned.
        """
        raise ValueError(f"learner: '{self.name}' cannot change its coefficients in the middle of a life")
