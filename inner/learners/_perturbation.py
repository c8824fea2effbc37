"""The design that perturbation learners share: addressed directions in weight space, and the loss of a batch along them.

A learner that tries other weights needs three things: a direction xi [N, D] over all weights of a network, drawn at
(seed, life, step) so that it is the same for every candidate; weights W + s xi; and the loss L [N] of the samples of a
step under any weights. D counts all weights, group after group, row after row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

from inner.axes import fold
from inner.criteria import Criterion
from inner.learners.base import Spec
from inner.life_data import Label
from inner.networks.base import Network, laid
from inner.noise import Noise
from inner.rules.coefficient import Coefficient
from inner.sources import Told

DIRECTIONS = 2**15  # site of the draws of directions: `k` further ones follow it
DRAWS = ("gaussian", "signs")


class Shown(NamedTuple):
    """The step that is being learned from."""

    x: Tensor  # [N, B, I]
    output: Tensor  # [N, B, O] under the weights themselves
    units: tuple[Tensor, ...]  # state of the units before the step
    fresh: Tensor | None  # bool [N, B]


@dataclass(frozen=True)
class State:
    """N networks between two steps."""

    weights: tuple[Tensor, ...]  # per group [N, I (+ 1), O]
    coefficients: dict[str, Tensor]  # each [N]
    spec: Spec
    units: tuple[Tensor, ...]
    noise: Noise
    shown: Shown | None = None


def newborn(
    network: Network,
    coefficients: Sequence[Coefficient],
    spec: Spec,
    theta: Tensor,
    population: int,
    seed: int,
    labels: Sequence[Label],
    born: Sequence[Tensor] | None,
) -> State:
    """Networks with drawn (or given) weights, and theta [N, D] by name. Raises ValueError for theta of another length."""
    if theta.shape[1] != len(coefficients):
        raise ValueError(f"theta: expected [N, {len(coefficients)}], got {list(theta.shape)}")
    if born is None:
        born = [fold(w, population) for w in network.init(spec.inputs, spec.outputs, seed, labels)]
    weights = tuple(laid(w) for w in born)
    units = network.rest(len(weights[0]), spec.batch, spec.inputs, spec.outputs)
    return State(weights, named(coefficients, theta), spec, units, Noise.of(seed, labels, population))


def named(coefficients: Sequence[Coefficient], theta: Tensor) -> dict[str, Tensor]:
    """theta [N, D] as one value per network and name, [N]."""
    return {c.name: theta[:, d] for d, c in enumerate(coefficients)}


def shown(network: Network, state: State, x: Tensor, fresh: Tensor | None) -> tuple[State, Tensor]:
    """The state that remembers a step, and its output [N, B, O]."""
    kind = network.resolve_output(state.spec.criterion)
    record, units = network.forward(state.weights, x, kind, state.units, fresh)
    return replace(state, units=units, shown=Shown(x, record.output, state.units, fresh)), record.output


def direction(state: State, t: int | Tensor, draw: str = "gaussian", k: int = 0) -> tuple[Tensor, ...]:
    """The k-th direction of a step, per group [N, I (+ 1), O]: standard normal, or +-1."""
    shapes = [tuple(w.shape[1:]) for w in state.weights]
    sizes = [prod(shape) for shape in shapes]
    drawn = state.noise.normal if draw == "gaussian" else state.noise.signs
    flat = drawn(t, DIRECTIONS + k, (sum(sizes),)).to(state.weights[0].dtype)
    return tuple(part.reshape(-1, *shape) for part, shape in zip(flat.split(sizes, 1), shapes))


def along(weights: Sequence[Tensor], xi: Sequence[Tensor], length: Tensor) -> tuple[Tensor, ...]:
    """W + length xi per group; length [N]."""
    return tuple(torch.addcmul(w, length.reshape(-1, 1, 1), each) for w, each in zip(weights, xi))


def loss(criterion: Criterion, output: Tensor, told: Told) -> Tensor:
    """Mean loss [N] of the scored samples of a step: nats of the targets, or minus the reward where that was told."""
    if told.reward is not None or told.y is None:
        assert told.reward is not None
        each = -told.reward[..., 0]
    else:
        each = criterion.nats(output, told.y)
    if told.scored is None:
        return each.mean(1)
    scored = told.scored.to(each.dtype)
    return (each * scored).sum(1) / scored.sum(1).clamp(min=1.0)


def loss_of(network: Network, state: State, weights: Sequence[Tensor], told: Told) -> Tensor:
    """Loss [N] of the shown samples under other weights: one more forward pass from the same state of the units."""
    at = state.shown
    assert at is not None
    kind = network.resolve_output(state.spec.criterion)
    record, _ = network.forward(network.wired(tuple(weights)), at.x, kind, at.units, at.fresh)
    return loss(state.spec.criterion, record.output, told)


def refused(spec: Spec) -> str:
    """Why nothing can be learned by comparing losses, in words; empty where it can."""
    if not spec.criterion.supervised:
        return "it compares the losses of the same samples under other weights, and this task gives no targets"
    return ""
