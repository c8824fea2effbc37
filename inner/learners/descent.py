"""Gradient descent by name: SGD, momentum, Nesterov, Adam, Muon, FOOF, conjugate directions, on any feedback pathway.

    learner: {name: descent, method: adam, pathway: direct, schedule: cosine, normalise: true, values: {eta: 0.005}}

The equations and their sources are in `_descent_formulas.py`, `_muon.py`, `_foof.py` and `_conjugate.py`. A method that
changes every synapse by its own numbers is a formula with traces: it is printed, exported and run in C as the local rule
that it stands for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from torch import Tensor

from inner.components import Plain
from inner.learners import _descent_formulas as formulas
from inner.learners import base, local_rule
from inner.learners._conjugate import Conjugate
from inner.learners._foof import Foof
from inner.learners._muon import Muon
from inner.learners._shaped import Learner as Shaped
from inner.learners._shaped import Shaping
from inner.learners._values import adjusted, chosen, whole
from inner.learners.base import Cost, Example, Spec
from inner.life_data import Label
from inner.networks import mlp
from inner.networks.base import Network
from inner.rules.coefficient import Coefficient
from inner.rules.rule import Rule
from inner.sources import Told

SHAPED = {  # the rule that proposes, and the coefficients of what shapes its proposals
    "muon": ("nesterov", ()),
    "foof": ("sgd", ("damping", "memory")),
    "fletcher_reeves": ("plain", ("eta", "damping")),
    "polak_ribiere": ("plain", ("eta", "damping")),
}
CONJUGATE = ("fletcher_reeves", "polak_ribiere")
METHODS = (*formulas.LINEAR, *formulas.ADAPTIVE, *SHAPED)


@dataclass(frozen=True)
class Learner(base.Learner):
    """One method of descent; its `values` say which of its numbers are searched, and from where."""

    example: ClassVar[Example] = Example({"method": "adam", "pathway": "backprop"})
    network: Network = field(default_factory=mlp.Network)
    method: str = "sgd"
    pathway: str | Plain = field(default="backprop", hash=False)  # a name, or a mapping with its options
    schedule: str = "constant"  # of eta: constant, linear, cosine or inverse (1 / (1 + t / tau))
    warmup: float = 0.0  # share of a life in which eta rises from 0
    normalise: bool = False  # divide steps by 1 + k sum pre^2
    power: bool = False  # sign(g) |g|^H in place of g
    iterations: int = 5  # of muon
    every: int = 10  # foof: steps from one whole inverse to the next; the first steps have one each
    restart: int = 0  # conjugate directions: steps from one restart to the next; 0: only where a direction is no way down
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)  # see inner/learners/_values.py

    def __post_init__(self) -> None:
        chosen("method", self.method, METHODS)
        chosen("schedule", self.schedule, tuple(formulas.SCHEDULES))
        for option in ("normalise", "power"):
            if not isinstance(getattr(self, option), bool):
                raise ValueError(f"learner.{option}: expected true or false, got {str(getattr(self, option))[:40]!r}")
        number = isinstance(self.warmup, int | float) and not isinstance(self.warmup, bool)
        if not number or not 0 <= self.warmup <= 1:
            raise ValueError(f"learner.warmup: expected a share of the life from 0 to 1, got {str(self.warmup)[:40]!r}")
        whole("iterations", self.iterations)
        whole("every", self.every)
        whole("restart", self.restart, 0)
        if self.method in CONJUGATE and (self.schedule != "constant" or self.warmup):
            raise ValueError(f"learner.schedule: '{self.method}' finds the length of its steps, expected constant")
        if self.power and self.method in SHAPED:
            raise ValueError(f"learner.power: expected one of {', '.join(METHODS[: -len(SHAPED)])}, got method '{self.method}'")
        if any(c.share != "rule" for c in self.coefficients[len(self.rule.coefficients) :]):
            raise ValueError(f"learner.values: '{self.method}' has one value per network of {', '.join(self._further)}")

    @cached_property
    def rule(self) -> Rule:
        """The formula, with the initial values that `values` gives: of the step, or of what it is shaped from."""
        method = SHAPED[self.method][0] if self.method in SHAPED else self.method
        bare = formulas.rule_of(
            method, self.pathway, self.schedule, float(self.warmup), self.normalise, self.power, self.method
        )
        names = [c.name for c in bare.coefficients]
        defaults = formulas.coefficients_of(self.method, (*names, *self._further), bare.coefficients)
        found = adjusted(defaults, self.values)
        return Rule.from_dict({**bare.to_dict(), "coefficients": {c.name: c.to_dict() for c in found[: len(names)]}})

    @property
    def _further(self) -> tuple[str, ...]:
        return SHAPED[self.method][1] if self.method in SHAPED else ()

    @cached_property
    def lives_as(self) -> base.Learner:
        """The local rule that the method is, or a rule whose proposals are shaped."""
        if self.method not in SHAPED:
            return local_rule.Learner(self.rule, self.network)
        values = {name: given for name, given in self.values.items() if name in self._further}
        further = adjusted(formulas.coefficients_of(self.method, self._further), values) if self._further else ()
        return Shaped(self.rule, self.network, self._shaping, further)

    @property
    def _shaping(self) -> Shaping:
        """What turns the proposals of the rule into steps."""
        if self.method in CONJUGATE:
            return Conjugate(self.method == "polak_ribiere", self.restart)
        return Muon(self.iterations) if self.method == "muon" else Foof(self.every)

    @property
    def coefficients(self) -> tuple[Coefficient, ...]:
        """Rate, and what the method has beside it."""
        return self.lives_as.coefficients

    @property
    def formula(self) -> Rule | None:
        """The local rule; None for a method that shapes what a rule proposes."""
        return None if self.method in SHAPED else self.rule

    @property
    def knows(self) -> frozenset[str]:
        """As what it lives as."""
        return self.lives_as.knows

    @property
    def source(self) -> str:
        """The paper of the method."""
        return formulas.SOURCES[self.method]

    def text(self, values: Mapping[str, Any]) -> str:
        """The formula with numbers, or the method with its numbers."""
        if self.method not in SHAPED:
            return self.lives_as.text(values)
        pathway = self.rule.pathway
        return f"{self.method} ({pathway}): " + ", ".join(f"{name} {value:.3g}" for name, value in values.items())

    def accepts(self, spec: Spec) -> str:
        """Why it cannot learn in such a life, in words; empty where it can."""
        if spec.sequences and (self.rule.traces or self.method in CONJUGATE):
            return f"what '{self.method}' remembers of earlier steps would end with every sequence"
        return self.lives_as.accepts(spec)

    def cost(self, spec: Spec) -> Cost:
        """As what it lives as."""
        return self.lives_as.cost(spec)

    def footprint(self, spec: Spec) -> int:
        """As what it lives as."""
        return self.lives_as.footprint(spec)

    def init(
        self,
        spec: Spec,
        theta: Tensor,
        population: int,
        seed: int,
        labels: Sequence[Label],
        born: Sequence[Tensor] | None = None,
    ) -> Any:
        """Newborn networks [N]."""
        return self.lives_as.init(spec, theta, population, seed, labels, born)

    def act(self, state: Any, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[Any, Tensor]:
        """State and output [N, B, O]."""
        return self.lives_as.act(state, x, fresh, t)

    def learn(self, state: Any, told: Told, t: int | Tensor, into: bool = False) -> Any:
        """One step."""
        return self.lives_as.learn(state, told, t, into)

    def predict(self, state: Any, x: Tensor) -> Tensor:
        """Outputs [N, V, O] for x [N, V, I]."""
        return self.lives_as.predict(state, x)

    def view(self, state: Any, batch: int) -> Any:
        """The state with units at rest for `batch` samples."""
        return self.lives_as.view(state, batch)

    def moving(self, state: Any) -> list[Tensor]:
        """The weights."""
        return self.lives_as.moving(state)

    def freeze(self, state: Any, alive: Tensor) -> Any:
        """As what it lives as."""
        return self.lives_as.freeze(state, alive)

    def with_theta(self, state: Any, theta: Tensor) -> Any:
        """The same networks under other coefficients theta [N, D]."""
        return self.lives_as.with_theta(state, theta)
