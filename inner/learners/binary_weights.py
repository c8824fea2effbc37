"""Networks of binary weights, +c or -c per layer, learned by comparing losses: there is no gradient to follow.

    by signs:      w = c sign(m);  dm = -eta (L(m + sigma v) - L(m)) v / sigma,    v = +-1
    by bernoulli:  w = +c with p = 1 / (1 + exp(-m));  dm = -eta mean_i (L_i - mean of the others) ([w_i > 0] - p)

(Signs: a forward gradient by finite differences, after Belouze 2022; a trial flips the weights with |m| < sigma, so sigma
must be of the size of m. Bernoulli: the score function of Williams 1992 over weights in place of actions.) m is clipped to
+-limit; a network works with its most probable weights, c sign(m). c is the root mean square of a layer at birth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from inner.activations import sigmoid
from inner.learners import _perturbation as perturbation
from inner.learners._perturbation import Groups, State, Tried
from inner.learners._perturbing import Perturbing
from inner.learners._values import chosen, whole
from inner.learners.base import Example
from inner.rules.coefficient import Coefficient


@dataclass(frozen=True)
class Learner(Perturbing):
    """The numbers m are the `weights` of the state; `used` makes the binary ones from them."""

    example: ClassVar[Example] = Example({"values": {"eta": 10.0}}, steps=200, batch=32)
    sampled: ClassVar[tuple[Coefficient, ...]] = (
        Coefficient("eta", 5.0, "log"),
        Coefficient("limit", 3.0, "log"),
    )
    flipped: ClassVar[tuple[Coefficient, ...]] = (
        Coefficient("eta", 0.01, "log"),
        Coefficient("sigma", 0.05, "log"),
        Coefficient("limit", 1.0, "log"),
    )
    by: str = "bernoulli"  # or "signs"
    samples: int = 8  # networks that are drawn a step, by bernoulli

    def __post_init__(self) -> None:
        chosen("by", self.by, ("bernoulli", "signs"))
        super().__post_init__()
        whole("samples", self.samples, 2)

    @property
    def own(self) -> tuple[Coefficient, ...]:
        """The rate and the limit of m; by signs the length of a trial step."""
        return self.sampled if self.by == "bernoulli" else self.flipped

    @property
    def trials(self) -> int:
        """The networks that are tried a step."""
        return self.samples if self.by == "bernoulli" else 1

    def memory(self, state: State) -> dict[str, Tensor]:
        """c per group of synapses, [N, groups]."""
        return {"size": torch.stack([w.square().mean((1, 2)).sqrt() for w in state.weights], 1)}

    def born(self, state: State) -> State:
        """m is the weights drawn at birth in units of twice c, so that |m| is about one half."""
        sizes = state.memory["size"].unbind(1)
        halves = tuple(0.5 * w / c.clamp(min=1e-30).reshape(-1, 1, 1) for w, c in zip(state.weights, sizes))
        return replace(state, weights=halves)

    def binary(self, state: State, positive: Groups) -> Groups:
        """+c where `positive` bool [N, ..., I (+ 1), O] says so, else -c; 0 where there is no synapse."""
        sizes = state.memory["size"].unbind(1)
        found = []
        for plus, c in zip(positive, sizes):
            c = c.reshape(-1, *[1] * (plus.dim() - 1))
            found.append(torch.where(plus, c, -c))
        return tuple(found)

    def used(self, state: State) -> Groups:
        """The most probable weights."""
        return self.network.wired(self.binary(state, tuple(m >= 0 for m in state.weights)))

    def tried(self, state: State, t: int | Tensor) -> Tried:
        """Binary weights that are drawn, or those of m + sigma v; xi is [w > 0] - p, or v."""
        if self.by == "bernoulli":
            p = sigmoid(perturbation.vector(state.weights))[:, None]
            plus = perturbation.uniform(state, t, (self.samples, p.shape[2])) < p
            xi = plus.to(p.dtype) - p
            positive = perturbation.grouped(plus, state.weights)
        else:
            xi = perturbation.directions(self.network, state, t, 1, "signs")
            positive = tuple(m >= 0 for m in perturbation.along(state.weights, xi, state.coefficients["sigma"]))
        binary = perturbation.vector(self.binary(state, positive))
        wired = perturbation.of_synapses(self.network, binary, state.weights)
        return Tried(perturbation.grouped(wired, state.weights), xi)

    def moved(self, state: State, tried: Tried, here: Tensor, there: Tensor, t: int | Tensor) -> State:
        """m after one step, within its limit."""
        c = state.coefficients
        if self.by == "bernoulli":
            others = (there.sum(1, keepdim=True) - there) / (self.samples - 1)
            shares = (there - others) / self.samples
        else:
            shares = (there - here[:, None]) / c["sigma"][:, None]
        step = perturbation.weighted(-c["eta"][:, None] * shares, tried.xi)
        limit = c["limit"].reshape(-1, 1, 1)
        after = perturbation.moved(state.weights, step)
        return replace(state, weights=tuple(torch.minimum(torch.maximum(m, -limit), limit) for m in after))
