"""Settings: task, network and length of a life; their distribution, and the lifetimes drawn from it.

All candidates of one generation share their lifetimes (common random numbers); generations differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from inner.components import build, load, options_of
from inner.learners.base import Spec
from inner.networks.base import Network
from inner.random import stream
from inner.rules import sharing
from inner.rules.coefficient import Coefficient
from inner.tasks.base import Label, Task

Range = tuple[float, float]


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
            task.inputs, task.outputs, task.criterion, self.steps, self.batch, task.sequences or task.environment
        )


@dataclass(frozen=True)
class Distribution:
    """A distribution of settings: a pair (low, high) is drawn evenly per setting, a single value is kept."""

    task: Mapping[str, Any]  # name and options
    depth: tuple[int, int] = (1, 1)  # hidden layers
    width: tuple[int, int] = (32, 32)  # units of every hidden layer
    steps: tuple[int, int] = (300, 300)
    batch: int = 1
    scale: Range | None = None  # of the inputs, log-uniform
    network: Mapping[str, Any] = field(default_factory=dict)  # name (default mlp) and further options of the network
    hidden: tuple[int, ...] | None = None  # exact widths; replaces depth and width

    def draw(self, rng: np.random.Generator) -> tuple[Task, Network, int]:
        """Draw a task, a network and a number of steps."""
        depth, width = (int(rng.integers(low, high + 1)) for low, high in (self.depth, self.width))
        steps = int(rng.integers(self.steps[0], self.steps[1] + 1))
        position = rng.random()
        options = dict(self.task)
        if self.scale is not None:
            low, high = self.scale
            options["scale"] = round(float(low * (high / low) ** position), 4)
        return cast(Task, build("task", options)), self._network(depth, width), steps

    def _network(self, depth: int, width: int) -> Network:
        """A network of so many hidden layers of this width, or of the exact widths where they are given."""
        return network_of(self.network, self.hidden if self.hidden is not None else (width,) * depth)

    def shape(self) -> tuple[int, ...] | None:
        """Units per layer, input and output included; None where networks of several shapes are drawn."""
        if self.hidden is None and (self.depth[0] != self.depth[1] or self.width[0] != self.width[1]):
            return None
        task = cast(Task, build("task", dict(self.task)))
        return self._network(self.depth[0], self.width[0]).sizes(task.inputs, task.outputs)

    def counts(self, coefficients: Sequence[Coefficient]) -> tuple[int, ...]:
        """Number of values of each coefficient.

        Raises ValueError where a coefficient has a value per layer or unit and networks of several shapes are drawn.
        """
        shared = next((c for c in coefficients if c.share != "rule"), None)
        if shared is None:
            return (1,) * len(coefficients)
        for name, (low, high) in (("depth", self.depth), ("width", self.width)):
            needed = name == "depth" or any(c.share not in ("rule", "layer") for c in coefficients)
            if self.hidden is None and low != high and needed:
                raise ValueError(
                    f"rule.coefficients.{shared.name}: share '{shared.share}' needs networks of one shape; "
                    f"expected one network.{name} (or network.hidden), got {low} to {high}"
                )
        task = cast(Task, build("task", dict(self.task)))
        setting = Setting(task, self._network(self.depth[0], self.width[0]), 1, 1, ())
        return tuple(sharing.count(c, setting.shapes) for c in coefficients)

    def settings(self, tier: str, seed: int, address: Label, lifetimes: int, shapes: int) -> tuple[Setting, ...]:
        """`lifetimes` lives in `shapes` different worlds, drawn from the stream (seed, "world", tier, *address)."""
        shapes = min(shapes, lifetimes)
        labels = [(tier, *address, n) for n in range(lifetimes)]
        settings = []
        for g in range(shapes):
            task, network, steps = self.draw(stream(seed, "world", tier, *address, g))
            settings.append(Setting(task, network, steps, self.batch, tuple(labels[g::shapes]), tier))
        return tuple(settings)


def networks(settings: Sequence[Setting]) -> int:
    """Lifetimes in all settings together."""
    return sum(len(setting.labels) for setting in settings)
