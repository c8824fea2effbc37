"""A local plasticity rule on a network with a feedback pathway: every synapse changes by the same formula of its own signals.

    w_ij <- w_ij + mean_b f(pre_bi, post_bj, err_bj, w_ij, ...)

The signals, their signs and their locality are those of `inner/rules/signals.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import cast

import torch
from torch import Tensor

from inner.activations import activation
from inner.components import build
from inner.layer_sums import layer_sums
from inner.learners import base
from inner.learners.base import Shape
from inner.networks import lateral
from inner.networks.mlp import Network
from inner.pathways.base import Pathway
from inner.reward import reward as reward_of
from inner.rules import sharing
from inner.rules.rule import Coefficient, Rule
from inner.rules.separate import separate
from inner.rules.signals import SIGNALS, observed
from inner.tasks.base import Label
from inner.update import Update

NEEDS_FEEDBACK = {"err", "feedback", "pre_err"}


@dataclass(frozen=True)
class State:
    """N networks between two steps."""

    weights: tuple[Tensor, ...]  # per layer [N, I (+ 1), O]
    own: tuple[Tensor, ...]  # feedback weights of the pathway, per layer
    traces: tuple[dict[str, Tensor], ...]  # per layer, each [N, I (+ 1), O]
    coefficients: dict[str, Tensor]  # each [N, 1, 1]
    shape: Shape
    own_coefficients: tuple[dict[str, Tensor], ...] = ()  # per layer, those with values of their own there


def sides(rule: Rule) -> dict[str, str]:
    """The side of every name that is more than one number: signals, traces, coefficients per unit or synapse."""
    found = {name: "sampled" if signal.per_sample else signal.side for name, signal in SIGNALS.items()}
    found |= {name: "synapse" for name in rule.traces}
    return found | {c.name: sharing.SIDES[c.share] for c in rule.coefficients if c.share in sharing.SIDES}


Traces = tuple[tuple[str, Update], ...]


@lru_cache(maxsize=64)
def compiled(rule: Rule) -> tuple[dict[str, Update], Traces]:
    """The compiled formulas of a rule, by their keys in `rule.formulas`, and those of its traces."""
    known = sides(rule)
    traces = tuple((name, Update(separate(e, known), known)) for name, e in rule.trace_expressions.items())
    return {key: Update(separate(e, known), known) for key, e in rule.expressions.items()}, traces


@dataclass(frozen=True)
class Learner(base.Learner):
    """The learner of most of this project: `rule` on `network`, with the rule's own feedback pathway."""

    rule: Rule
    network: Network | lateral.Network = field(default_factory=Network)
    # called in place of the compiled formula of dw, in the same way: a different formula for every network, say
    form: Callable[..., Tensor] | None = None

    @property
    def coefficients(self) -> tuple[Coefficient, ...]:
        """The rule's coefficients, in the order of the columns of theta."""
        return self.rule.coefficients

    @cached_property
    def pathway(self) -> Pathway:
        """The feedback pathway that the rule asks for."""
        return cast(Pathway, build("pathway", self.rule.pathway))

    @cached_property
    def signals(self) -> frozenset[str]:
        """The catalogue's signals that the rule uses, and those that these are summed from."""
        return observed(self.rule.signals)

    @cached_property
    def updates(self) -> tuple[Mapping[str, Callable[..., Tensor]], Traces]:
        """The formulas of dw by key, and of each trace, ready to run."""
        rules, traces = compiled(self.rule)
        return (rules if self.form is None else dict.fromkeys(rules, self.form)), traces

    def init(self, shape: Shape, theta: Tensor, population: int, seed: int, labels: Sequence[Label]) -> State:
        """Newborn networks [N]: candidates share initial and feedback weights, lifetimes do not.

        Raises ValueError where theta holds values per layer, unit or synapse for a network of another shape.
        """
        sizes = self.network.sizes(shape.inputs, shape.outputs)
        weights = tuple(fold(w, population) for w in self.network.init(shape.inputs, shape.outputs, seed, labels))
        own = tuple(fold(b, population) for b in self.pathway.init(sizes, seed, labels))
        traces = tuple({name: torch.zeros_like(w) for name in self.rule.trace_expressions} for w in weights)
        common, each = self._named(theta, weights)
        return State(weights, own, traces, common, shape, each)

    def with_theta(self, state: State, theta: Tensor) -> State:
        """The same networks under other coefficients theta [N, D]."""
        common, each = self._named(theta, state.weights)
        return replace(state, coefficients=common, own_coefficients=each)

    def _named(
        self, theta: Tensor, weights: tuple[Tensor, ...]
    ) -> tuple[dict[str, Tensor], tuple[dict[str, Tensor], ...]]:
        """theta by name: what all layers share, and what each has of its own."""
        return sharing.split(self.rule.coefficients, theta, [(w.shape[1], w.shape[2]) for w in weights])

    def step(self, state: State, x: Tensor, y: Tensor) -> tuple[State, Tensor]:
        """One update from x [N, B, I] and y [N, B, O]; returns the state and the output [N, B, O] before it."""
        weights, traces, output = self._learn(state, x, y, added=True)
        if type(self.pathway).learn is not Pathway.learn:
            changes = [new - w for new, w in zip(weights, state.weights)]
            own, weights = self.pathway.learn(state.own, weights, changes)
            return replace(state, weights=self._kept(weights), own=own, traces=traces), output
        return replace(state, weights=self._kept(weights), traces=traces), output

    def _kept(self, weights: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The weights that exist, after the homeostatic step of the rule, where it has one."""
        keep, weights = self.rule.homeostasis, self.network.wired(weights)
        return weights if keep is None else tuple(keep.apply(w) for w in weights)

    def changes(self, state: State, x: Tensor, y: Tensor) -> tuple[list[Tensor], tuple[dict[str, Tensor], ...], Tensor]:
        """dw per layer [N, I (+ 1), O], the traces that led to it, and the output [N, B, O]."""
        changes, traces, output = self._learn(state, x, y, added=False)
        return list(changes), traces, output

    def _learn(
        self, state: State, x: Tensor, y: Tensor, added: bool
    ) -> tuple[tuple[Tensor, ...], tuple[dict[str, Tensor], ...], Tensor]:
        """w + dw per layer (or dw alone), new traces and the output before learning."""
        kind = self.network.resolve_output(state.shape.kind)
        activity = self.network.forward(state.weights, x, kind)
        supervised = state.shape.kind != "unsupervised"
        err_out = y - activity.output if supervised else torch.zeros_like(activity.output)
        wanted, last = self.signals, len(state.weights) - 1
        told = "reward" in wanted or self.rule.pathway == "reward"
        reward = reward_of(activity.output, y, state.shape.kind) if told else err_out[..., :1]
        feedback, err = self._errors(state, activity, err_out, reward)
        rules, trace_rules = self.updates
        changes, traces = [], []
        for k, w in enumerate(state.weights):
            pre, post = activity.pre[k], activity.post[k]
            make: dict[str, Callable[[], Tensor]] = {
                "pre": lambda: pre,
                "post": lambda: post,
                "w": lambda: w,
                "err": lambda: err[k + 1],
                "feedback": lambda: feedback[k + 1],
                "pre_err": lambda: self._with_bias(err[k], 0.0),
                "recon": lambda: torch.bmm(post, w.transpose(1, 2)),
                "drive": lambda: activity.drive[k],
                "slope": lambda: (
                    torch.ones_like(post)
                    if k == last
                    else activation(self.network.activation).slope(activity.drive[k], post)
                ),
                "reward": lambda: reward,
                "target": lambda: y if k == last and supervised else torch.zeros_like(post),
            }
            signals = {name: make[name]() for name in wanted if name in make} | {"w": w} | state.coefficients
            signals |= layer_sums(wanted, signals) | state.traces[k]
            if state.own_coefficients:
                signals |= state.own_coefficients[k]
            rule = rules[self.rule.key_of(k, last + 1)]
            shape, batch = (w.shape[0], w.shape[1], w.shape[2]), x.shape[1]
            fresh = {name: update(signals, shape, batch) for name, update in trace_rules}
            changes.append(rule(signals | fresh, shape, batch, w if added else None))
            traces.append(fresh)
        return tuple(changes), tuple(traces), activity.output

    def _errors(
        self, state: State, activity, err_out: Tensor, reward: Tensor
    ) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
        """`feedback` and `err` per layer of units that this rule looks at; the input layer's slope is 1."""
        top = len(state.weights)
        feedback, err = {top: err_out}, {top: err_out}
        if not NEEDS_FEEDBACK & self.signals:
            return feedback, err
        plain = [w[:, : w.shape[1] - 1] for w in state.weights] if self.network.bias else state.weights
        slope = activation(self.network.activation).slope
        for k in range(top - 1, -1 if "pre_err" in self.signals else 0, -1):
            feedback[k] = self.pathway.feedback(k, state.own, plain, err[k + 1], err_out, reward)
            err[k] = feedback[k] * slope(activity.drive[k - 1], activity.post[k - 1]) if k > 0 else feedback[k]
        return feedback, err

    def _with_bias(self, value: Tensor, fill: float) -> Tensor:
        """Add the entry of the bias unit to a pre-side signal [N, B, I]."""
        return torch.cat([value, torch.full_like(value[..., :1], fill)], -1) if self.network.bias else value

    def predict(self, state: State, x: Tensor) -> Tensor:
        """Outputs [N, V, O] for x [N, V, I]."""
        return self.network.forward(state.weights, x, self.network.resolve_output(state.shape.kind)).output

    def alive(self, state: State) -> Tensor:
        """bool [N]: every weight is finite."""
        return torch.stack([torch.isfinite(w.sum((1, 2))) for w in state.weights]).all(0)

    def freeze(self, state: State, alive: Tensor) -> State:
        """Weights, traces and coefficients of networks that are not alive become 0."""
        mask = alive.reshape(-1, 1, 1)

        def rest(value: Tensor) -> Tensor:
            return torch.where(mask, value, torch.zeros_like(value))

        return replace(
            state,
            weights=tuple(rest(w) for w in state.weights),
            own=tuple(rest(b) for b in state.own),
            traces=tuple({name: rest(e) for name, e in layer.items()} for layer in state.traces),
            coefficients={name: rest(c) for name, c in state.coefficients.items()},
            own_coefficients=tuple({name: rest(c) for name, c in each.items()} for each in state.own_coefficients),
        )


def fold(shared: Tensor, population: int) -> Tensor:
    """[L, ...] shared by candidates -> [N, ...] with n = candidate * L + lifetime: the only place where P meets L."""
    return shared.expand(population, *shared.shape).reshape(-1, *shared.shape[1:])
