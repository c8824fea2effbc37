"""What perturbation learners compute with: addressed directions in weight space, and the losses of a batch along them.

A learner that tries other weights needs directions xi [N, K, D] over all D weights of a network, drawn at (seed, life, step)
so that they are the same for every candidate; weights W + s xi; and the loss of the samples of a step under any weights.
D counts all weights, group after group, row after row; K weights of one network are tried in one batched pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from inner.criteria import Criterion
from inner.learners.base import Spec
from inner.life.states import map_all, tensors_of
from inner.networks.base import Network
from inner.noise import Noise
from inner.sources import Told

DIRECTIONS = 2**15  # site of the draws of directions: other draws of a step have the sites after it
DRAWS = ("gaussian", "signs")
AT_ONCE = 2**19  # floats of one network that a batched pass touches, at most: more directions go one part after another

Groups = tuple[Tensor, ...]  # a tensor per group of synapses
S = TypeVar("S")


class Shown(NamedTuple):
    """The step that is being learned from."""

    x: Tensor  # [N, B, I]
    output: Tensor  # [N, B, O] under the weights themselves
    units: Groups  # state of the units before the step
    fresh: Tensor | None  # bool [N, B]
    slope: Tensor | None = None  # [N, K, B, O] derivative of the output along directions, where a learner carries it


class Window(NamedTuple):
    """What the steps since the directions were drawn have shown."""

    here: Tensor  # [N] summed losses under the weights themselves
    there: Tensor  # [N, K] under the weights that are tried
    steps: Tensor  # [N] steps in which anything was scored
    units: Groups  # of the tried weights, [N, K, B, ...]


class Tried(NamedTuple):
    """Weights that are tried beside those of a network."""

    weights: Groups  # [N, K, I (+ 1), O]
    xi: Tensor  # [N, K', D] the directions that they lie in: K' = K, or K / 2 for mirrored pairs


@dataclass(frozen=True)
class State:
    """N networks between two steps."""

    weights: Groups  # [N, I (+ 1), O]
    coefficients: dict[str, Tensor]  # each [N]
    spec: Spec
    units: Groups
    noise: Noise | None  # None: a view, which only predicts
    memory: dict[str, Tensor] = field(default_factory=dict)  # what a learner remembers from step to step: [N, ...]
    window: Window | None = None
    shown: Shown | None = None
    guide: Any = None  # state of another learner that says where to look


def vector(groups: Sequence[Tensor]) -> Tensor:
    """Groups [N, ..., I (+ 1), O] as one vector [N, ..., D]."""
    return torch.cat([each.flatten(-2) for each in groups], -1)


def grouped(vectors: Tensor, like: Sequence[Tensor]) -> Groups:
    """Vectors [N, ..., D] as groups [N, ..., I (+ 1), O] of the shapes of `like`; no memory is copied."""
    shapes = [each.shape[-2:] for each in like]
    parts = vectors.split([rows * columns for rows, columns in shapes], -1)
    return tuple(part.unflatten(-1, tuple(shape)) for part, shape in zip(parts, shapes))


def directions(
    network: Network, state: State, t: int | Tensor, count: int = 1, draw: str = "gaussian", site: int = 0
) -> Tensor:
    """`count` directions of a step [N, count, D], standard normal or +-1, and 0 where there is no synapse."""
    assert state.noise is not None
    size = sum(w[0].numel() for w in state.weights)
    drawn = state.noise.normal if draw == "gaussian" else state.noise.signs
    xi = drawn(t, DIRECTIONS + site, (count, size)).to(state.weights[0].dtype)
    return of_synapses(network, xi, state.weights)


def uniform(state: State, t: int | Tensor, shape: tuple[int, ...], site: int = 1) -> Tensor:
    """Uniform numbers in [0, 1), [N, *shape], at a site of their own."""
    assert state.noise is not None
    return state.noise.uniform(t, DIRECTIONS + site, shape).to(state.weights[0].dtype)


def of_synapses(network: Network, vectors: Tensor, like: Sequence[Tensor]) -> Tensor:
    """Vectors [N, K, D] with 0 where the network has no synapse."""
    if type(network).wired is Network.wired:
        return vectors
    n, k = vectors.shape[:2]
    wired = network.wired(grouped(vectors.flatten(0, 1), like))
    flat = vector(wired)
    return flat.reshape(n, k, flat.shape[1])


def along(weights: Sequence[Tensor], xi: Tensor, length: Tensor) -> Groups:
    """W + length xi per group [N, K, I (+ 1), O], for xi [N, K, D] and length [N] or [N, K]."""
    many = length.reshape(len(length), -1, 1, 1)
    return tuple(torch.addcmul(w[:, None], many, each) for w, each in zip(weights, grouped(xi, weights)))


def moved(weights: Sequence[Tensor], step: Tensor) -> Groups:
    """W + step per group [N, I (+ 1), O], for step [N, D]."""
    return tuple(w + each for w, each in zip(weights, grouped(step, weights)))


def only(tried: Sequence[Tensor]) -> Groups:
    """The one weights [N, I (+ 1), O] of each network in [N, 1, I (+ 1), O]."""
    return tuple(each[:, 0] for each in tried)


def weighted(shares: Tensor, xi: Tensor) -> Tensor:
    """sum_k shares_k xi_k: [N, K], [N, K, D] -> [N, D]."""
    found: Tensor = torch.bmm(shares[:, None], xi)[:, 0]
    return found


def chosen(which: Tensor, new: Sequence[Tensor], old: Sequence[Tensor]) -> Groups:
    """`new` [N, I (+ 1), O] where `which` bool [N] says so, else `old`."""
    return tuple(torch.where(which.reshape(-1, 1, 1), a, b) for a, b in zip(new, old))


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


def losses(
    network: Network, state: State, tried: Sequence[Tensor], told: Told, units: Groups | None = None
) -> tuple[Tensor, Groups]:
    """Losses [N, K] of the shown samples under K other weights of each network, and the units after it [N, K, B, ...].

    units: what the units of the tried weights did one step back; None: what the network's own did.
    """
    at = state.shown
    assert at is not None
    n, count = tried[0].shape[:2]
    before = units if units is not None else tuple(repeated(each, count) for each in at.units)
    kind, found = network.resolve_output(state.spec.criterion), []
    size = sum(w[0, 0].numel() for w in tried) + at.x.shape[1] * sum(w.shape[2] for w in tried)
    for part in parts(count, size):
        here = count if part == slice(0, count) else part.stop - part.start
        seen = Told(*(None if each is None else repeated(each, here).flatten(0, 1) for each in told))
        output, after = network.outputs(
            tuple(w[:, part].flatten(0, 1) for w in tried),
            repeated(at.x, here).flatten(0, 1),
            kind,
            tuple(each[:, part].flatten(0, 1) for each in before),
            None if at.fresh is None else repeated(at.fresh, here).flatten(0, 1),
        )
        lost = loss(state.spec.criterion, output, seen)
        found.append((lost, *after))
    columns = [torch.cat([each.unflatten(0, (n, -1)) for each in column], 1) for column in zip(*found)]
    return columns[0], tuple(columns[1:])


def parts(count: int, size: int) -> list[slice]:
    """0 .. count in as few parts as AT_ONCE allows, for `size` floats of each: the same in every population."""
    step = max(1, min(count, AT_ONCE // max(1, size)))
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


def repeated(value: Tensor, count: int) -> Tensor:
    """[N, ...] -> [N, count, ...]; no memory is copied."""
    return value[:, None].expand(-1, count, *value.shape[1:])


def either(which: bool | Tensor, new: S, old: S) -> S:
    """`new` where a condition holds, else `old`; a condition that is a tensor chooses every tensor of the states."""
    if isinstance(which, bool):
        return new if which else old
    pairs = zip(tensors_of(new), tensors_of(old), strict=True)
    columns = iter([torch.where(which, a, b) for a, b in pairs])
    found: S = map_all(lambda _: next(columns), new)
    return found


def remembered(state: State, **new: Tensor) -> State:
    """The state with some of its memory replaced."""
    return replace(state, memory=state.memory | new)
