"""Settings: task, network and length of a life; their distribution, and the lifetimes drawn from it.

All candidates of one generation share their lifetimes (common random numbers); generations differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from inner.components import build, load, options_of
from inner.learners.base import Spec
from inner.networks.base import Network
from inner.random import stream
from inner.rules import sharing
from inner.rules.coefficient import Coefficient
from inner.tasks.base import Label, Task
from outer import draws
from outer.mixture import Mixture, TaskSpec

Range = tuple[float, float]


def network_fields(options: Mapping[str, Any]) -> draws.Fields:
    """The options that the network of a config takes, by name."""
    return options_of(load("network", str(options.get("name", "mlp"))))


def network_of(options: Mapping[str, Any], hidden: tuple[int, ...]) -> Network:
    """The network of a config: a multilayer perceptron unless it has a `name`; `hidden` for those that have such layers."""
    spec = {"name": "mlp", **options}
    shaped = "hidden" in options_of(load("network", spec["name"]))
    return cast(Network, build("network", {**spec, "hidden": hidden} if shaped else spec))


@dataclass(frozen=True)
class Setting:
    """A task, a network and a length: several lifetimes run in it in lockstep."""

    task: Task
    network: Network
    steps: int
    batch: int
    labels: tuple[Label, ...]  # one per lifetime
    tier: str = "search"
    until: int | None = None  # stop after this many of the steps; None: live to the end

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of every layer of synapses."""
        return self.network.shapes(self.task.inputs, self.task.outputs)

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of every hidden layer."""
        return self.network.sizes(self.task.inputs, self.task.outputs)[1:-1]

    @property
    def spec(self) -> Spec:
        """Sizes and meaning of what is learned here."""
        task = self.task
        return Spec(
            task.inputs, task.outputs, task.criterion, self.steps, self.batch, task.sequences or task.environment,
            task.compiled,
        )  # fmt: skip


@dataclass(frozen=True)
class Distribution:
    """A distribution of settings: a pair (low, high) is drawn evenly per setting (`draws.Log`: log-evenly), a single
    value is kept. Options of tasks and of the network may be ranges and choices too, see `draws.py`."""

    task: TaskSpec  # name and options, or a list of those with weights
    depth: tuple[int, int] = (1, 1)  # hidden layers
    width: tuple[int, int] = (32, 32)  # units of every hidden layer
    steps: tuple[int, int] = (300, 300)
    batch: int | Sequence[int] | Mapping[str, Any] = 1  # samples per step, or a range or choice as in `draws.py`
    scale: Range | None = None  # of the inputs, log-uniform
    network: Mapping[str, Any] = field(default_factory=dict)  # name (default mlp) and further options of the network
    hidden: tuple[int, ...] | None = None  # exact widths; replaces depth and width
    common: Mapping[str, Any] = field(default_factory=dict)  # options of all tasks, such as power and noise

    @cached_property
    def mixture(self) -> Mixture:
        """The tasks that worlds are drawn from."""
        return Mixture(self.task, tuple(self.common.items()))

    def world(self, k: int, tier: str, seed: int, *address: str | int) -> tuple[Task, Network, int, int]:
        """Entry k of the tasks, a network, a number of steps and of samples per step, drawn at an address."""
        rng = stream(seed, "world", tier, *address)
        depth, width = (int(rng.integers(low, high + 1)) for low, high in (self.depth, self.width))
        steps = int(rng.integers(self.steps[0], self.steps[1] + 1))
        position = rng.random()

        def own(name: str, value: Any, otherwise: int) -> int:
            """A number that has a stream of its own, so that what is drawn of others stays as it is."""
            held = draws.spread(value, name, whole=True)
            return otherwise if held is None else int(held.at(stream(seed, "drawn", tier, *address, name).random()))

        depth, width, steps = (
            own(name, value, drawn) if isinstance(value, draws.Log) else drawn
            for name, value, drawn in (
                ("depth", self.depth, depth),
                ("width", self.width, width),
                ("steps", self.steps, steps),
            )
        )
        scaled = {}
        if self.scale is not None:
            low, high = self.scale
            scaled["scale"] = round(float(low * (high / low) ** position), 4)
        task = self.mixture.task(k, seed, tier, *address, **scaled)
        options = draws.drawn(network_fields(self.network), self.network, "network", seed, tier, *address, "network")
        batch = own("batch", self.batch, cast(int, self.batch))
        return task, network_of(options, self._widths(depth, width)), steps, batch

    def _widths(self, depth: int, width: int) -> tuple[int, ...]:
        """So many hidden layers of this width, or the exact widths where they are given."""
        return self.hidden if self.hidden is not None else (width,) * depth

    def _sizes(self) -> set[tuple[tuple[int, ...], tuple[tuple[int, int], ...]]]:
        """Units per layer, and the shapes of synapses, at the ends of all options, for the least depth and width."""
        widths, found = self._widths(self.depth[0], self.width[0]), set()
        for options in draws.ends(network_fields(self.network), self.network, "network"):
            network = network_of(options, widths)
            found |= {(network.sizes(*io), network.shapes(*io)) for io in self.mixture.sizes}
        return found

    def shape(self) -> tuple[int, ...] | None:
        """Units per layer, input and output included; None where networks of several shapes are drawn."""
        if self.hidden is None and (self.depth[0] != self.depth[1] or self.width[0] != self.width[1]):
            return None
        sizes = self._sizes()
        return next(iter(sizes))[0] if len(sizes) == 1 else None

    def counts(self, coefficients: Sequence[Coefficient]) -> tuple[int, ...]:
        """Number of values of each coefficient.

        Raises ValueError where a coefficient has a value per layer or unit and networks of several shapes are drawn.
        """
        shared = next((c for c in coefficients if c.share != "rule"), None)
        if shared is None:
            return (1,) * len(coefficients)
        needs = f"rule.coefficients.{shared.name}: share '{shared.share}' needs networks of one shape"
        for name, (low, high) in (("depth", self.depth), ("width", self.width)):
            needed = name == "depth" or any(c.share not in ("rule", "layer") for c in coefficients)
            if self.hidden is None and low != high and needed:
                raise ValueError(f"{needs}; expected one network.{name} (or network.hidden), got {low} to {high}")
        found = {tuple(sharing.count(c, shapes) for c in coefficients) for _, shapes in self._sizes()}
        if len(found) != 1:
            raise ValueError(f"{needs}; expected tasks of one size, got several: {self.mixture.title}")
        return found.pop()

    def settings(self, tier: str, seed: int, address: Label, lifetimes: int, shapes: int) -> tuple[Setting, ...]:
        """`lifetimes` lives in `shapes` different worlds, drawn from the stream (seed, "world", tier, *address)."""
        shapes = min(shapes, lifetimes)
        labels = [(tier, *address, n) for n in range(lifetimes)]
        return tuple(
            self.setting(k, tier, seed, address, g, tuple(labels[g::shapes]))
            for g, k in enumerate(self.mixture.shared_out(shapes, tier, seed, address))
        )

    def setting(self, k: int, tier: str, seed: int, address: Label, g: int, labels: tuple[Label, ...]) -> Setting:
        """World g at an address, with entry k of the tasks."""
        task, network, steps, batch = self.world(k, tier, seed, *address, g)
        return Setting(task, network, steps, batch, labels, tier)


def networks(settings: Sequence[Setting]) -> int:
    """Lifetimes in all settings together."""
    return sum(len(setting.labels) for setting in settings)
