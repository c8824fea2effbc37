"""The objective of a search over programs: the lives and fitness of a learner's objective, a formula for every candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from inner.learners.local_rule import Learner
from inner.life.size import Bytes
from inner.rules.coefficient import Coefficient
from inner.rules.compiled import trace_sides
from inner.rules.rule import Rule
from outer.gradient_estimators.base import GradientEstimator
from outer.learner_objective import LearnerObjective, formula_of
from outer.objective import Evaluation, Lived, Objective
from outer.programs.genome import ProgramGenome
from outer.programs.interpreter import Interpreter
from outer.programs.program import Language, Program, beside_dw, compile_rule
from outer.settings import Distribution, Setting


@dataclass(frozen=True)
class ProgramObjective(Objective):
    """Scores vectors of programs; `plain` holds the rule to start from, the settings and the fitness."""

    plain: LearnerObjective
    language: Language
    seed: int = field(init=False)
    distribution: Distribution = field(init=False)
    device: str = field(init=False)

    def __post_init__(self) -> None:
        self.language.check_inputs(tuple(self.rule.traces))
        for name in ("seed", "distribution", "device"):
            object.__setattr__(self, name, getattr(self.plain, name))

    @property
    def rule(self) -> Rule:
        """The rule that the search starts from. Raises ValueError for a learner without a formula."""
        return formula_of(self.plain.learner, "search: program")

    @property
    def genome(self) -> ProgramGenome:
        """The genome that a search over this objective moves."""
        return ProgramGenome(self.language, compile_rule(self.language, self.rule))

    @property
    def carrier(self) -> Rule:
        """A rule that mentions every input and constant, so that a learner prepares them all; its formula never runs."""
        names = [*self.language.inputs, *self.genome.names[1:]]
        rule = self.rule
        bare = Rule(f"eta*({' + '.join(names)})", rule.traces, (), rule.pathway, **beside_dw(rule))
        own = {c.name: c for c in rule.coefficients}
        fixed = tuple(Coefficient(c.name, own[c.name].init if c.name in own else 0.0) for c in bare.coefficients)
        return replace(bare, coefficients=fixed)

    def programs(self, vectors: np.ndarray) -> list[Program]:
        """The programs of vectors [P, D]."""
        return [Program.of(self.language, vector) for vector in vectors]

    def settings(self, generation: int, tier: str = "search", lifetimes: int | None = None) -> tuple[Setting, ...]:
        """The settings that all candidates of a generation share."""
        return self.plain.settings(generation, tier, lifetimes)

    def engine_in(self, setting: Setting) -> str:
        """Eager: a kernel holds one formula."""
        return "eager"

    def bytes_in(self, setting: Setting, estimator: GradientEstimator | None = None) -> Bytes:
        """As of the carrier, and a register per synapse and sample for each leaf and node of a program."""
        carrier = self.carrier
        plain = replace(self.plain, learner=Learner(carrier), engine="eager")
        registers = float(self.language.leaves + self.language.nodes + 3)
        return replace(plain.lives_in(setting), scratch=registers).bytes

    def lives(self, vectors: np.ndarray, setting: Setting) -> Lived:
        """Scores and alive of candidates [P, D] in one setting."""
        programs, carrier, count = self.programs(vectors), self.carrier, len(setting.labels)
        theta = np.tile([c.init for c in carrier.coefficients], (len(programs), 1))
        columns = {c.name: d for d, c in enumerate(carrier.coefficients)}
        for name, values in zip(self.genome.names, np.stack([program.values for program in programs]).T):
            theta[:, columns[name]] = values
        padded = programs * 2 if len(programs) * count == 1 else programs  # as `live` does
        form = Interpreter.of(padded, count, trace_sides(carrier))
        return self.plain.lives_of(Learner(carrier, setting.network, form), theta, setting)

    @property
    def has_reference(self) -> bool:
        """As the plain objective."""
        return self.plain.has_reference

    def reference_lives(self, setting: Setting) -> Lived | None:
        """As the plain objective."""
        return self.plain.reference_lives(setting)

    def reduced(self, scores: np.ndarray, settings: Sequence[Setting]) -> np.ndarray:
        """As the plain objective."""
        return self.plain.reduced(scores, settings)

    def assemble(self, vectors: np.ndarray, settings: Sequence[Setting], lived: Sequence[Lived]) -> Evaluation:
        """Fitness is that of the plain objective; `complexity` is subtracted per operation."""
        evaluation = replace(self.plain, complexity=0.0).assemble(
            np.zeros((len(vectors), self.plain.genome.size)), settings, lived
        )
        if not self.plain.complexity:
            return evaluation
        sizes = np.array([program.complexity for program in self.programs(vectors)], dtype=np.float64)
        return replace(evaluation, fitness=evaluation.fitness - self.plain.complexity * sizes)


def rule_objective(objective: ProgramObjective, rule: Rule) -> LearnerObjective:
    """The objective of the coefficients of a discovered rule, over the same lives."""
    return replace(objective.plain, learner=Learner(rule), complexity=0.0)
