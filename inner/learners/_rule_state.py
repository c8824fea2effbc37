"""The state of a local rule's networks between two steps, and what an act leaves for the learning that follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch import Tensor

from inner.networks.base import ForwardRecord, Network
from inner.noise import Noise
from inner.pathways.base import Pathway
from inner.rules.compiled import Traces
from inner.rules.rule import Rule
from inner.rules.signal_values import SignalValues
from inner.rules.update import Bounds, Update
from inner.spec import Spec


class RuleOnNetwork(Protocol):
    """The parts of a local rule that its step is computed from: derived once, used at every step."""

    @property
    def rule(self) -> Rule: ...
    @property
    def network(self) -> Network: ...
    @property
    def form(self) -> Callable[..., Tensor] | None: ...
    @property
    def pathway(self) -> Pathway: ...
    @property
    def signals(self) -> frozenset[str]: ...
    @property
    def hears(self) -> bool: ...
    @property
    def compares(self) -> bool: ...
    @property
    def rewarded(self) -> bool: ...
    @property
    def updates(self) -> tuple[dict[str, Update], Traces]: ...
    @property
    def made(self) -> tuple[tuple[str, Callable[[SignalValues, int], Tensor]], ...]: ...
    @property
    def summed(self) -> tuple[str, ...]: ...
    @property
    def remembered(self) -> tuple[str, ...]: ...


class Acted(NamedTuple):
    """Results of `act` that `learn` needs."""

    record: ForwardRecord
    noise: tuple[Tensor, ...] | None  # [N, B, units] per layer of units above the input
    clean: Tensor | None  # output [N, B, O] without noise
    fresh: Tensor | None  # bool [N, B]


class Kept(NamedTuple):
    """Results of a look at the signals that the next step needs."""

    own: tuple[Tensor, ...]  # the pathway's own weights
    baseline: Tensor | None
    before: list[dict[str, Tensor]]


@dataclass(frozen=True)
class State:
    """N networks between two steps; other coefficients come in by `Learner.with_theta`, so that `bound` follows them."""

    weights: tuple[Tensor, ...]  # per group [N, I (+ 1), O]
    own: tuple[Tensor, ...]  # the pathway's own weights
    traces: tuple[dict[str, Tensor], ...]  # per group: per synapse [N, I (+ 1), O], or per sample of one side
    coefficients: dict[str, Tensor]  # each [N, 1, 1]
    spec: Spec
    own_coefficients: tuple[dict[str, Tensor], ...] = ()  # per group, those with values of their own there
    bound: tuple[tuple[Bounds, ...], ...] = ()  # per group, of dw and each trace: from coefficients alone
    units: tuple[Tensor, ...] = ()  # state of the units, [N, B, ...]
    wiring: tuple[tuple[int, int], ...] = ()  # (source, target) layer of units per group
    sizes: tuple[int, ...] = ()  # units per layer
    forward: tuple[int, ...] = ()  # per layer of units, the group that leads to the next one
    noise: Noise | None = None
    baseline: Tensor | None = None  # [N, 2, 1, 1]: running mean of the reward, and the steps that it was taken over
    before: tuple[dict[str, Tensor], ...] = ()  # per group, signals of the step before
    acted: Acted | None = None
    owned: bool = False  # its last step was allowed to overwrite it, so the next may be too

    def but(self, into: bool = False, **changes: object) -> State:
        """As `dataclasses.replace`, at a fraction of its cost, which a small step would feel. into: changes this state."""
        new = self if into else object.__new__(State)
        if not into:
            new.__dict__.update(self.__dict__)
        new.__dict__.update(changes)
        return new
