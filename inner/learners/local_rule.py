"""A local plasticity rule on a network with a feedback pathway: every synapse changes by the same formula of its own signals.

    w_ij <- w_ij + mean_b f(pre_bi, post_bj, err_bj, w_ij, ...)

The signals, their signs and their locality are those of `inner/rules/signals.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

from torch import Tensor

from inner.axes import fold
from inner.components import Plain
from inner.learners import base
from inner.learners._changes import changed, nothing_before, silent
from inner.learners._rule_cost import cost_of, footprint_of
from inner.learners._rule_state import Acted, Kept, State
from inner.learners.base import Cost, Example, Spec
from inner.life_data import Label
from inner.networks import mlp
from inner.networks.base import Network, laid
from inner.noise import Noise
from inner.pathways.base import Pathway
from inner.rules import sharing
from inner.rules.coefficient import Coefficient
from inner.rules.compiled import SidedTrace, Traces, compiled
from inner.rules.pathway import pathway_of
from inner.rules.rule import Rule
from inner.rules.signal_values import SignalValues
from inner.rules.signals import SIGNALS, observed
from inner.rules.update import Bounds, Update
from inner.sources import Told

DRIVES = 0  # site of the draws of drive noise: layer after layer, within a layer sample after sample


@dataclass(frozen=True)
class Learner(base.Learner):
    """`rule` on `network`, with the rule's own feedback pathway."""

    example: ClassVar[Example] = Example(
        {"rule": {"dw": "eta*err*pre", "pathway": "random", "coefficients": {"eta": {"init": 0.1, "transform": "log"}}}}
    )
    rule: Rule  # a mapping is read as a rule
    network: Network = field(default_factory=mlp.Network)
    # called in place of the compiled formula of dw, in the same way: a different formula for every network, say
    form: Callable[..., Tensor] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.rule, Mapping):
            object.__setattr__(self, "rule", Rule.from_dict(self.rule))
        if not isinstance(self.rule, Rule):
            raise ValueError(f"learner.rule: expected a mapping with 'dw' or 'family', got {type(self.rule).__name__}")

    @property
    def coefficients(self) -> tuple[Coefficient, ...]:
        """The rule's coefficients, in the order of the columns of theta."""
        return self.rule.coefficients

    @property
    def formula(self) -> Rule:
        """The rule."""
        return self.rule

    def with_coefficients(self, coefficients: Sequence[Coefficient]) -> Learner:
        """The same rule with other initial values, bounds or fixed numbers."""
        return replace(self, rule=replace(self.rule, coefficients=tuple(coefficients)))

    def text(self, values: Mapping[str, Any]) -> str:
        """The formula with numbers."""
        return self.rule.with_values(values)

    def plain(self) -> Plain:
        """Name and rule; a population of different formulas has no plain form."""
        return {"name": "local_rule", "rule": self.rule.to_dict()}

    @property
    def knows(self) -> frozenset[str]:
        """The locality classes of the rule's signals, what the pathway needs where it is used, and a second pass without noise."""
        used = {SIGNALS[name].locality for name in self.signals} | {"local"}
        return frozenset(used | (self.pathway.knows if self.hears else set()) | ({"two phases"} if self.compares else set()))

    @property
    def source(self) -> str:
        """The papers of the pathway, where it is used."""
        return self.pathway.source if self.hears else ""

    @cached_property
    def pathway(self) -> Pathway:
        """The feedback pathway that the rule asks for."""
        return pathway_of(self.rule.pathway, self.rule.pathway_options)

    @cached_property
    def signals(self) -> frozenset[str]:
        """The catalogue's signals that the rule uses, and those that these are made from."""
        return observed(self.rule.signals)

    @cached_property
    def hears(self) -> bool:
        """True where the formulas use anything that the pathway delivers."""
        return any(SIGNALS[name].feedback for name in self.signals)

    @cached_property
    def follows(self) -> bool:
        """True where the pathway changes weights after the forward weights have changed."""
        return type(self.pathway).after is not Pathway.after

    @cached_property
    def rewarded(self) -> bool:
        """True where the reward is used."""
        return bool({"surprise", "reward"} & self.signals) or self.rule.pathway == "reward"

    @property
    def compares(self) -> bool:
        """True where every step has a second forward pass, without noise."""
        return self.explores and self.rule.surprise.baseline == "clean" and "surprise" in self.signals

    @cached_property
    def explores(self) -> bool:
        """True where drives are noisy while the network learns."""
        return self.rule.noise != 0

    @cached_property
    def updates(self) -> tuple[dict[str, Update], Traces]:
        """The formulas of w + dw by key, and of each trace, ready to run."""
        return compiled(self.rule, added=True)

    @cached_property
    def made(self) -> tuple[tuple[str, Callable[[SignalValues, int], Tensor]], ...]:
        """The signals that every group's formulas are given, sums apart, each with its formula."""
        return tuple((name, row.value) for name, row in SIGNALS.items() if name in self.signals and row.value)

    @cached_property
    def summed(self) -> tuple[str, ...]:
        """The signals that are summed from others."""
        return tuple(name for name, row in SIGNALS.items() if name in self.signals and row.total is not None)

    @cached_property
    def remembered(self) -> tuple[str, ...]:
        """The signals that are asked for one step back."""
        return tuple(row.before for row in SIGNALS.values() if row.before and row.name in self.signals)

    def cost(self, spec: Spec) -> Cost:
        """Price of a step: a forward pass, feedback, and the formulas."""
        return cost_of(self, spec)

    def footprint(self, spec: Spec) -> int:
        """Weights of one network, and what is computed synapse by synapse; networks of different formulas stay together."""
        return 0 if self.form is not None else footprint_of(self, spec)

    def init(
        self,
        spec: Spec,
        theta: Tensor,
        population: int,
        seed: int,
        labels: Sequence[Label],
        born: Sequence[Tensor] | None = None,
    ) -> State:
        """Newborn networks [N]: candidates share initial and feedback weights, lifetimes do not.

        Raises ValueError where theta holds values per layer, unit or synapse for a network of another shape.
        """
        network = self.network
        sizes = network.sizes(spec.inputs, spec.outputs)
        if born is None:
            born = [fold(w, population) for w in network.init(spec.inputs, spec.outputs, seed, labels)]
        weights = tuple(laid(w) for w in born)  # memory of their own, to be written in
        own = tuple(fold(b, population) for b in self.pathway.init(sizes, seed, labels))
        common, each = self._named(theta, weights)
        n, wiring = len(weights[0]), network.wiring(spec.inputs, spec.outputs)
        units = network.rest(n, spec.batch, spec.inputs, spec.outputs)
        state = State(
            weights, own, (), common, spec, each, self._bound(common, each, weights), units, wiring, sizes,
            tuple(wiring.index((u, u + 1)) for u in range(len(sizes) - 1)),
            noise=Noise.of(seed, labels, population) if self.explores or self.hears and self.pathway.draws else None,
            baseline=theta.new_zeros(n, 2, 1, 1) if "surprise" in self.signals else None,
        )  # fmt: skip
        return replace(state, traces=silent(self.updates[1], state), before=nothing_before(self.remembered, state))

    def with_theta(self, state: State, theta: Tensor) -> State:
        """The same networks under other coefficients theta [N, D]."""
        common, each = self._named(theta, state.weights)
        bound = self._bound(common, each, state.weights)
        return replace(state, coefficients=common, own_coefficients=each, bound=bound)

    def _named(
        self, theta: Tensor, weights: tuple[Tensor, ...]
    ) -> tuple[dict[str, Tensor], tuple[dict[str, Tensor], ...]]:
        """theta by name: what all groups share, and what each has of its own."""
        return sharing.split(self.rule.coefficients, theta, [(w.shape[1], w.shape[2]) for w in weights])

    def _bound(
        self, common: dict[str, Tensor], each: tuple[dict[str, Tensor], ...], weights: tuple[Tensor, ...]
    ) -> tuple[tuple[Bounds, ...], ...]:
        """Parts of the formulas that depend on coefficients alone, computed once per life."""
        rules, traces = self.updates
        found = []
        for k, w in enumerate(weights):
            values = common | each[k] if each else common
            shape = (w.shape[0], w.shape[1], w.shape[2])
            own: list[Bounds] = []
            if self.form is None:
                own.append(rules[self.rule.key_of(k, len(weights))].bind(values, shape))
            own += [update.bind(values, shape) for _, update in traces]
            found.append(tuple(own))
        return tuple(found)

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """The state with the forward record, and the output [N, B, O] for x [N, B, I]."""
        network = self.network
        output = network.resolve_output(state.spec.criterion)
        noise = self.drive_noise(state, x.shape[1], t) if state.noise is not None and self.explores else None
        record, units = network.forward(state.weights, x, output, state.units, fresh, noise)
        clean = None
        if noise is not None and self.compares:
            clean = network.forward(state.weights, x, output, state.units, fresh)[0].output
        return state.but(state.owned, units=units, acted=Acted(record, noise, clean, fresh)), record.output

    def drive_noise(self, state: State, batch: int, t: int | Tensor) -> tuple[Tensor, ...]:
        """Noise [N, B, units] in the drives of every layer of units above the input."""
        assert state.noise is not None
        sigma = state.coefficients[self.rule.noise] if isinstance(self.rule.noise, str) else self.rule.noise
        parts = [batch * units for units in state.sizes[1:]]
        # one draw: many small ones are slow
        drawn = state.noise.normal(t, DRIVES, (sum(parts),)).to(state.weights[0].dtype)
        split = zip(drawn.split(parts, 1), state.sizes[1:])
        return tuple(part.reshape(-1, batch, units) * sigma for part, units in split)

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """The state after one update of every weight. into: the old weights may be overwritten."""
        into = into and not self.follows
        weights, traces, kept = changed(self, state, told, t, True, into)
        return self.settled(state, weights, traces, kept, into)

    def settled(
        self,
        state: State,
        weights: tuple[Tensor, ...],
        traces: tuple[dict[str, Tensor], ...],
        kept: Kept,
        into: bool = False,
    ) -> State:
        """The state with new weights per group [N, I (+ 1), O] and traces, after pathway, wiring and homeostasis."""
        own = kept.own
        if self.follows:
            changes = [weights[k] - state.weights[k] for k in state.forward]
            own, weights = self.pathway.after(tuple(own), weights, changes)
        keep, weights = self.rule.homeostasis, self.network.wired(weights)
        if keep is not None:
            weights = tuple(keep.apply(w) for w in weights)
        return state.but(
            into, weights=weights, own=own, traces=traces, baseline=kept.baseline, before=tuple(kept.before), acted=None,
            owned=into,
        )  # fmt: skip

    def proposed(
        self, state: State, told: Told, t: int | Tensor
    ) -> tuple[tuple[Tensor, ...], tuple[dict[str, Tensor], ...]]:
        """dw per group [N, I (+ 1), O] that `learn` would add after this act, and the traces that led to it."""
        changes, traces, _ = changed(self, state, told, t, False, False)
        return changes, traces

    def changes(self, state: State, x: Tensor, y: Tensor, t: int = 0) -> tuple[list[Tensor], tuple[dict[str, Tensor], ...], Tensor]:
        """dw per group [N, I (+ 1), O] at step t, the traces that led to it, and the output [N, B, O]."""
        state, output = self.act(state, x, None, t)
        changes, traces = self.proposed(state, Told(y), t)
        return list(changes), traces, output

    def predict(self, state: State, x: Tensor) -> Tensor:
        """Outputs [N, V, O] for x [N, V, I]."""
        output = self.network.resolve_output(state.spec.criterion)
        return self.network.forward(state.weights, x, output)[0].output

    def view(self, state: State, batch: int) -> State:
        """The state with units at rest, for any number of samples, and without noise."""
        return replace(state, units=(), noise=None, acted=None)

    def accepts(self, spec: Spec) -> str:
        """Why this rule cannot learn in such a life, in words; empty where it can."""
        traced = any(not isinstance(update, SidedTrace) for _, update in self.updates[1])
        if spec.sequences and spec.batch > 1 and traced:
            return "a trace that sees both sides of a synapse is kept for one sequence at a time: expected life.batch 1"
        return (self.pathway.accepts(self.network, spec) if self.hears else "") or self.network.accepts(spec)

    def moving(self, state: State) -> list[Tensor]:
        """The weights: a network is alive while every one is finite."""
        return list(state.weights)

    def freeze(self, state: State, alive: Tensor) -> State:
        """Weights, traces and coefficients of networks that are not alive become 0."""
        rest: State = super().freeze(replace(state, bound=(), noise=None), alive)
        bound = self._bound(rest.coefficients, rest.own_coefficients, rest.weights)
        return replace(rest, bound=bound, noise=state.noise)
