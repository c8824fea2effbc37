"""A local plasticity rule on a network with a feedback pathway: every synapse changes by the same formula of its own signals.

    w_ij <- w_ij + mean_b f(pre_bi, post_bj, err_bj, w_ij, ...)

The signals, their signs and their locality are those of `inner/rules/signals.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import cast

import torch
from torch import Tensor

from inner.activations import activation
from inner.components import build
from inner.learners import base
from inner.learners.base import Shape
from inner.networks import lateral
from inner.networks.mlp import Network, laid
from inner.pathways.base import Pathway
from inner.reward import reward as reward_of
from inner.rules import sharing
from inner.rules.layer_sums import SUMS, layer_sums
from inner.rules.rule import Coefficient, Rule
from inner.rules.separate import separate
from inner.rules.signal_values import SIGNAL_OF, Seen
from inner.rules.signals import SIGNALS, observed
from inner.rules.tape import Bound
from inner.rules.update import Shape as Sizes
from inner.rules.update import Update
from inner.tasks.base import Label

NEEDS_FEEDBACK = {"err", "feedback", "pre_err"}


@dataclass(frozen=True)
class State:
    """N networks between two steps; other coefficients come in by `Learner.with_theta`, so that `bound` follows them."""

    weights: tuple[Tensor, ...]  # per layer [N, I (+ 1), O]
    own: tuple[Tensor, ...]  # feedback weights of the pathway, per layer
    traces: tuple[dict[str, Tensor], ...]  # per layer, each [N, I (+ 1), O]
    coefficients: dict[str, Tensor]  # each [N, 1, 1]
    shape: Shape
    own_coefficients: tuple[dict[str, Tensor], ...] = ()  # per layer, those with values of their own there
    bound: tuple[
        tuple[tuple[Bound, Bound], ...], ...
    ] = ()  # per layer, of dw and each trace: what follows from the coefficients


def sides(rule: Rule) -> dict[str, str]:
    """The side of every name that is more than one number: signals, traces, coefficients per unit or synapse."""
    found = {name: "sampled" if signal.per_sample else signal.side for name, signal in SIGNALS.items()}
    found |= {name: "synapse" for name in rule.traces}
    return found | {c.name: sharing.SIDES[c.share] for c in rule.coefficients if c.share in sharing.SIDES}


Traces = tuple[tuple[str, Update], ...]


@lru_cache(maxsize=128)
def compiled(rule: Rule, added: bool = False) -> tuple[dict[str, Update], Traces]:
    """The compiled formulas of a rule, by their keys in `rule.formulas`, and those of its traces.

    added: formulas that give w + dw instead of dw.
    """
    known, fixed = sides(rule), frozenset(c.name for c in rule.coefficients)
    traces = tuple((name, Update(separate(e, known), known, fixed)) for name, e in rule.trace_expressions.items())
    return {key: Update(separate(e, known), known, fixed, added) for key, e in rule.expressions.items()}, traces


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
    def follows(self) -> bool:
        """Whether feedback weights learn from the changes of the forward weights."""
        return type(self.pathway).learn is not Pathway.learn

    @cached_property
    def updates(self) -> tuple[dict[str, Update], Traces]:
        """The formulas of w + dw by key, and of each trace, ready to run."""
        return compiled(self.rule, added=True)

    def footprint(self, shape: Shape, batch: int) -> int:
        """Weights of one network, and what is computed synapse by synapse; networks of different formulas stay together."""
        if self.form is not None:
            return 0
        sizes = self.network.sizes(shape.inputs, shape.outputs)
        elementwise = any(update.rest is not None for update in self.updates[0].values())
        # what is computed and read again at once should lie in the nearer cache
        return sum(i * o for i, o in zip(sizes, sizes[1:])) * (1 + 4 * batch if elementwise else 1)

    def init(self, shape: Shape, theta: Tensor, population: int, seed: int, labels: Sequence[Label]) -> State:
        """Newborn networks [N]: candidates share initial and feedback weights, lifetimes do not.

        Raises ValueError where theta holds values per layer, unit or synapse for a network of another shape.
        """
        sizes = self.network.sizes(shape.inputs, shape.outputs)
        born = self.network.init(shape.inputs, shape.outputs, seed, labels)
        weights = tuple(laid(fold(w, population)) for w in born)  # memory of their own, to be written in
        own = tuple(fold(b, population) for b in self.pathway.init(sizes, seed, labels))
        traces = tuple({name: torch.zeros_like(w) for name in self.rule.trace_expressions} for w in weights)
        common, each = self._named(theta, weights)
        return State(weights, own, traces, common, shape, each, self._bound(common, each, weights))

    def with_theta(self, state: State, theta: Tensor) -> State:
        """The same networks under other coefficients theta [N, D]."""
        common, each = self._named(theta, state.weights)
        bound = self._bound(common, each, state.weights)
        return replace(state, coefficients=common, own_coefficients=each, bound=bound)

    def _named(
        self, theta: Tensor, weights: tuple[Tensor, ...]
    ) -> tuple[dict[str, Tensor], tuple[dict[str, Tensor], ...]]:
        """theta by name: what all layers share, and what each has of its own."""
        return sharing.split(self.rule.coefficients, theta, [(w.shape[1], w.shape[2]) for w in weights])

    def _bound(
        self, common: dict[str, Tensor], each: tuple[dict[str, Tensor], ...], weights: tuple[Tensor, ...]
    ) -> tuple[tuple[tuple[Bound, Bound], ...], ...]:
        """What follows from the coefficients alone: computed once and not at every step."""
        rules, traces = self.updates
        found = []
        for k, w in enumerate(weights):
            values = common | each[k] if each else common
            updates = [] if self.form is not None else [rules[self.rule.key_of(k, len(weights))]]
            updates += [update for _, update in traces]
            found.append(tuple(update.bind(values, (w.shape[0], w.shape[1], w.shape[2])) for update in updates))
        return tuple(found)

    def step(self, state: State, x: Tensor, y: Tensor) -> tuple[State, Tensor]:
        """One update from x [N, B, I] and y [N, B, O]; returns the state and the output [N, B, O] before it."""
        return self._step(state, x, y, into=False)

    def advance(self, state: State, x: Tensor, y: Tensor) -> tuple[State, Tensor]:
        """As `step`, bit for bit, in the memory of the old state's weights."""
        return self._step(state, x, y, into=not self.follows)

    def _step(self, state: State, x: Tensor, y: Tensor, into: bool) -> tuple[State, Tensor]:
        weights, traces, output = self._learn(state, x, y, True, into)
        own = state.own
        if self.follows:
            changes = [new - w for new, w in zip(weights, state.weights)]
            own, weights = self.pathway.learn(own, weights, changes)
        keep, weights = self.rule.homeostasis, self.network.wired(weights)
        if keep is not None:
            weights = tuple(keep.apply(w) for w in weights)
        if into and not self.rule.traces and keep is None and all(a is b for a, b in zip(weights, state.weights)):
            return state, output  # all that has changed lies in the same memory
        common, each = state.coefficients, state.own_coefficients
        return State(weights, own, traces, common, state.shape, each, state.bound), output

    def changes(self, state: State, x: Tensor, y: Tensor) -> tuple[list[Tensor], tuple[dict[str, Tensor], ...], Tensor]:
        """dw per layer [N, I (+ 1), O], the traces that led to it, and the output [N, B, O]."""
        changes, traces, output = self._learn(state, x, y, False, False)
        return list(changes), traces, output

    def _learn(
        self, state: State, x: Tensor, y: Tensor, added: bool, into: bool
    ) -> tuple[tuple[Tensor, ...], tuple[dict[str, Tensor], ...], Tensor]:
        """w + dw per layer (or dw alone), new traces and the output before learning."""
        seen = self._look(state, x, y)
        rules, trace_rules = self.updates
        apart = self.form is not None or not added  # coefficients go in with the signals
        changes, traces, layers, batch = [], [], len(state.weights), x.shape[1]
        for k, w in enumerate(state.weights):
            signals = {name: SIGNAL_OF[name](seen, k) for name in self._made}
            signals["w"] = w
            if self._summed:
                signals |= layer_sums(self._summed, signals)
            signals |= state.traces[k]
            if apart:
                signals |= state.coefficients | (state.own_coefficients[k] if state.own_coefficients else {})
            shape = cast(Sizes, w.shape)
            bound, key = state.bound[k], self.rule.key_of(k, layers)
            fresh = (
                {}
                if not trace_rules
                else {
                    name: update(signals, shape, batch, of)
                    for (name, update), of in zip(trace_rules, bound[len(bound) - len(trace_rules) :])
                }
            )
            signals |= fresh
            if self.form is not None:
                changes.append(self.form(signals, shape, batch, w if added else None))
            elif added:
                changes.append(rules[key](signals, shape, batch, bound[0], into))
            else:
                changes.append(compiled(self.rule)[0][key](signals, shape, batch))
            traces.append(fresh)
        return tuple(changes), tuple(traces), seen.activity.output

    @cached_property
    def _made(self) -> tuple[str, ...]:
        """The signals that every layer's formulas are given, sums apart."""
        return tuple(name for name in SIGNAL_OF if name in self.signals)

    @cached_property
    def _summed(self) -> tuple[str, ...]:
        return tuple(name for name in SUMS if name in self.signals)

    def _look(self, state: State, x: Tensor, y: Tensor) -> Seen:
        """The forward pass on x and the errors that follow from y."""
        kind = self.network.resolve_output(state.shape.kind)
        activity = self.network.forward(state.weights, x, kind)
        supervised = state.shape.kind != "unsupervised"
        err_out = y - activity.output if supervised else torch.zeros_like(activity.output)
        told = "reward" in self.signals or self.rule.pathway == "reward"
        reward = reward_of(activity.output, y, state.shape.kind) if told else err_out  # which then nobody reads
        feedback, err = self._errors(state, activity, err_out, reward)
        return Seen(state.weights, activity, feedback, err, reward, y if supervised else None, self.network)

    def _errors(
        self, state: State, activity, err_out: Tensor, reward: Tensor
    ) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
        """`feedback` and `err` per layer of units that this rule looks at; the input layer's slope is 1."""
        top = len(state.weights)
        feedback, err = {top: err_out}, {top: err_out}
        if not NEEDS_FEEDBACK & self.signals:
            return feedback, err
        plain = [w[:, : w.shape[1] - 1] for w in state.weights] if self.network.bias else state.weights
        delta = activation(self.network.activation).delta
        for k in range(top - 1, -1 if "pre_err" in self.signals else 0, -1):
            feedback[k] = self.pathway.feedback(k, state.own, plain, err[k + 1], err_out, reward)
            err[k] = delta(feedback[k], activity.drive[k - 1], activity.post[k - 1]) if k > 0 else feedback[k]
        return feedback, err

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

        weights = tuple(rest(w) for w in state.weights)
        own = tuple(rest(b) for b in state.own)
        traces = tuple({name: rest(e) for name, e in layer.items()} for layer in state.traces)
        common = {name: rest(c) for name, c in state.coefficients.items()}
        each = tuple({name: rest(c) for name, c in layer.items()} for layer in state.own_coefficients)
        return State(weights, own, traces, common, state.shape, each, self._bound(common, each, weights))


def fold(shared: Tensor, population: int) -> Tensor:
    """[L, ...] shared by candidates -> [N, ...] with n = candidate * L + lifetime: the only place where P meets L."""
    return shared.expand(population, *shared.shape).reshape(-1, *shared.shape[1:])
