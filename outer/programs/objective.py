"""Scores programs: the same lives and fitness as any objective's, every candidate with a formula of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inner.learners.local_rule import Learner
from inner.rules.coefficient import Coefficient
from inner.rules.rule import Rule
from outer.objective import Evaluation, Objective
from outer.programs.interpreter import Interpreter
from outer.programs.program import GAIN, Language, Program, compile_rule, constant
from outer.settings import Setting


@dataclass(frozen=True)
class ProgramGenome:
    """Vectors of programs: what `outer/genome/coefficients.py` is for coefficients."""

    language: Language
    start_program: Program

    @property
    def size(self) -> int:
        """D."""
        return self.language.size

    @property
    def names(self) -> tuple[str, ...]:
        """Gain and constants: what has a value in every program."""
        return (GAIN.name, *(constant(c) for c in range(self.language.constants)))

    def layers(self) -> tuple[tuple[int, int], ...]:
        """No entry belongs to a layer."""
        return ()

    def start(self) -> np.ndarray:
        """The vector of the formula that the search starts from [D]."""
        return self.start_program.vector()

    def values(self, vector: np.ndarray) -> dict[str, float]:
        """Gain and constants of one vector [D]."""
        return dict(zip(self.names, Program.of(self.language, vector).values.tolist()))

    def summary(self, vector: np.ndarray) -> dict[str, float]:
        """The same: every one is a number."""
        return self.values(vector)


@dataclass(frozen=True)
class ProgramObjective:
    """An objective whose candidates are vectors of programs; `plain` holds the rule to start from, settings and fitness."""

    plain: Objective
    language: Language

    def __post_init__(self) -> None:
        self.language.check_inputs(tuple(self.plain.rule.traces))

    @property
    def seed(self) -> int:
        """Of every draw."""
        return self.plain.seed

    @property
    def distribution(self):  # noqa: ANN201  (the plain objective's)
        """Where lives come from."""
        return self.plain.distribution

    @property
    def device(self) -> str:
        """Where lives run."""
        return self.plain.device

    @property
    def rule(self) -> Rule:
        """The rule that the search starts from."""
        return self.plain.rule

    @property
    def genome(self) -> ProgramGenome:
        """What a search over this objective moves."""
        return ProgramGenome(self.language, compile_rule(self.language, self.plain.rule))

    @property
    def carrier(self) -> Rule:
        """A rule that mentions every input and constant, so that a learner prepares them all; it is never run."""
        names = [*self.language.inputs, *self.genome.names[1:]]
        rule = self.plain.rule
        bare = Rule(f"eta*({' + '.join(names)})", rule.traces, (), rule.pathway)
        own = {c.name: c for c in rule.coefficients}
        fixed = tuple(Coefficient(c.name, own[c.name].init if c.name in own else 0.0) for c in bare.coefficients)
        return replace(bare, coefficients=fixed)

    def programs(self, vectors: np.ndarray) -> list[Program]:
        """The programs of vectors [P, D]."""
        return [Program.of(self.language, vector) for vector in vectors]

    def settings(self, generation: int, tier: str = "search") -> tuple[Setting, ...]:
        """The settings that all candidates of a generation share."""
        return self.plain.settings(generation, tier)

    def scores(self, vectors: np.ndarray, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
        """Scores [P, lives of this setting] float64 and alive [P, lives] of candidates [P, D], in one setting."""
        programs, carrier, count = self.programs(vectors), self.carrier, len(setting.labels)
        theta = np.tile([c.init for c in carrier.coefficients], (len(programs), 1))
        columns = {c.name: d for d, c in enumerate(carrier.coefficients)}
        for name, values in zip(self.genome.names, np.stack([program.values for program in programs]).T):
            theta[:, columns[name]] = values
        padded = programs * 2 if len(programs) * count == 1 else programs  # as `live` does
        form = Interpreter.of(padded, count)
        return self.plain.lived(Learner(carrier, setting.network, form), theta, setting)

    def assemble(self, vectors: np.ndarray, parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> Evaluation:
        """Fitness from the scores per setting; `complexity` is charged per operation."""
        evaluation = replace(self.plain, complexity=0.0).assemble(
            np.zeros((len(vectors), self.plain.genome.size)), parts
        )
        if not self.plain.complexity:
            return evaluation
        sizes = np.array([program.complexity for program in self.programs(vectors)], dtype=np.float64)
        return replace(evaluation, fitness=evaluation.fitness - self.plain.complexity * sizes)


def rule_objective(objective: ProgramObjective, rule: Rule) -> Objective:
    """The ordinary objective of a discovered rule, over the same lives."""
    return replace(objective.plain, rule=rule, complexity=0.0)


def numbers_of(rule: Rule, values: Mapping[str, float]) -> np.ndarray:
    """The vector [D] of a rule's own objective that stands for these values."""
    from outer.genome.coefficients import Genome

    return Genome(rule.coefficients).encode(values)
