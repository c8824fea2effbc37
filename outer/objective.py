"""The only place where `outer` meets `inner`: candidates go in, the scores of their lifetimes come out.

One sign everywhere: `fitness`, higher is better, float64 and finite. A life that left the finite range has the worst score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch

from inner.engines.choice import check_engine, live
from inner.learners.local_rule import Learner
from inner.rules.rule import Rule
from outer.fitness.base import Fitness
from outer.fitness.final import Fitness as Final
from outer.genome.coefficients import Genome
from outer.settings import Distribution, Setting


@dataclass(frozen=True)
class Evaluation:
    """What a generation of P candidates with L lifetimes each has earned."""

    fitness: np.ndarray  # [P] float64, finite
    scores: np.ndarray  # [P, L] float64
    alive: np.ndarray  # [P, L] bool
    steps: float | None = None  # inner steps lived by all candidates together; None: every life to its end
    # with a gradient estimator: [G, D] float64, the gradient of minus its loss, mean over
    # candidates and lifetimes, as one share per half of the lifetimes (G = 2, or 1 for one lifetime): it is their sum
    gradient: np.ndarray | None = None
    health: Mapping[str, float] = field(default_factory=dict)  # of the gradient: lives without one, lives clipped


@dataclass(frozen=True)
class Objective:
    """Scores the candidates of one rule over a distribution of settings; a value, so that any worker can hold a copy."""

    rule: Rule
    distribution: Distribution
    seed: int
    lifetimes: int = 6
    shapes: int = 2  # different settings per generation
    fitness: Fitness = Final()
    complexity: float = 0.0  # fitness lost per unit of sum |coefficient|
    engine: str = "auto"
    device: str = "cpu"  # or "cuda"
    fixed: bool = False  # so many lives in networks of one shape that they are worth a kernel of their own

    def __post_init__(self) -> None:
        check_engine(self.engine)
        if self.lifetimes < 1 or self.shapes < 1:
            raise ValueError(f"lifetimes and shapes: expected at least 1, got {self.lifetimes} and {self.shapes}")

    @cached_property
    def genome(self) -> Genome:
        """What a search over this objective moves. Raises ValueError where its size would depend on the setting."""
        return Genome(self.rule.coefficients, self.distribution.counts(self.rule.coefficients))

    def learner(self, setting: Setting) -> Learner:
        """What lives in a setting."""
        return Learner(self.rule, setting.network)

    def settings(self, generation: int, tier: str = "search") -> tuple[Setting, ...]:
        """The settings that all candidates of a generation share."""
        return self.distribution.settings(tier, self.seed, (generation,), self.lifetimes, self.shapes)

    def scores(self, vectors: np.ndarray, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
        """Scores [P, lives of this setting] float64 and alive [P, lives] of candidates [P, D], in one setting."""
        return self.lived(self.learner(setting), self.genome.decode(vectors), setting)

    def lived(self, learner: Learner, values: np.ndarray, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
        """Scores and alive [P, lives of this setting] of a learner with coefficient values [P, C]."""
        theta = torch.from_numpy(values)
        lives = setting.task.life_data(setting.tier, setting.steps, setting.batch, self.seed, setting.labels)
        if setting.until is not None:
            lives = replace(lives, order=lives.order[:, : setting.until])
        record = self.fitness.record(lives.order.shape[1])
        with torch.no_grad():
            places = (self.engine, learner, setting.task, lives, theta, self.seed, setting.labels)
            result = live(*places, record, self.fitness.prequential, self.device, self.fixed)
        return self.fitness.value(result, setting.task, lives), result.alive.numpy()

    def assemble(self, vectors: np.ndarray, parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> Evaluation:
        """Fitness from the scores per setting, in the order of `settings`."""
        scores = np.concatenate([score for score, _ in parts], axis=1)
        alive = np.concatenate([a for _, a in parts], axis=1)
        fitness = scores.mean(1)
        if self.complexity:
            fitness = fitness - self.complexity * np.abs(self.genome.decode(vectors)).sum(1)
        return Evaluation(np.where(np.isfinite(fitness), fitness, -1e9), scores, alive)
