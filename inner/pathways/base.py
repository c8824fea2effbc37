"""The interface of a feedback pathway: how errors, targets or rewards reach the units of a layer.

Layers of units are counted from the input, 0. A pathway may hold weights of its own, and train them. An option that it
lists in `rates` is a number, or the name of a coefficient of the rule, which a search then moves.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from inner.activations import activation
from inner.components import suggest
from inner.criteria import Criterion
from inner.life_data import Label
from inner.networks.base import ForwardRecord, Network, output_units
from inner.noise import Noise
from inner.papers import cited_in
from inner.random import stream
from inner.rules.coefficient import Coefficient
from inner.spec import Spec

SITE = 2**17  # of the draws of pathways: layer k of units draws at SITE + k, a second kind of number at 2 * SITE + k
Rate = float | str  # a number, or the name of a coefficient
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Delivery(NamedTuple):
    """The view of a pathway that is asked for the feedback of a layer of units."""

    own: Sequence[Tensor]  # the pathway's own weights, each [N, ...]
    weights: Sequence[Tensor]  # [N, units of layer k, units of layer k + 1] per k, bias rows removed
    err: dict[int, Tensor]  # deltas [N, B, units] of the layers above, so far
    err_out: Tensor  # target - output [N, B, O]
    reward: Tensor  # [N, B, 1]
    record: ForwardRecord
    y: Tensor | None  # targets [N, B, O]
    noise: Sequence[Tensor] | None  # drive noise [N, B, units] per layer of units above the input
    t: int | Tensor  # the step
    network: Network
    criterion: Criterion
    feedback: dict[int, Tensor]  # as `err`, before the slope
    forward: Sequence[int] = ()  # per layer of units, the group of synapses that leads to the next one; (): that of its number
    lowest: int = 0  # the lowest layer of units that is asked: 1 where no rule reads the errors of inputs
    scored: Tensor | None = None  # 1 or 0 [N, B, 1]: what has neither error nor target
    coefficients: Mapping[str, Tensor] = NOTHING  # of the rule, [N, 1, 1]
    luck: Noise | None = None  # of a pathway that `draws`

    @property
    def top(self) -> int:
        """The layer of output units."""
        return len(self.weights)

    def number(self, rate: Rate) -> float | Tensor:
        """The value of an option: a number, or a coefficient [N, 1, 1]."""
        return self.coefficients[rate] if isinstance(rate, str) else rate

    def group(self, k: int) -> int:
        """The group of synapses that leads to layer k of units from the one below."""
        return self.forward[k - 1] if self.forward else k - 1

    def drive(self, k: int) -> Tensor:
        """Drives [N, B, units] of layer k of units, above the input."""
        return self.record.drive[self.group(k)]

    def units(self, k: int) -> Tensor:
        """Activities [N, B, units] of layer k of units."""
        return self.record.post[self.group(k)] if k else self.record.pre[self.group(1)][..., : self.weights[0].shape[1]]

    def active(self, k: int, drive: Tensor) -> Tensor:
        """Activities of layer k of units at other drives [N, B, units]; those of outputs under softmax stay drives."""
        if k < self.top:
            return activation(self.network.activation).value(drive) if k else drive
        kind = self.network.resolve_output(self.criterion)
        return drive if kind == "softmax" else output_units(drive, kind)

    def slope(self, k: int, drive: Tensor, active: Tensor) -> Tensor:
        """Slopes of layer k of units above the input at drives [N, B, units] where they are `active`."""
        if k < self.top:
            return activation(self.network.activation).slope(drive, active)
        return active * (1 - active) if self.network.resolve_output(self.criterion) == "sigmoid" else torch.ones_like(drive)

    def share(self, rate: Rate) -> float | Tensor:
        """max(rate, 1 / (t + 1)): what a running mean takes of its next value, a plain mean at first."""
        least, first = self.number(rate), 1.0 / (self.t + 1)
        if isinstance(first, Tensor):
            return torch.maximum(first, least) if isinstance(least, Tensor) else first.clamp(min=least)
        return least.clamp(min=first) if isinstance(least, Tensor) else max(least, first)

    def delta(self, k: int, feedback: Tensor) -> Tensor:
        """feedback [N, B, units] times the slope of layer k of units; that of inputs and outputs is 1."""
        if k in (0, self.top):
            return feedback
        if self.record.slope is not None:
            return feedback * self.record.slope[self.group(k)]
        return activation(self.network.activation).delta(feedback, self.drive(k), self.units(k))


class TorchSource(NamedTuple):
    """Form of a pathway in an exported torch file: Python text, inside methods of its network, of tensors of one network.

    Names: k a layer of units, w [units of k, units above] its forward weights without biases, err_above [B, units above],
    err_out and target [B, O], reward [B, 1], self.own[k] what the pathway holds, sizes, above and below units of layers.
    """

    feedback: str  # expression of the feedback [B, units of k]
    rows: str = ""  # expression of the rows of self.own[k] [rows, units of k] ~ N(0, 1 / rows); empty: it holds none
    after: str = ""  # statements after an update of self.weights[k] [units + 1, units above] by `change`, a line each


class Pathway(ABC):
    """Delivers `feedback` to the units of every layer below the output. Concrete pathways are frozen dataclasses."""

    native: ClassVar[str] = ""  # the macro of the generated kernels that have it; empty: none has
    transports: ClassVar[bool] = False  # whether forward weights are used on the way back (weight transport)
    draws: ClassVar[bool] = False  # whether it needs random numbers inside a life
    runs: ClassVar[bool] = False  # whether it runs units of its own, so that their activation must have a name
    aims: ClassVar[bool] = False  # whether it needs a target beside the error
    rates: ClassVar[Mapping[str, Coefficient]] = NOTHING  # option that may name a coefficient -> what that is by default

    @property
    def knows(self) -> frozenset[str]:
        """The knowledge that errors need on this way, members of KNOWLEDGE of `inner/learners/base.py`."""
        return frozenset({"transported weights"} if self.transports else ())

    @property
    def source(self) -> str:
        """The papers that it comes from: by default those that its module's first lines name in brackets."""
        return cited_in(self)

    def accepts(self, network: Network, spec: Spec) -> str:
        """Why it cannot serve this network in such lives, in words; empty where it can."""
        if self.aims and not spec.criterion.supervised:
            return f"the pathway '{self.title}' needs a target, here nothing is wanted of outputs"
        if self.runs and network.activation == "module":
            return f"the pathway '{self.title}' runs units by their activation, a module's have no name"
        return ""

    @property
    def title(self) -> str:
        """The name of the component."""
        return type(self).__module__.removeprefix("inner.pathways.")

    def floats(self, sizes: Sequence[int]) -> int:
        """Numbers that a network's own weights hold. sizes: units per layer 0 .. K."""
        held = type(self).init is not Pathway.init
        return sum(above * units for units, above in zip(sizes, sizes[1:])) if held else 0

    def passes(self, sizes: Sequence[int], batch: int) -> float:
        """Passes that it takes beside the forward one, in forward passes. sizes: units per layer 0 .. K.

        By default one: the products of an error with the feedback weights of every layer.
        """
        return 1.0

    def init(self, sizes: Sequence[int], seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """The pathway's own weights, one network per label: tensors [L, ...], or none. sizes: units per layer 0 .. K."""
        return ()

    @abstractmethod
    def feedback(self, k: int, at: Delivery) -> Tensor:
        """Feedback [N, B, units of layer k], asked from the highest hidden layer down."""

    def together(self, at: Delivery) -> Mapping[int, Tensor] | None:
        """The feedback of all layers that are asked, where they settle together; None: layer by layer."""
        return None

    def train(self, at: Delivery) -> Sequence[Tensor]:
        """The pathway's own weights after it has learned from this step; by default they stay."""
        return at.own

    def after(
        self, own: tuple[Tensor, ...], weights: tuple[Tensor, ...], changes: Sequence[Tensor]
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Own and forward weights after the forward weights of layers 0, 1, ... changed by `changes` [N, I (+ 1), O]."""
        return own, weights

    def torch_source(self) -> TorchSource | None:
        """The pathway in an exported torch file; None: it has no form there, and an export says so."""
        return None


def gaussian(shape: tuple[int, int], name: str, k: int, seed: int, labels: Sequence[Label]) -> Tensor:
    """Feedback weights [L, O, I] with entries N(0, 1 / O), so that the size of an error survives the way down."""
    drawn = [stream(seed, "feedback", name, k, *label).standard_normal(shape, dtype=np.float32) for label in labels]
    return torch.from_numpy(np.stack(drawn) * np.float32(1 / math.sqrt(shape[0])))


def check_rate(pathway: Pathway, option: str) -> None:
    """Raise ValueError unless an option is a number in the range of its coefficient, or a coefficient's name."""
    value, row = getattr(pathway, option), pathway.rates[option]
    if isinstance(value, str) and value.isidentifier():
        return
    low, high = row.low if row.low is not None else -math.inf, row.high if row.high is not None else math.inf
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(
            f"pathway.{option}: expected a number from {low:g} to {high:g} or a coefficient's name, got {str(value)[:40]!r}"
        )


def check_whole(option: str, value: int, low: int, high: int) -> None:
    """Raise ValueError unless an option is a whole number of a range."""
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"pathway.{option}: expected a whole number from {low} to {high}, got {str(value)[:40]!r}")


def check_choice(option: str, value: str, known: Sequence[str]) -> None:
    """Raise ValueError for a choice that is not known."""
    if value not in known:
        near = suggest(str(value), known)
        raise ValueError(f"pathway.{option}: expected one of {', '.join(known)}, got {str(value)[:40]!r}{near}")
