"""The objective of a search over the coefficients of a learner, or over weights that its networks are born with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from inner.engines.choice import check_engine, choose, live
from inner.learners.base import Learner
from inner.learners.local_rule import Learner as LocalRule
from inner.life.request import Life
from inner.life.size import Bytes, Lives
from inner.life.unroll import Unroll
from inner.life_data import LifeData
from inner.rules.rule import Rule
from inner.sources import Source
from outer.aggregate import Aggregate
from outer.fitness.base import Fitness, steps_of
from outer.fitness.final import Fitness as Final
from outer.genome.base import Genome
from outer.genome.coefficients import CoefficientGenome
from outer.genome.network import NetworkGenome
from outer.gradient_estimators.base import GradientEstimator
from outer.objective import Evaluation, Lived, Objective, made_finite, side_by_side
from outer.reference import Reference
from outer.settings import Distribution, Setting


def learner_of(given: Learner | Rule) -> Learner:
    """A learner; a rule is read as the local rule."""
    return LocalRule(given) if isinstance(given, Rule) else given


def formula_of(learner: Learner, purpose: str) -> Rule:
    """The formula of a learner. Raises ValueError, with the `purpose`, for a learner that has none."""
    if learner.formula is None:
        raise ValueError(f"{purpose}: expected a learner with a formula, got '{learner.name}', which has none")
    return learner.formula


@dataclass(frozen=True)
class LearnerObjective(Objective):
    """Scores candidates of one learner over a distribution of settings.

    learner: the template; its network is that of each setting.
    born: the genome of the networks, where weights evolve; None: the learner's coefficients evolve. With a rule that
    changes nothing (its coefficients fixed at 0) the networks are scored as they are born.
    """

    learner: Learner  # a rule is read as the local rule
    distribution: Distribution
    seed: int
    lifetimes: int = 6
    shapes: int = 2  # different settings per generation
    fitness: Fitness = Final()
    complexity: float = 0.0  # fitness lost per unit of sum |theta|
    engine: str = "auto"
    device: str = "cpu"
    fixed: bool = False  # so many lives in networks of one shape that they are worth a kernel of their own
    born: NetworkGenome | None = None
    aggregate: Aggregate = Aggregate()  # of the lives of all settings
    reference: Reference | None = None  # scores are leads over it

    def __post_init__(self) -> None:
        object.__setattr__(self, "learner", learner_of(self.learner))
        check_engine(self.engine)
        if self.lifetimes < 1 or self.shapes < 1:
            raise ValueError(f"lifetimes and shapes: expected at least 1, got {self.lifetimes} and {self.shapes}")

    @cached_property
    def coefficients(self) -> CoefficientGenome:
        """The genome of the learner's coefficients. Raises ValueError where its size would depend on the setting."""
        coefficients = self.learner.coefficients
        return CoefficientGenome(coefficients, self.distribution.counts(coefficients))

    @property
    def genome(self) -> Genome:
        """The coefficients, or the networks where these evolve."""
        return self.coefficients if self.born is None else self.born

    def learner_in(self, setting: Setting) -> Learner:
        """The learner that lives in a setting."""
        return self.learner.on(setting.network) if self.born is None else self.born.learner

    def settings(self, generation: int, tier: str = "search", lifetimes: int | None = None) -> tuple[Setting, ...]:
        """The settings that all candidates of a generation share."""
        count = lifetimes or self.lifetimes
        return self.distribution.settings(tier, self.seed, (generation,), count, self.shapes)

    def engine_in(self, setting: Setting) -> str:
        """Native where there is a kernel for the learner."""
        return choose(self.engine, self.learner_in(setting), setting.spec, self.device)[0]

    def lives_in(self, setting: Setting) -> Lives:
        """The sizes of lives in a setting."""
        learner = self.learner_in(setting).lives_as
        values = sum(self.coefficients.counts) if self.born is None else self.born.layout.size
        records = len(self.fitness.record(setting.steps)) + 1
        return Lives(
            learner, setting.task, setting.tier, setting.steps, setting.batch, records, self.engine, self.device, values
        )  # fmt: skip

    def bytes_in(self, setting: Setting, estimator: GradientEstimator | None = None) -> Bytes:
        """From the sizes of networks, samples and tests."""
        found = self.lives_in(setting)
        return found.bytes if estimator is None else estimator.bytes_of(found)

    def lives(self, vectors: np.ndarray, setting: Setting) -> Lived:
        """Scores and alive of candidates [P, D] in one setting."""
        return self.lives_of(self.learner_in(setting), self.genome.decode(vectors), setting)

    def lives_of(self, learner: Learner, theta: np.ndarray, setting: Setting) -> Lived:
        """Scores and alive of a learner with theta [P, C] in one setting, by this objective's measure."""
        data = self.experience(setting)
        record = self.fitness.record(steps_of(data))
        with torch.no_grad():
            life = Life(
                learner, setting.task, data, torch.from_numpy(theta), self.seed, setting.labels, record,
                self.fitness.prequential, self.device, self.fixed,
            )  # fmt: skip
            result = live(life, self.engine)
        if isinstance(data, LifeData) and not bool(result.alive.any()):
            data.check_finite(type(setting.task).__module__.rpartition(".")[2])  # before anybody doubts the coefficients
        return Lived(self.fitness.value(result, setting.task, data), result.alive.numpy())

    @property
    def has_reference(self) -> bool:
        """True where scores are leads."""
        return self.reference is not None

    def reference_lives(self, setting: Setting) -> Lived | None:
        """The reference's lives [1, L] of this measure: data and initial weights are those of the candidates."""
        if self.reference is None:
            return None
        learner, theta, place = self.reference.placed(setting)
        return self.lives_of(learner, theta.numpy(), place)

    def reduced(self, scores: np.ndarray, settings: Sequence[Setting]) -> np.ndarray:
        """The aggregate [P] of scores [P, L] over worlds."""
        return self.aggregate.of_lives(scores, [len(setting.labels) for setting in settings])

    def experience(self, setting: Setting) -> LifeData | Source:
        """The experience of the lives of a setting, cut at its `until`. Raises ValueError for an environment that is cut."""
        data = setting.task.experience(setting.tier, setting.steps, setting.batch, self.seed, setting.labels)
        if setting.until is None:
            return data
        if not isinstance(data, LifeData):
            raise ValueError("racing: lives in an environment are scored as a whole; leave racing out")
        fresh, scored = (None if each is None else each[:, : setting.until] for each in (data.fresh, data.scored))
        whole = data.order.shape[1]
        return replace(data, order=data.order[:, : setting.until], fresh=fresh, scored=scored, whole=whole)

    def assemble(self, vectors: np.ndarray, settings: Sequence[Setting], lived: Sequence[Lived]) -> Evaluation:
        """Fitness is the aggregate of the scores less the price of complexity."""
        scores, alive = side_by_side(lived)
        fitness = self.reduced(scores, settings)
        if self.complexity:
            fitness = fitness - self.complexity * np.abs(self.genome.decode(vectors)).sum(1)
        return Evaluation(made_finite(fitness), scores, alive)

    def unroll(self, setting: Setting, loss: str) -> Unroll:
        """Whole lives, whatever `until` says."""
        data = setting.task.life_data(setting.tier, setting.steps, setting.batch, self.seed, setting.labels)
        return Unroll(self.learner_in(setting), setting.task, data, self.seed, setting.labels, loss)
